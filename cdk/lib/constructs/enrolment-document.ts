import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { RemedyEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';
import { approvalStep } from './approval-step.js';
import {
  type AutomationDocument,
  automationDocument,
  type DocumentParameter,
  resourceId,
  type Step,
} from './automation-document.js';
import { JUSTIFICATION, OWNER } from './exception-document.js';

export interface EnrolmentDocumentProps {
  readonly entry: RemedyEntry;
  /** ARN patterns of the principals whose approvals the policy counts. */
  readonly approvers: readonly string[];
  readonly names: Names;
}

/** The SSM document by which people have users enrolled, and others approve that. */
export class EnrolmentDocument extends Construct {
  constructor(scope: Construct, id: string, { entry, approvers, names }: EnrolmentDocumentProps) {
    super(scope, id);
    new ssm.CfnDocument(this, 'Document', {
      name: names.enrolUser,
      documentType: 'Automation',
      documentFormat: 'JSON',
      updateMethod: 'NewVersion',
      content: enrolmentDocument(entry, approvers, names),
    });
  }
}

const MESSAGE =
  '{{ Operation }} {{ ResourceId }}: new access keys come into {{ Secret }}, where {{ Retriever }} fetches them, ' +
  'answered for by {{ Owner }}: {{ Justification }}';

/**
 * Enrolling waits for an approval: whoever may read the secret gets the keys. Withdrawing only takes away, and waits for none.
 * Whoever has approved, the function asks the policy of that moment whether the approval counts.
 */
export function enrolmentDocument(remedy: RemedyEntry, approvers: readonly string[], names: Names): AutomationDocument {
  const approve = approvalStep(MESSAGE, approvers);
  const ask: Step = {
    name: 'Ask',
    action: 'aws:branch',
    inputs: {
      Choices: [{ NextStep: approve.name, Variable: '{{ Operation }}', StringEquals: 'enrol' }],
      Default: 'Remedy',
    },
  };
  return automationDocument(
    'Has new access keys of one user minted into a secret, or no more. Enrolling waits for an approval.',
    enrolmentParameters(),
    names.of(remedy),
    [ask, approve],
  );
}

function enrolmentParameters(): Readonly<Record<string, DocumentParameter>> {
  return {
    Operation: {
      type: 'String',
      description: 'enrol a user, or withdraw its enrolment.',
      allowedPattern: '^(enrol|withdraw)$',
    },
    ResourceId: resourceId('AWS::IAM::User'),
    Secret: {
      type: 'String',
      description: 'Whole ARN of the secret into which new keys come.',
      allowedPattern: '^(none|arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9/_+=.@!-]{1,512})$',
      default: 'none',
    },
    Retriever: {
      type: 'String',
      description: 'ARN of the role, or of another user, that fetches the keys there.',
      allowedPattern: '^(none|arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[a-zA-Z0-9/_+=,.@-]{1,512})$',
      default: 'none',
    },
    Owner: OWNER,
    Justification: JUSTIFICATION,
  };
}
