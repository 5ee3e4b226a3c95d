import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as destinations from 'aws-cdk-lib/aws-lambda-destinations';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { FunctionEntry } from '../configuration/catalogue.js';
import type { Deployment } from '../configuration/deployment.js';
import type { Names } from '../names.js';
import { acknowledgeWildcards } from './acknowledgements.js';
import type { Alarms } from './alarms.js';
import type { FunctionCodes } from './function-code.js';
import { type GrantResources, grantStatements } from './grants.js';

export interface CatalogueFunctionProps {
  readonly entry: FunctionEntry;
  readonly deployment: Deployment;
  readonly names: Names;
  readonly codes: FunctionCodes;
  readonly alarms: Alarms;
  readonly environment: Readonly<Record<string, string>>;
  /** What the grants' targets are. */
  readonly resources: GrantResources;
  /** ARN of the managed policy that refuses sessions. */
  readonly sessionPolicyArn: string;
  /** What the function may not call, whatever its grants say. */
  readonly denied: readonly iam.PolicyStatement[];
  /** Where Lambda puts an event that the function has failed on for the last time. */
  readonly failures?: sqs.IQueue;
}

/** How often, and for how long, Lambda tries an event that it was given to keep again: the most that it does. */
const RETRIES = 2;
const EVENT_AGE = Duration.hours(6);

/** A function of the catalogue with its own role, log group and alarm on errors. */
export class CatalogueFunction extends Construct {
  readonly function: lambda.Function;
  readonly role: iam.Role;
  readonly built: boolean;

  constructor(scope: Construct, id: string, props: CatalogueFunctionProps) {
    super(scope, id);
    const { entry, deployment, names, codes, alarms, environment, resources, sessionPolicyArn, denied, failures } =
      props;
    const name = names.of(entry);

    // Kept when the stack is removed, like the ledger: the log tells why each step was taken.
    const logGroup = new logs.LogGroup(this, 'Log', {
      logGroupName: `/aws/lambda/${name}`,
      retention: deployment.logRetentionDays,
      removalPolicy: RemovalPolicy.RETAIN,
      ...(deployment.kmsKeyArn === undefined
        ? {}
        : { encryptionKey: kms.Key.fromKeyArn(this, 'LogKey', deployment.kmsKeyArn) }),
    });
    const writeLog = new iam.PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    });

    const onBehalf = [
      writeLog,
      ...(failures === undefined
        ? []
        : [new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: [failures.queueArn] })]),
    ];

    // The policy is part of the role, not attached to it afterwards, so a function never runs without its grants.
    this.role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: `What ${name} may call.`,
      inlinePolicies: {
        calls: new iam.PolicyDocument({
          statements: [...onBehalf, ...grantStatements(entry.grants, resources, sessionPolicyArn), ...denied],
        }),
      },
    });
    acknowledgeWildcards(this.role, entry.grants, resources);

    const { code, built } = codes(entry.name);
    this.built = built;
    this.function = new lambda.Function(this, 'Function', {
      functionName: name,
      description: entry.description,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: deployment.architecture === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64,
      handler: 'bootstrap',
      code,
      memorySize: entry.memoryMb,
      timeout: Duration.seconds(entry.timeoutSeconds),
      // By ARN: given the role itself, CDK also writes a dependency that CloudFormation sees anyway.
      role: iam.Role.fromRoleArn(this, 'OwnRole', this.role.roleArn, { mutable: false }),
      logGroup,
      environment: { ...environment },
      ...(deployment.reservedConcurrency === undefined
        ? {}
        : { reservedConcurrentExecutions: deployment.reservedConcurrency }),
    });

    if (failures !== undefined) {
      this.function.configureAsyncInvoke({
        retryAttempts: RETRIES,
        maxEventAge: EVENT_AGE,
        onFailure: new destinations.SqsDestination(failures),
      });
    }

    alarms.add(this, 'Errors', {
      alarmName: `${name}-errors`,
      alarmDescription: `${name} has failed; its log group /aws/lambda/${name} says why.`,
      metric: new cloudwatch.Metric({
        namespace: 'AWS/Lambda',
        metricName: 'Errors',
        dimensionsMap: { FunctionName: name },
        statistic: 'Sum',
        period: Duration.hours(1),
      }),
      threshold: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
  }
}
