import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { RemedyEntry, RuleEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';
import { approvalStep } from './approval-step.js';
import {
  type AutomationDocument,
  automationDocument,
  type DocumentParameter,
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

const MESSAGE =
  '{{ Operation }} an exception from {{ Rule }} for {{ CredentialId }} of {{ ResourceId }} until {{ Until }}, ' +
  'answered for by {{ Owner }}: {{ Justification }}';

/**
 * `Ask` leads what needs an approval to `Approve`, everything else to the function at once: revoking only takes away,
 * holding leaves the rule's finding as it is, and mirroring writes tags that count for nothing.
 */
export function exceptionDocument(
  remedy: RemedyEntry,
  rules: readonly RuleEntry[],
  approvers: readonly string[],
  names: Names,
): AutomationDocument {
  const approve = approvalStep(MESSAGE, approvers);
  const ask: Step = {
    name: 'Ask',
    action: 'aws:branch',
    inputs: {
      Choices: ['grant', 'extend'].map((operation) => ({
        NextStep: approve.name,
        Variable: '{{ Operation }}',
        StringEquals: operation,
      })),
      Default: 'Remedy',
    },
  };
  return automationDocument(
    'Grants, extends or revokes an exception of one user from one rule, or has one credential left alone. Granting and extending wait for an approval.',
    exceptionParameters(rules),
    names.of(remedy),
    [ask, approve],
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
