import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { RemedyEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';
import { undoDocument } from './automation-document.js';

export interface UndoDocumentProps {
  readonly entry: RemedyEntry;
  /** Types of the resources that the remedy works on. */
  readonly resourceTypes: readonly string[];
  readonly names: Names;
}

/** The SSM document by which a person undoes a remedy on one credential. */
export class UndoDocument extends Construct {
  constructor(scope: Construct, id: string, { entry, resourceTypes, names }: UndoDocumentProps) {
    super(scope, id);
    const [resourceType, ...others] = new Set(resourceTypes);
    new ssm.CfnDocument(this, 'Document', {
      name: names.undo(entry),
      documentType: 'Automation',
      documentFormat: 'JSON',
      updateMethod: 'NewVersion',
      content: undoDocument(entry, others.length === 0 ? resourceType : undefined, names),
    });
  }
}
