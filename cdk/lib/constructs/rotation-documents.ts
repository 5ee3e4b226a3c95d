import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { RemedyEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';
import {
  type AutomationDocument,
  automationDocument,
  type DocumentParameter,
  resourceId,
} from './automation-document.js';

export interface RotationDocumentsProps {
  readonly entry: RemedyEntry;
  /** Types of the resources that the remedy works on. */
  readonly resourceTypes: readonly string[];
  readonly names: Names;
}

/** The SSM documents by which people have keys rotated, and say that nothing needs an old one any more. */
export class RotationDocuments extends Construct {
  constructor(scope: Construct, id: string, { entry, resourceTypes, names }: RotationDocumentsProps) {
    super(scope, id);
    const [resourceType, ...others] = new Set(resourceTypes);
    const type = others.length === 0 ? resourceType : undefined;
    const add = (child: string, name: string, content: AutomationDocument): void => {
      new ssm.CfnDocument(this, child, {
        name,
        documentType: 'Automation',
        documentFormat: 'JSON',
        updateMethod: 'NewVersion',
        content,
      });
    };
    add('Acknowledge', names.acknowledgeRotation, acknowledgementDocument(entry, type, names));
    add('Force', names.forceRotation, forceDocument(entry, type, names));
  }
}

const KEY = 'AKIA[A-Z0-9]{12,124}';

/** The document by which an owner says that nothing needs the old key any more. The function asks who has said so. */
export function acknowledgementDocument(
  remedy: RemedyEntry,
  resourceType: string | undefined,
  names: Names,
): AutomationDocument {
  return automationDocument(
    'Says that nothing needs an access key any more that is being rotated. It goes once its last use shows the same.',
    { ResourceId: resourceId(resourceType), CredentialId: keyId('Id of the old access key.', `^${KEY}$`) },
    names.of(remedy),
  );
}

/** The document by which a person has a key rotated whatever its age. It is rotated with the same care. */
export function forceDocument(remedy: RemedyEntry, resourceType: string | undefined, names: Names): AutomationDocument {
  return automationDocument(
    'Has an access key of a user rotated, or all of them, whatever their age. No key goes before its owner has another.',
    {
      ResourceId: resourceId(resourceType),
      CredentialId: keyId('Id of the access key, or all.', `^(all|${KEY})$`),
      Reason: {
        type: 'String',
        description: 'Why, in a sentence. It is kept in the ledger and told to the owner.',
        allowedPattern: '^[^{}"\\\\\\s][^{}"\\\\\\r\\n\\t]{2,398}[^{}"\\\\\\s]$',
      },
    },
    names.of(remedy),
  );
}

function keyId(description: string, allowedPattern: string): DocumentParameter {
  return { type: 'String', description, allowedPattern };
}
