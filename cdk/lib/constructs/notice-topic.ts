import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Names } from '../names.js';

/**
 * The topic by which owners are told. Each message has the attribute `owner`, by which a subscription's filter policy
 * chooses its own.
 *
 * It is encrypted by AWS's own key for SNS, which every principal of the account may use through SNS: only the schedule
 * publishes, and that key needs no grant. It does not let AWS services publish, which none should.
 */
export class NoticeTopic extends Construct {
  readonly topic: sns.Topic;

  constructor(scope: Construct, id: string, names: Names) {
    super(scope, id);
    this.topic = new sns.Topic(this, 'Topic', {
      topicName: names.noticeTopic,
      enforceSSL: true,
      masterKey: kms.Alias.fromAliasName(this, 'Key', 'alias/aws/sns'),
    });
  }
}
