import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listOf, objectOf, textOf } from '../lib/validation/json.js';
import { permissionsOf, resourceNamed, resourcesOf, roleOf } from './template-reading.js';
import { profile, synthesize } from './world.js';

test('a default deployment changes nothing', () => {
  const { json } = synthesize(profile('default'));

  const remediations = resourcesOf(json, 'AWS::Config::RemediationConfiguration');
  assert.ok(remediations.length > 0);
  for (const { properties } of remediations) assert.equal(properties['Automatic'], false);

  const parameter = resourceNamed(json, 'AWS::SSM::Parameter', 'Name', '/credwarden/policy');
  const policy = objectOf(JSON.parse(textOf(parameter.properties['Value'])));
  const modes = Object.values(objectOf(policy['remedies'])).flatMap((classes) =>
    Object.values(objectOf(classes)).map((remedy) => objectOf(remedy)['mode']),
  );
  assert.deepEqual([...new Set(modes)], ['observe']);
});

test('the automatic profile differs: AWS Config remediates, and the policy enforces', () => {
  const { json } = synthesize(profile('automatic'));
  for (const { properties } of resourcesOf(json, 'AWS::Config::RemediationConfiguration')) {
    assert.equal(properties['Automatic'], true);
    assert.equal(properties['MaximumAutomaticAttempts'], 25);
    assert.equal(properties['RetryAttemptSeconds'], 1);
  }
  const parameter = resourceNamed(json, 'AWS::SSM::Parameter', 'Name', '/credwarden/policy');
  assert.match(textOf(parameter.properties['Value']), /"mode":"enforce"/);
});

test('nothing but a remedy may change an IAM user', () => {
  const { catalogue } = profile('default');
  const { json } = synthesize(profile('default'));
  const changing = / iam:(?!Get|List|Generate|PassRole)/;
  for (const entry of [...catalogue.rules, ...catalogue.schedules, ...catalogue.events]) {
    const allowed = permissionsOf(json, roleOf(json, `credwarden-${entry.name}`));
    assert.deepEqual(
      allowed.filter((permission) => changing.test(permission)),
      [],
    );
  }
});

test('an event starts a document where AWS Config does, and where people do none can be', () => {
  const starts = (name: string): string[] => {
    const { json } = synthesize(profile(name));
    const recorder = resourceNamed(json, 'AWS::Lambda::Function', 'FunctionName', 'credwarden-record-creation');
    const { Variables: variables } = objectOf(recorder.properties['Environment']);
    assert.equal(objectOf(variables)['CREDWARDEN_REMEDIATION'], name === 'default' ? 'manual' : name);
    const starting = permissionsOf(json, roleOf(json, 'credwarden-record-creation')).filter((permission) =>
      /ssm:StartAutomationExecution|iam:PassRole/.test(permission),
    );
    return starting.filter((permission) => permission.includes(':document/'));
  };
  const document = 'arn:aws:ssm:us-east-1:<AWS::AccountId>:document/credwarden-unauthorized-key-creation';
  assert.deepEqual(starts('automatic'), [`Allow ssm:StartAutomationExecution on ${document}`]);
  assert.deepEqual(starts('default'), []);
});

test('a remedy is denied to change what the policy protects', () => {
  const { json } = synthesize(profile('automatic'));
  const permissions = permissionsOf(json, roleOf(json, 'credwarden-deactivate-credential'));
  assert.deepEqual(
    permissions.filter((permission) => permission.startsWith('Deny')),
    [
      'AttachUserPolicy',
      'DeleteLoginProfile',
      'UpdateAccessKey',
      'UpdateSSHPublicKey',
      'UpdateServiceSpecificCredential',
      'UpdateSigningCertificate',
    ].map((action) => `Deny iam:${action} on arn:*:iam::*:user/break-glass/*`),
  );
});

test('a policy that protects nobody denies nothing', () => {
  const { json } = synthesize(profile('default'));
  for (const { id } of resourcesOf(json, 'AWS::IAM::Role')) {
    assert.ok(permissionsOf(json, id).every((permission) => permission.startsWith('Allow')));
  }
});

test('the kill switch starts as run, and ledger, policy and kill switch outlive the stack', () => {
  const { json } = synthesize(profile('default'));
  const killSwitch = resourceNamed(json, 'AWS::SSM::Parameter', 'Name', '/credwarden/kill-switch');
  assert.equal(killSwitch.properties['Value'], 'run');
  const kept = [...resourcesOf(json, 'AWS::SSM::Parameter'), ...resourcesOf(json, 'AWS::DynamoDB::Table')];
  assert.equal(kept.length, 3);
  for (const { whole } of kept) {
    assert.equal(whole['DeletionPolicy'], 'Retain');
    assert.equal(whole['UpdateReplacePolicy'], 'Retain');
  }
});

test('the ledger is on demand, recoverable, protected from deletion, expires items and finds what is due', () => {
  const { json } = synthesize(profile('default'));
  const [ledger] = resourcesOf(json, 'AWS::DynamoDB::Table');
  assert.deepEqual(ledger?.properties, {
    TableName: 'credwarden-ledger',
    BillingMode: 'PAY_PER_REQUEST',
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    DeletionProtectionEnabled: true,
    TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
      { AttributeName: 'open', AttributeType: 'S' },
      { AttributeName: 'due', AttributeType: 'N' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'open-by-due',
        KeySchema: [
          { AttributeName: 'open', KeyType: 'HASH' },
          { AttributeName: 'due', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
  });
});

test('the region is the one of the profile, the account whichever deploys', () => {
  const { stack, json } = synthesize(profile('default'));
  assert.equal(stack.environment, 'aws://unknown-account/us-east-1');
  assert.doesNotMatch(JSON.stringify(json), /\b\d{12}\b/);
  assert.ok(listOf(Object.keys(objectOf(json['Parameters']))).every((name) => name === 'BootstrapVersion'));
});
