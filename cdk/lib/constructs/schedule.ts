import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { ScheduleEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';
import { METRIC_NAMESPACE, type Alarms } from './alarms.js';

/** A function that may look for remediation exceptions counts them. */
const READS_EXCEPTIONS = 'config:DescribeRemediationExceptions';

export interface ScheduleProps {
  readonly entry: ScheduleEntry;
  readonly function: lambda.IFunction;
  readonly names: Names;
  readonly alarms: Alarms;
}

/**
 * Invokes a function at a rate.
 *
 * There is no dead-letter queue: the event carries nothing, the next hour brings the same work again, and failures are
 * alarmed.
 */
export class Schedule extends Construct {
  constructor(scope: Construct, id: string, props: ScheduleProps) {
    super(scope, id);
    const { entry, names, alarms } = props;
    const name = names.of(entry);
    new events.Rule(this, 'Rate', {
      ruleName: name,
      description: entry.description,
      schedule: events.Schedule.expression(entry.rate),
      targets: [new targets.LambdaFunction(props.function)],
    });
    if (!entry.grants.some(({ actions }) => actions.includes(READS_EXCEPTIONS))) return;
    alarms.add(this, 'RemediationExceptions', {
      alarmName: `${name}-remediation-exceptions`,
      alarmDescription: 'AWS Config has stopped remediating a resource, or somebody told it to; the log names which.',
      metric: new cloudwatch.Metric({
        namespace: METRIC_NAMESPACE,
        metricName: 'RemediationExceptions',
        dimensionsMap: { Function: entry.name },
        statistic: 'Sum',
        period: Duration.hours(1),
      }),
      threshold: 0,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
  }
}
