import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

/** Namespace of the metrics that the functions write into their logs (CloudWatch's embedded metric format). */
export const METRIC_NAMESPACE = 'Credwarden';

/** Makes alarms that notify the deployment's topic, if it has one. */
export class Alarms {
  constructor(private readonly topicArn: string | undefined) {}

  add(scope: Construct, id: string, props: cloudwatch.AlarmProps): cloudwatch.Alarm {
    const alarm = new cloudwatch.Alarm(scope, id, props);
    const { topicArn } = this;
    if (topicArn !== undefined) alarm.addAlarmAction({ bind: () => ({ alarmActionArn: topicArn }) });
    return alarm;
  }
}
