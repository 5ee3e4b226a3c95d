import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { RemedyEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';
import { approvalStep } from './approval-step.js';
import { type AutomationDocument, automationDocument, CREDENTIAL_PATTERN, resourceId } from './automation-document.js';

export interface ApprovalDocumentProps {
  readonly entry: RemedyEntry;
  /** Types of the resources that remedies work on. */
  readonly resourceTypes: readonly string[];
  /** ARN patterns of the principals whose approvals the policy counts. */
  readonly approvers: readonly string[];
  readonly names: Names;
}

/** The SSM document by which people ask that an announced act be approved, and others approve it. */
export class ApprovalDocument extends Construct {
  constructor(scope: Construct, id: string, { entry, resourceTypes, approvers, names }: ApprovalDocumentProps) {
    super(scope, id);
    const [resourceType, ...others] = new Set(resourceTypes);
    new ssm.CfnDocument(this, 'Document', {
      name: names.approve,
      documentType: 'Automation',
      documentFormat: 'JSON',
      updateMethod: 'NewVersion',
      content: approvalDocument(entry, others.length === 0 ? resourceType : undefined, approvers, names),
    });
  }
}

/**
 * `Approve` leads to the function, which writes the approval down, whichever remedy acts on it in the end. Whether it counts the
 * function asks the policy of that moment.
 */
export function approvalDocument(
  remedy: RemedyEntry,
  resourceType: string | undefined,
  approvers: readonly string[],
  names: Names,
): AutomationDocument {
  return automationDocument(
    'Approves what was announced of one credential. It is done once its time has come and every guard lets it.',
    {
      ResourceId: resourceId(resourceType),
      CredentialId: {
        type: 'String',
        description: 'Id of the credential, or console-password.',
        allowedPattern: CREDENTIAL_PATTERN,
      },
    },
    names.of(remedy),
    [approvalStep('Let Credwarden do what it has announced of {{ CredentialId }} of {{ ResourceId }}.', approvers)],
  );
}
