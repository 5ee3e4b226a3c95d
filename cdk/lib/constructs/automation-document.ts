import type { FunctionEntry, RemedyEntry, RuleEntry } from '../configuration/catalogue.js';
import { idOf, type Names } from '../names.js';

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
/** The ids of all kinds of credentials of a user; a console password has no other than its kind. */
export const CREDENTIAL_PATTERN = '^(console-password|(AKIA|ACCA|APKA)[A-Z0-9]{12,124}|[A-Z0-9]{24,128})$';

/** Ids of resource types, where AWS documents their form; of any other type, what AWS Config allows as an id. */
const RESOURCE_PATTERNS: Readonly<Record<string, string>> = { 'AWS::IAM::User': '^AIDA[A-Z0-9]{12,124}$' };
const ANY_RESOURCE_PATTERN = '^[^\\s{}"]{1,512}$';

/**
 * The document that remedies one resource a rule has found. AWS Config knows one remediation of a rule; which of several
 * remedies acts, the policy says: the first hands on to another of them.
 */
export function remedyDocument(
  rule: RuleEntry,
  remedy: RemedyEntry,
  names: Names,
  others: readonly RemedyEntry[] = [],
): AutomationDocument {
  const description = `Remedies one ${rule.resourceType} that ${names.of(rule)} has found. ${remedy.description}`;
  const remedied = automationDocument(description, { ResourceId: resourceId(rule.resourceType) }, names.of(remedy));
  const document = rule.tells === undefined ? remedied : telling(remedied, { name: rule.tells }, names);
  return others.length === 0 ? document : handingOn(document, others, names);
}

/** The parameter with the name of a function that the document invokes besides. */
export function functionParameter(entry: Pick<FunctionEntry, 'name'>): string {
  return `${idOf(entry)}FunctionName`;
}

/**
 * `Tell` comes after `Remedy`, however that answered, and has another function tell what waits to be told of the resource: who
 * answers for a compromise is not left waiting for the hour. What it cannot tell waits for that all the same, so its failure
 * is none of the document's.
 */
function telling(document: AutomationDocument, teller: Pick<FunctionEntry, 'name'>, names: Names): AutomationDocument {
  const parameter = functionParameter(teller);
  const tell: Step = {
    ...invoke('Tell', parameter, 'Judge'),
    onFailure: 'Continue',
    inputs: { FunctionName: `{{ ${parameter} }}`, InputPayload: { UserId: '{{ ResourceId }}' } },
  };
  return {
    ...document,
    parameters: {
      ...document.parameters,
      [parameter]: functionName('Name of the function that tells what was done.', names.of(teller)),
    },
    mainSteps: document.mainSteps.flatMap((step) =>
      step.name === 'Remedy' ? [{ ...step, nextStep: tell.name }, tell] : [step],
    ),
  };
}

/**
 * `Judge` leads an answer that begins with `handed-on` to the step of the remedy that it names, whose answer is judged
 * alike. One that names another remedy fails: what is handed on to nobody is done by nobody.
 */
function handingOn(document: AutomationDocument, others: readonly RemedyEntry[], names: Names): AutomationDocument {
  const choices = [
    ...others.flatMap((remedy) => answersWith('Remedy', idOf(remedy), `{"status":"handed-on","to":"${remedy.name}"`)),
    ...answersWith('Remedy', 'Fail', '{"status":"handed-on"'),
  ];
  return {
    ...document,
    parameters: {
      ...document.parameters,
      ...Object.fromEntries(
        others.map((remedy) => [
          functionParameter(remedy),
          functionName(`Name of the function of ${remedy.name}.`, names.of(remedy)),
        ]),
      ),
    },
    mainSteps: [
      ...document.mainSteps.map((step) => (step.name === 'Judge' ? judge('Judge', 'Remedy', choices) : step)),
      ...others.flatMap((remedy) => [
        invoke(idOf(remedy), functionParameter(remedy), `Judge${idOf(remedy)}`),
        judge(`Judge${idOf(remedy)}`, idOf(remedy)),
      ]),
    ],
    outputs: [...document.outputs, ...others.map((remedy) => `${idOf(remedy)}.Payload`)],
  };
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
  remedy: string,
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
      FunctionName: functionName('Name of the function.', remedy),
      ...resource,
    },
    mainSteps: [
      ...before,
      invoke('Remedy', 'FunctionName', 'Judge'),
      judge('Judge', 'Remedy'),
      script('Done', ['def end(events, context):', '    return {}']),
      failure('Fail', 'the function answered without a status: see the output of the step that invoked it'),
    ],
    outputs: ['Remedy.Payload'],
  };
}

function functionName(description: string, preset: string): DocumentParameter {
  return { type: 'String', description, allowedPattern: FUNCTION_PATTERN, default: preset };
}

function invoke(name: string, parameter: string, nextStep: string): Step {
  return {
    name,
    action: 'aws:invokeLambdaFunction',
    timeoutSeconds: INVOKE_TIMEOUT_SECONDS,
    maxAttempts: 1,
    onFailure: 'Abort',
    inputs: {
      FunctionName: `{{ ${parameter} }}`,
      InputPayload: { ExecutionId: '{{ automation:EXECUTION_ID }}' },
    },
    nextStep,
  };
}

interface Choice {
  readonly NextStep: string;
  readonly Variable: string;
  readonly StartsWith: string;
}

/** An answer that begins so, as it is and encoded once more. */
function answersWith(step: string, next: string, start: string): Choice[] {
  const encoded = JSON.stringify(start).slice(0, -1);
  return [start, encoded].map((text) => ({ NextStep: next, Variable: `{{ ${step}.Payload }}`, StartsWith: text }));
}

function judge(name: string, step: string, before: readonly Choice[] = []): Step {
  return {
    name,
    action: 'aws:branch',
    inputs: { Choices: [...before, ...answersWith(step, 'Done', '{"status":')], Default: 'Fail' },
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
