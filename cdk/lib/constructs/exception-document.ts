import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { RemedyEntry, RuleEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';
import {
  type AutomationDocument,
  automationDocument,
  type DocumentParameter,
  failure,
  resourceId,
  type Step,
} from './automation-document.js';

export interface ExceptionDocumentProps {
  readonly entry: RemedyEntry;
  /** The rules from which there can be exceptions. */
  readonly rules: readonly RuleEntry[];
  /** ARN patterns of the principals whose approvals the policy counts. */
  readonly approvers: readonly string[];
  readonly names: Names;
}

/** The SSM document by which people ask for exceptions, and others approve them. */
export class ExceptionDocument extends Construct {
  constructor(scope: Construct, id: string, { entry, rules, approvers, names }: ExceptionDocumentProps) {
    super(scope, id);
    new ssm.CfnDocument(this, 'Document', {
      name: names.of(entry),
      documentType: 'Automation',
      documentFormat: 'JSON',
      updateMethod: 'NewVersion',
      content: exceptionDocument(entry, rules, approvers, names),
    });
  }
}

/** SSM waits a week for an approval, as it does where nothing is said, and 30 days at most. */
export const APPROVAL_SECONDS = 7 * 24 * 3600;

/** What is said where nobody can be asked for an approval. */
export const UNAPPROVED =
  'the policy names nobody who can approve: name a user, a role or a session in approvers, and deploy again';

/** Who answers for what is asked. */
export const OWNER: DocumentParameter = {
  type: 'String',
  description: 'Who answers for it: neither who asks nor who approves.',
  allowedPattern: '^[a-zA-Z0-9+=,.@_:/-]{3,256}$',
  default: 'none',
};

/** Why it is asked. */
export const JUSTIFICATION: DocumentParameter = {
  type: 'String',
  description: 'Why, in a sentence. It is kept in the ledger.',
  allowedPattern: '^[^{}"\\\\\\s][^{}"\\\\\\r\\n\\t]{2,398}[^{}"\\\\\\s]$',
  default: 'none',
};

/** The most that an `aws:approve` step takes. */
export const MOST_APPROVERS = 10;

const MESSAGE =
  '{{ Operation }} an exception from {{ Rule }} for {{ CredentialId }} of {{ ResourceId }} until {{ Until }}, ' +
  'answered for by {{ Owner }}: {{ Justification }}';

/**
 * `Ask` leads what needs an approval to `Approve`, everything else to the function at once: revoking only takes away,
 * holding leaves the rule's finding as it is, and mirroring writes tags that count for nothing.
 *
 * An approval step takes users, roles and sessions by name, no patterns. So it lists those that the policy names; whoever has
 * approved, the function asks the policy of that moment whether the approval counts.
 */
export function exceptionDocument(
  remedy: RemedyEntry,
  rules: readonly RuleEntry[],
  approvers: readonly string[],
  names: Names,
): AutomationDocument {
  const listed = listedApprovers(approvers);
  const next = listed.length > 0 ? 'Approve' : 'Unapproved';
  const ask: Step = {
    name: 'Ask',
    action: 'aws:branch',
    inputs: {
      Choices: ['grant', 'extend'].map((operation) => ({
        NextStep: next,
        Variable: '{{ Operation }}',
        StringEquals: operation,
      })),
      Default: 'Remedy',
    },
  };
  const approve: Step = {
    name: 'Approve',
    action: 'aws:approve',
    timeoutSeconds: APPROVAL_SECONDS,
    onFailure: 'Abort',
    inputs: { Message: MESSAGE, MinRequiredApprovals: 1, Approvers: listed },
    nextStep: 'Remedy',
  };
  const unapproved = failure('Unapproved', UNAPPROVED);
  return automationDocument(
    'Grants, extends or revokes an exception of one user from one rule, or has one credential left alone. Granting and extending wait for an approval.',
    exceptionParameters(rules),
    names.of(remedy),
    [ask, listed.length > 0 ? approve : unapproved],
  );
}

function exceptionParameters(rules: readonly RuleEntry[]): Readonly<Record<string, DocumentParameter>> {
  const types = new Set(rules.map(({ resourceType }) => resourceType));
  const [type, ...others] = types;
  return {
    Operation: {
      type: 'String',
      description:
        'grant, extend or revoke an exception; hold or release a credential. With mirror the tags of the user are brought in line with the ledger.',
      allowedPattern: '^(grant|extend|revoke|hold|release|mirror)$',
    },
    ResourceId: resourceId(others.length === 0 ? type : undefined),
    Rule: {
      type: 'String',
      description: 'The rule that may be broken; none for hold and release.',
      allowedPattern: `^(none|${rules.map(({ name }) => name).join('|')})$`,
      default: 'none',
    },
    CredentialId: {
      type: 'String',
      description: 'Id of the one credential that may break it, console-password, or all.',
      allowedPattern: '^(all|console-password|[A-Z0-9]{16,128})$',
      default: 'all',
    },
    Owner: { ...OWNER, description: `${OWNER.description} Extending keeps the owner if none is named.` },
    Justification: JUSTIFICATION,
    Until: {
      type: 'String',
      description: 'The last day (UTC), such as 2026-12-31, or the last second, such as 2026-12-31T12:00:00Z.',
      allowedPattern: '^(none|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,18}(Z|[+-][0-9]{2}:[0-9]{2}))?)$',
      default: 'none',
    },
  };
}

/**
 * Who can be listed of those whom the policy counts: the partition and the account may be any, and are this one's; sessions
 * of any name are listed by their role.
 *
 * @throws Error where there are more than a step takes.
 */
export function listedApprovers(patterns: readonly string[]): readonly string[] {
  const listed = new Set(patterns.map(listedAs).filter((arn) => arn !== undefined));
  if (listed.size > MOST_APPROVERS) {
    throw new Error(
      `the policy names ${listed.size} approvers, and an approval step takes ${MOST_APPROVERS}\n` +
        'hint: name roles in `approvers` in place of people',
    );
  }
  return [...listed];
}

function listedAs(pattern: string): string | undefined {
  const [, partition, service, , account, ...rest] = pattern.split(':');
  const session = /^assumed-role\/([^/]+)\/\*$/.exec(rest.join(':'));
  const [of, resource] = session === null ? [service, rest.join(':')] : ['iam', `role/${session[1] ?? ''}`];
  if (of === undefined || /[*?]/.test(resource)) return undefined;
  const here = (part: string | undefined, variable: string): string | undefined =>
    part === '*' ? `{{ global:${variable} }}` : part;
  const [inPartition, ofAccount] = [here(partition, 'AWS_PARTITION'), here(account, 'ACCOUNT_ID')];
  if (inPartition === undefined || ofAccount === undefined) return undefined;
  return /[*?]/.test(`${inPartition}${ofAccount}`) ? undefined : `arn:${inPartition}:${of}::${ofAccount}:${resource}`;
}
