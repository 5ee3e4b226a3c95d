import type { RemedyEntry, RuleEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';

/**
 * Content of an SSM Automation document, schema 0.3, as far as Credwarden's documents use it. It is static: no value
 * in it is known only at deployment, so a document can be checked at synth and shared by ARN.
 */
export interface AutomationDocument {
  readonly schemaVersion: '0.3';
  readonly description: string;
  readonly assumeRole: string;
  readonly parameters: Readonly<Record<string, DocumentParameter>>;
  readonly mainSteps: readonly Step[];
  readonly outputs: readonly string[];
}

export interface DocumentParameter {
  readonly type: 'String';
  readonly description: string;
  readonly allowedPattern: string;
  readonly default?: string;
}

export interface Step {
  readonly name: string;
  readonly action: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly timeoutSeconds?: number;
  readonly maxAttempts?: number;
  readonly onFailure?: string;
  readonly nextStep?: string;
  readonly isEnd?: boolean;
}

/** Longest that SSM waits in an `aws:invokeLambdaFunction` step, whatever the function's own time limit. */
const INVOKE_TIMEOUT_SECONDS = 300;

const ROLE_PATTERN = '^arn:aws[a-z-]*:iam::[0-9]{12}:role/[a-zA-Z0-9+=,.@_/-]{1,512}$';
const FUNCTION_PATTERN = '^[a-zA-Z0-9_-]{1,64}$';
const CREDENTIAL_PATTERN = '^((AKIA|ACCA|APKA)[A-Z0-9]{12,124}|[A-Z0-9]{24,128})$';

/** Ids of resource types, where AWS documents their form; of any other type, what AWS Config allows as an id. */
const RESOURCE_PATTERNS: Readonly<Record<string, string>> = { 'AWS::IAM::User': '^AIDA[A-Z0-9]{12,124}$' };
const ANY_RESOURCE_PATTERN = '^[^\\s{}"]{1,512}$';

/** The document that remedies one resource a rule has found. */
export function remedyDocument(rule: RuleEntry, remedy: RemedyEntry, names: Names): AutomationDocument {
  return automationDocument(
    `Remedies one ${rule.resourceType} that ${names.of(rule)} has found. ${remedy.description}`,
    { ResourceId: resourceId(rule.resourceType) },
    names.of(remedy),
  );
}

/**
 * The document that undoes what a remedy did to one credential of one resource.
 *
 * @param resourceType type of the resources that the remedy works on, if it is one type.
 */
export function undoDocument(remedy: RemedyEntry, resourceType: string | undefined, names: Names): AutomationDocument {
  return automationDocument(
    `Undoes ${names.of(remedy)} on one credential, and holds it, so that the next evaluation does not do it again.`,
    {
      ResourceId: resourceId(resourceType),
      CredentialId: {
        type: 'String',
        description: 'Id of the credential, such as an access key id.',
        allowedPattern: CREDENTIAL_PATTERN,
      },
    },
    names.of(remedy),
  );
}

/**
 * `Remedy` invokes the function; `Judge` looks at its answer; `Done` and `Fail` end the automation.
 *
 * AWS does not document whether a Lambda error (`FunctionError`) fails an `aws:invokeLambdaFunction` step. If it does,
 * `Remedy` aborts the automation as failed. If it does not, the step's `Payload` is Lambda's error object,
 * `{"errorType": ...}`, which `Judge` does not recognise, so that `Fail` ends the automation as failed. An answer of
 * the function begins with `status`. `Payload` is documented as the JSON representation of the returned object; the
 * second choice of `Judge` reads the same text encoded as a JSON string once more. `FunctionError` itself is referred
 * to nowhere, because it does not exist after a success, and a reference without a value stops an automation.
 *
 * The function gets the execution's id and nothing else: it reads resource, requester and approvals from SSM, so no
 * parameter can claim them. It is invoked once (`maxAttempts` 1); what repeats is the ledger's schedule.
 *
 * What comes before leads to `Remedy`, or ends the automation.
 *
 * A script that raises is how a runbook fails on purpose; `Done` is a script too, because a branch can only lead to a
 * step, and so documents need no more than three kinds.
 */
export function automationDocument(
  description: string,
  resource: Readonly<Record<string, DocumentParameter>>,
  functionName: string,
  before: readonly Step[] = [],
): AutomationDocument {
  return {
    schemaVersion: '0.3',
    description,
    assumeRole: '{{ AutomationAssumeRole }}',
    parameters: {
      AutomationAssumeRole: {
        type: 'String',
        description: 'ARN of the role that may invoke the function: output AutomationRoleArn of the stack.',
        allowedPattern: ROLE_PATTERN,
      },
      FunctionName: {
        type: 'String',
        description: 'Name of the function.',
        allowedPattern: FUNCTION_PATTERN,
        default: functionName,
      },
      ...resource,
    },
    mainSteps: [
      ...before,
      {
        name: 'Remedy',
        action: 'aws:invokeLambdaFunction',
        timeoutSeconds: INVOKE_TIMEOUT_SECONDS,
        maxAttempts: 1,
        onFailure: 'Abort',
        inputs: {
          FunctionName: '{{ FunctionName }}',
          InputPayload: { ExecutionId: '{{ automation:EXECUTION_ID }}' },
        },
        nextStep: 'Judge',
      },
      {
        name: 'Judge',
        action: 'aws:branch',
        inputs: {
          Choices: [
            { NextStep: 'Done', Variable: '{{ Remedy.Payload }}', StartsWith: '{"status":' },
            { NextStep: 'Done', Variable: '{{ Remedy.Payload }}', StartsWith: '"{\\"status\\":' },
          ],
          Default: 'Fail',
        },
      },
      script('Done', ['def end(events, context):', '    return {}']),
      failure('Fail', 'the function answered without a status: see the output of the step Remedy'),
    ],
    outputs: ['Remedy.Payload'],
  };
}

/** A step that fails the automation, saying why. */
export function failure(name: string, why: string): Step {
  return script(name, ['def end(events, context):', `    raise RuntimeError(${JSON.stringify(why)})`]);
}

function script(name: string, lines: readonly string[]): Step {
  return {
    name,
    action: 'aws:executeScript',
    timeoutSeconds: 60,
    maxAttempts: 1,
    onFailure: 'Abort',
    inputs: { Runtime: 'python3.11', Handler: 'end', Script: lines.join('\n') },
    isEnd: true,
  };
}

export function resourceId(resourceType: string | undefined): DocumentParameter {
  return {
    type: 'String',
    description: `Id of the ${resourceType ?? 'resource'}, as AWS Config knows it.`,
    allowedPattern: RESOURCE_PATTERNS[resourceType ?? ''] ?? ANY_RESOURCE_PATTERN,
  };
}
