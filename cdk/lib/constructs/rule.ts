import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as config from 'aws-cdk-lib/aws-config';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { RemedyEntry, RuleEntry } from '../configuration/catalogue.js';
import type { Deployment } from '../configuration/deployment.js';
import type { Names } from '../names.js';
import { METRIC_NAMESPACE, type Alarms } from './alarms.js';
import { functionParameter, remedyDocument } from './automation-document.js';

export interface RuleProps {
  readonly entry: RuleEntry;
  readonly remedy: RemedyEntry;
  /** Remedies that it may hand on to. */
  readonly others: readonly RemedyEntry[];
  readonly function: lambda.IFunction;
  readonly deployment: Deployment;
  readonly names: Names;
  readonly automationRole: iam.IRole;
  readonly alarms: Alarms;
}

/** An AWS Config rule, the SSM document that remedies what it finds, and what binds the two. */
export class Rule extends Construct {
  /** Made up by AWS Config. */
  readonly arn: string;

  constructor(scope: Construct, id: string, props: RuleProps) {
    super(scope, id);
    const { entry, remedy, others, deployment, names, automationRole, alarms } = props;
    const name = names.of(entry);

    // Limited by account and not by the rule's ARN: AWS Config checks the permission before it makes the rule.
    const permission = new lambda.CfnPermission(this, 'Permission', {
      action: 'lambda:InvokeFunction',
      functionName: props.function.functionArn,
      principal: 'config.amazonaws.com',
      sourceAccount: Stack.of(this).account,
    });

    // The L2 construct would give the role AWS's managed policy, which may write any rule's results and more.
    const rule = new config.CfnConfigRule(this, 'Rule', {
      configRuleName: name,
      description: entry.description,
      source: {
        owner: 'CUSTOM_LAMBDA',
        sourceIdentifier: props.function.functionArn,
        sourceDetails: [
          {
            eventSource: 'aws.config',
            messageType: 'ScheduledNotification',
            maximumExecutionFrequency: entry.frequency,
          },
        ],
      },
    });
    rule.addResourceDependency(permission);
    this.arn = rule.attrArn;

    const document = new ssm.CfnDocument(this, 'Document', {
      name,
      documentType: 'Automation',
      documentFormat: 'JSON',
      updateMethod: 'NewVersion',
      content: remedyDocument(entry, remedy, names, others),
    });

    const { remediation } = deployment;
    new config.CfnRemediationConfiguration(this, 'Remediation', {
      configRuleName: rule.ref,
      resourceType: entry.resourceType,
      targetType: 'SSM_DOCUMENT',
      targetId: document.ref,
      // Raw JSON to CDK, hence the names with capitals.
      parameters: {
        AutomationAssumeRole: { StaticValue: { Values: [automationRole.roleArn] } },
        FunctionName: { StaticValue: { Values: [names.of(remedy)] } },
        ...Object.fromEntries(
          others.map((other) => [functionParameter(other), { StaticValue: { Values: [names.of(other)] } }]),
        ),
        ...(entry.tells === undefined
          ? {}
          : {
              [functionParameter({ name: entry.tells })]: {
                StaticValue: { Values: [names.of({ name: entry.tells })] },
              },
            }),
        ResourceId: { ResourceValue: { Value: 'RESOURCE_ID' } },
      },
      automatic: remediation.mode === 'automatic',
      ...(remediation.mode === 'automatic'
        ? { maximumAutomaticAttempts: remediation.attempts, retryAttemptSeconds: remediation.retrySeconds }
        : {}),
    });

    alarms.add(this, 'NoCompletePass', {
      alarmName: `${name}-no-complete-pass`,
      alarmDescription: `${name} has not scanned the account to its end for ${SILENCE_PERIODS * SILENCE_PERIOD.toHours()} hours.`,
      metric: new cloudwatch.Metric({
        namespace: METRIC_NAMESPACE,
        metricName: 'CompletePasses',
        dimensionsMap: { Rule: name },
        statistic: 'Sum',
        period: SILENCE_PERIOD,
      }),
      threshold: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: SILENCE_PERIODS,
      datapointsToAlarm: SILENCE_PERIODS,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    });
  }
}

/** A rule runs once a day at least: 36 hours without a complete pass are one run missed and half a day of grace. */
const SILENCE_PERIOD = Duration.hours(12);
const SILENCE_PERIODS = 3;
