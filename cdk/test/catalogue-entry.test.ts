import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Match } from 'aws-cdk-lib/assertions';
import { checkTemplate } from '../lib/validation/template.js';
import { objectOf } from '../lib/validation/json.js';
import { permissionsOf, plain, resourceNamed, resourcesOf, roleOf } from './template-reading.js';
import { CATALOGUE, newListener, newRemedy, newRotator, newRule, profile, props, synthesize } from './world.js';

function withNewEntries(): ReturnType<typeof synthesize> {
  const catalogue = {
    rules: [...CATALOGUE.rules, newRule()],
    remedies: [...CATALOGUE.remedies, newRemedy()],
    rotators: [...CATALOGUE.rotators, newRotator()],
    schedules: [
      ...CATALOGUE.schedules,
      {
        name: 'send-digest',
        description: 'Sends a digest.',
        rate: 'rate(1 day)',
        memoryMb: 128,
        timeoutSeconds: 30,
        grants: [],
      },
    ],
    events: [...CATALOGUE.events, newListener()],
  };
  return synthesize(props({ catalogue }));
}

test('an entry of the catalogue is all that a new rule needs', () => {
  const { template, json } = withNewEntries();
  const ruleFunction = resourceNamed(json, 'AWS::Lambda::Function', 'FunctionName', 'credwarden-console-mfa');
  const rule = resourceNamed(json, 'AWS::Config::ConfigRule', 'ConfigRuleName', 'credwarden-console-mfa');
  const document = resourceNamed(json, 'AWS::SSM::Document', 'Name', 'credwarden-console-mfa');

  template.hasResourceProperties('AWS::Lambda::Function', {
    FunctionName: 'credwarden-console-mfa',
    Description: 'Console passwords have MFA.',
    Runtime: 'provided.al2023',
    Handler: 'bootstrap',
    Architectures: ['x86_64'],
    MemorySize: 512,
    Timeout: 60,
    Environment: {
      Variables: {
        CREDWARDEN_PREFIX: 'credwarden',
        CREDWARDEN_POLICY_PARAMETER: '/credwarden/policy',
        CREDWARDEN_LEDGER_TABLE: 'credwarden-ledger',
      },
    },
  });
  template.hasResourceProperties('AWS::Logs::LogGroup', {
    LogGroupName: '/aws/lambda/credwarden-console-mfa',
    RetentionInDays: 365,
  });
  template.hasResourceProperties('AWS::Lambda::Permission', {
    Action: 'lambda:InvokeFunction',
    Principal: 'config.amazonaws.com',
    SourceAccount: { Ref: 'AWS::AccountId' },
    FunctionName: { 'Fn::GetAtt': [ruleFunction.id, 'Arn'] },
  });
  template.hasResourceProperties('AWS::Config::ConfigRule', {
    ConfigRuleName: 'credwarden-console-mfa',
    Scope: Match.absent(),
    InputParameters: Match.absent(),
    Source: {
      Owner: 'CUSTOM_LAMBDA',
      SourceIdentifier: { 'Fn::GetAtt': [ruleFunction.id, 'Arn'] },
      SourceDetails: [
        {
          EventSource: 'aws.config',
          MessageType: 'ScheduledNotification',
          MaximumExecutionFrequency: 'Six_Hours',
        },
      ],
    },
  });
  template.hasResourceProperties('AWS::Config::RemediationConfiguration', {
    ConfigRuleName: { Ref: rule.id },
    ResourceType: 'AWS::IAM::User',
    TargetType: 'SSM_DOCUMENT',
    TargetId: { Ref: document.id },
    Parameters: {
      AutomationAssumeRole: { StaticValue: { Values: [{ 'Fn::GetAtt': [Match.anyValue(), 'Arn'] }] } },
      FunctionName: { StaticValue: { Values: ['credwarden-restrict-console'] } },
      ResourceId: { ResourceValue: { Value: 'RESOURCE_ID' } },
    },
    Automatic: true,
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'credwarden-console-mfa-errors',
    Namespace: 'AWS/Lambda',
    MetricName: 'Errors',
    Dimensions: [{ Name: 'FunctionName', Value: 'credwarden-console-mfa' }],
    TreatMissingData: 'notBreaching',
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'credwarden-console-mfa-no-complete-pass',
    Namespace: 'Credwarden',
    MetricName: 'CompletePasses',
    Dimensions: [{ Name: 'Rule', Value: 'credwarden-console-mfa' }],
    ComparisonOperator: 'LessThanThreshold',
    Threshold: 1,
    Period: 43200,
    EvaluationPeriods: 3,
    TreatMissingData: 'breaching',
  });
  assert.deepEqual(checkTemplate(json), []);
});

test('an entry of the catalogue is all that a new remedy needs', () => {
  const { template, json } = withNewEntries();
  const undo = resourceNamed(json, 'AWS::SSM::Document', 'Name', 'credwarden-undo-restrict-console');
  const parameters = objectOf(objectOf(undo.properties['Content'])['parameters']);
  assert.deepEqual(Object.keys(parameters), ['AutomationAssumeRole', 'FunctionName', 'ResourceId', 'CredentialId']);
  template.hasResourceProperties('AWS::Lambda::Function', {
    FunctionName: 'credwarden-restrict-console',
    Environment: { Variables: { CREDWARDEN_KILL_SWITCH_PARAMETER: '/credwarden/kill-switch' } },
  });
});

test('a remedy that cannot be undone has no document for it', () => {
  const catalogue = {
    ...CATALOGUE,
    rules: [...CATALOGUE.rules, newRule()],
    remedies: [...CATALOGUE.remedies, newRemedy({ undo: false })],
  };
  const names = resourcesOf(synthesize(props({ catalogue })).json, 'AWS::SSM::Document').map(
    ({ properties }) => properties['Name'],
  );
  assert.ok(!names.includes('credwarden-undo-restrict-console'));
});

test('an entry of the catalogue is all that a new rotation function needs', () => {
  const { template, json } = withNewEntries();
  const { id } = resourceNamed(json, 'AWS::Lambda::Function', 'FunctionName', 'credwarden-mint-certificate');
  template.hasResourceProperties('AWS::Lambda::Permission', {
    Action: 'lambda:InvokeFunction',
    Principal: 'secretsmanager.amazonaws.com',
    SourceAccount: { Ref: 'AWS::AccountId' },
    SourceArn: {
      'Fn::Join': ['', ['arn:aws:secretsmanager:us-east-1:', { Ref: 'AWS::AccountId' }, ':secret:credwarden/*']],
    },
    FunctionName: { 'Fn::GetAtt': [id, 'Arn'] },
  });
  template.hasResourceProperties('AWS::Lambda::Function', {
    FunctionName: 'credwarden-mint-certificate',
    Environment: {
      Variables: Match.objectLike({
        CREDWARDEN_KILL_SWITCH_PARAMETER: '/credwarden/kill-switch',
        CREDWARDEN_ENROLLED_PATH: '/enrolled/',
      }),
    },
  });
  const role = roleOf(json, 'credwarden-mint-certificate');
  const minting = permissionsOf(json, role).filter((each) => each.includes('UploadSigningCertificate'));
  assert.deepEqual(minting, [
    'Allow iam:UploadSigningCertificate on arn:aws:iam::<AWS::AccountId>:user/enrolled/*',
    ...props().policy.protected.map((arn) => `Deny iam:UploadSigningCertificate on ${arn}`),
  ]);
});

test('an entry of the catalogue is all that a new schedule needs', () => {
  const { template, json } = withNewEntries();
  const { id } = resourceNamed(json, 'AWS::Lambda::Function', 'FunctionName', 'credwarden-send-digest');
  template.hasResourceProperties('AWS::Events::Rule', {
    Name: 'credwarden-send-digest',
    ScheduleExpression: 'rate(1 day)',
    State: 'ENABLED',
    Targets: [{ Arn: { 'Fn::GetAtt': [id, 'Arn'] } }],
  });
  template.hasResourceProperties('AWS::Lambda::Permission', {
    Principal: 'events.amazonaws.com',
    FunctionName: { 'Fn::GetAtt': [id, 'Arn'] },
  });
});

test('an entry of the catalogue is all that a new listener needs', () => {
  const { template, json } = withNewEntries();
  const { id } = resourceNamed(json, 'AWS::Lambda::Function', 'FunctionName', 'credwarden-record-sign-ins');
  const queue = resourceNamed(json, 'AWS::SQS::Queue', 'QueueName', 'credwarden-record-sign-ins-failed').id;
  const kept = { 'Fn::GetAtt': [queue, 'Arn'] };
  template.hasResourceProperties('AWS::Events::Rule', {
    Name: 'credwarden-record-sign-ins',
    State: 'ENABLED',
    ScheduleExpression: Match.absent(),
    EventPattern: {
      source: ['aws.signin'],
      'detail-type': ['AWS Console Sign In via CloudTrail'],
      detail: { eventSource: ['signin.amazonaws.com'], eventName: ['ConsoleLogin'], errorCode: [{ exists: false }] },
    },
    Targets: [
      {
        Arn: { 'Fn::GetAtt': [id, 'Arn'] },
        DeadLetterConfig: { Arn: kept },
        RetryPolicy: { MaximumEventAgeInSeconds: 86400, MaximumRetryAttempts: 185 },
      },
    ],
  });
  template.hasResourceProperties('AWS::Lambda::Permission', {
    Principal: 'events.amazonaws.com',
    FunctionName: { 'Fn::GetAtt': [id, 'Arn'] },
  });
});

test('an event that a function cannot take is tried again, kept encrypted, and alarmed', () => {
  const { template, json } = withNewEntries();
  const { id } = resourceNamed(json, 'AWS::Lambda::Function', 'FunctionName', 'credwarden-record-sign-ins');
  const queue = resourceNamed(json, 'AWS::SQS::Queue', 'QueueName', 'credwarden-record-sign-ins-failed').id;
  const kept = { 'Fn::GetAtt': [queue, 'Arn'] };
  template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    FunctionName: { Ref: id },
    MaximumRetryAttempts: 2,
    MaximumEventAgeInSeconds: 21600,
    DestinationConfig: { OnFailure: { Destination: kept } },
  });
  template.hasResourceProperties('AWS::SQS::Queue', {
    QueueName: 'credwarden-record-sign-ins-failed',
    SqsManagedSseEnabled: true,
    MessageRetentionPeriod: 1_209_600,
  });
  template.hasResourceProperties('AWS::SQS::QueuePolicy', {
    Queues: [{ Ref: queue }],
    PolicyDocument: {
      Statement: [
        Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        {
          Sid: Match.anyValue(),
          Effect: 'Allow',
          Action: 'sqs:SendMessage',
          Principal: { Service: 'events.amazonaws.com' },
          Resource: kept,
          Condition: { ArnEquals: { 'aws:SourceArn': Match.anyValue() } },
        },
      ],
    },
  });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmName: 'credwarden-record-sign-ins-failed',
    Namespace: 'AWS/SQS',
    MetricName: 'ApproximateNumberOfMessagesVisible',
    Dimensions: [{ Name: 'QueueName', Value: 'credwarden-record-sign-ins-failed' }],
    Threshold: 1,
    TreatMissingData: 'notBreaching',
  });
});

test('every rule and every remedy knows the roles of all that change users, so that it can tell their acts', () => {
  const { json } = withNewEntries();
  const rotators = [...CATALOGUE.rotators, newRotator()].map(({ name }) => `credwarden-${name}`);
  const remedies = [
    'credwarden-deactivate-credential',
    'credwarden-rotate-key',
    'credwarden-restrict-console',
    ...rotators,
  ];
  const roles = remedies.map((name) => `<${roleOf(json, name)}.Arn>`).join(',');
  const names = [...remedies, 'credwarden-access-key-age', 'credwarden-console-mfa'];
  for (const name of names) {
    const { properties } = resourceNamed(json, 'AWS::Lambda::Function', 'FunctionName', name);
    const environment = objectOf(objectOf(properties['Environment'])['Variables']);
    assert.equal(plain(environment['CREDWARDEN_REMEDY_ROLE_ARNS']), roles, name);
  }
});

test('remediation exceptions are alarmed where they are counted', () => {
  const { template } = withNewEntries();
  template.resourcePropertiesCountIs('AWS::CloudWatch::Alarm', { MetricName: 'RemediationExceptions' }, 1);
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    Namespace: 'Credwarden',
    MetricName: 'RemediationExceptions',
    Dimensions: [{ Name: 'Function', Value: 'advance-work' }],
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 0,
  });
});

test('every option of a deployment reaches the template', () => {
  const deployment = {
    ...profile('default').deployment,
    prefix: 'warden',
    kmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
    alarmTopicArn: 'arn:aws:sns:us-east-1:111122223333:security',
    accountContact: 'account@example.com',
    securityContact: 'security@example.com',
    enrolledPath: '/workloads/minted/',
    architecture: 'arm64',
    reservedConcurrency: 2,
    logRetentionDays: RetentionDays.TWO_YEARS,
  } as const;
  const { template, stack, json } = synthesize(props({ deployment }));
  assert.equal(stack.stackName, 'warden');
  template.allResourcesProperties('AWS::Lambda::Function', {
    Architectures: ['arm64'],
    ReservedConcurrentExecutions: 2,
  });
  template.allResourcesProperties('AWS::Logs::LogGroup', {
    KmsKeyId: deployment.kmsKeyArn,
    RetentionInDays: 731,
  });
  template.allResourcesProperties('AWS::CloudWatch::Alarm', { AlarmActions: [deployment.alarmTopicArn] });
  template.hasResourceProperties('AWS::Lambda::Function', {
    FunctionName: 'warden-advance-work',
    Environment: {
      Variables: Match.objectLike({
        CREDWARDEN_ACCOUNT_CONTACT: 'account@example.com',
        CREDWARDEN_SECURITY_CONTACT: 'security@example.com',
      }),
    },
  });
  template.hasResourceProperties('AWS::Lambda::Function', {
    FunctionName: 'warden-rotate-key',
    Environment: { Variables: Match.objectLike({ CREDWARDEN_ENROLLED_PATH: '/workloads/minted/' }) },
  });
  assert.doesNotMatch(JSON.stringify(json), /credwarden-(access|deact|advance|ledger)|\/credwarden\//);
});

test('an optional part of a deployment that is not asked for is not there', () => {
  const { template } = synthesize(profile('default'));
  template.allResourcesProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: Match.absent() });
  template.allResourcesProperties('AWS::Logs::LogGroup', { KmsKeyId: Match.absent() });
  template.allResourcesProperties('AWS::CloudWatch::Alarm', { AlarmActions: Match.absent() });
});
