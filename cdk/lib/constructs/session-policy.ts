import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Names } from '../names.js';

/**
 * The managed policy by which a remedy refuses the sessions of an IAM user: attached to the user, it denies everything to
 * requests that were signed in a session. Requests that were signed with a long-term key have no
 * `aws:TokenIssueTime` (IAM User Guide, "Revoke IAM role temporary security credentials"), so they go on.
 */
export class SessionPolicy extends Construct {
  readonly policy: iam.ManagedPolicy;

  constructor(scope: Construct, id: string, names: Names) {
    super(scope, id);
    this.policy = new iam.ManagedPolicy(this, 'Policy', {
      managedPolicyName: names.sessionPolicy,
      description: 'Refuses every session of the user that it is attached to; Credwarden takes it off after 36 hours.',
      statements: [
        new iam.PolicyStatement({
          effect: iam.Effect.DENY,
          actions: ['*'],
          resources: ['*'],
          conditions: { Null: { 'aws:TokenIssueTime': 'false' } },
        }),
      ],
    });
  }
}
