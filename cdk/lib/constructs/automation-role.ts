import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { FunctionEntry, RemedyEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';

export interface AutomationRoleProps {
  readonly remedies: readonly RemedyEntry[];
  /** Functions that tell what a remedy did, and change nothing. */
  readonly tellers: readonly FunctionEntry[];
  readonly names: Names;
}

/**
 * The role that every document runs with. It may invoke the remedies, and what tells of them, and nothing else, so whoever
 * starts a document, and whatever function they name, nothing but these run; what a remedy then does, its own guards decide.
 */
export class AutomationRole extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, { remedies, tellers, names }: AutomationRoleProps) {
    super(scope, id);
    const stack = Stack.of(this);
    this.role = new iam.Role(this, 'Role', {
      description: `What SSM Automation may do in documents of ${names.prefix}: invoke the remedies.`,
      // SSM runs automations of all accounts; it may assume this role for this account's only.
      assumedBy: new iam.ServicePrincipal('ssm.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
      }),
      inlinePolicies: {
        remedies: new iam.PolicyDocument({
          statements: [
            // By name: CDK's own grant would also allow every version and alias.
            new iam.PolicyStatement({
              actions: ['lambda:InvokeFunction'],
              resources: [...remedies, ...tellers].map((entry) =>
                stack.formatArn({
                  service: 'lambda',
                  resource: 'function',
                  resourceName: names.of(entry),
                  arnFormat: ArnFormat.COLON_RESOURCE_NAME,
                }),
              ),
            }),
          ],
        }),
      },
    });
  }
}
