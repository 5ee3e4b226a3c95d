import { Duration, Validations } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { ListenerEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';
import type { Alarms } from './alarms.js';

/** As long as SQS keeps a message. */
const RETENTION = Duration.days(14);

export interface FailedEventsProps {
  readonly entry: ListenerEntry;
  readonly names: Names;
  readonly alarms: Alarms;
}

/** The events that a function could not take, kept for a person, with an alarm while there is one. */
export class FailedEvents extends Construct {
  readonly queue: sqs.Queue;

  constructor(scope: Construct, id: string, { entry, names, alarms }: FailedEventsProps) {
    super(scope, id);
    const name = names.failedEvents(entry);
    this.queue = new sqs.Queue(this, 'Queue', {
      queueName: name,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: RETENTION,
    });
    Validations.of(this.queue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue itself: nothing but a person takes its messages.',
    });

    alarms.add(this, 'Waiting', {
      alarmName: name,
      alarmDescription: `${names.of(entry)} could not take an event; the queue ${name} keeps it for ${RETENTION.toDays()} days.`,
      metric: new cloudwatch.Metric({
        namespace: 'AWS/SQS',
        metricName: 'ApproximateNumberOfMessagesVisible',
        dimensionsMap: { QueueName: name },
        statistic: 'Maximum',
        period: Duration.hours(1),
      }),
      threshold: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
  }
}
