import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCatalogue } from '../lib/configuration/catalogue.js';
import { parseDeployment } from '../lib/configuration/deployment.js';
import { RefusedFile } from '../lib/configuration/problem.js';
import { loadProfile } from '../lib/profile.js';
import { newListener, newRemedy, newRotator, newRule, ROOT, trustingChecker } from './world.js';

const DEPLOYMENT = {
  region: 'us-east-1',
  prefix: 'credwarden',
  remediation: 'manual',
  logRetentionDays: 365,
  accountContact: 'account-contact',
  architecture: 'x86_64',
};

const AUTOMATIC = { ...DEPLOYMENT, remediation: 'automatic', attempts: 25, retrySeconds: 1 };

const CATALOGUE = {
  format: 1,
  rules: [newRule()],
  remedies: [newRemedy()],
  rotators: [newRotator()],
  schedules: [],
  events: [newListener()],
};

/** The places of all problems, or none. */
function placesOf(parse: () => unknown): string[] {
  try {
    parse();
    return [];
  } catch (error) {
    assert.ok(error instanceof RefusedFile);
    for (const { hint } of error.problems) assert.notEqual(hint, '');
    return error.problems.map(({ place }) => place);
  }
}

function checkDeployment(value: unknown, places: readonly string[]): void {
  assert.deepEqual(
    placesOf(() => parseDeployment(value, 'deployment.json')),
    places,
    JSON.stringify(value),
  );
}

function checkCatalogue(value: unknown, places: readonly string[]): void {
  assert.deepEqual(
    placesOf(() => parseCatalogue(value, 'catalogue.json')),
    places,
    JSON.stringify(value),
  );
}

test('a deployment says everything or is refused', () => {
  checkDeployment(DEPLOYMENT, []);
  checkDeployment(AUTOMATIC, []);
  for (const field of Object.keys(DEPLOYMENT)) checkDeployment({ ...DEPLOYMENT, [field]: undefined }, [field]);
  checkDeployment({}, ['accountContact', 'architecture', 'logRetentionDays', 'prefix', 'region', 'remediation']);
});

test('a deployment that is no object is refused', () => {
  for (const value of [null, [], 'x', 1]) assert.notEqual(placesOf(() => parseDeployment(value, 'f')).length, 0);
});

test('a field of a deployment that is wrong or unknown is refused', () => {
  checkDeployment({ ...DEPLOYMENT, retry: 1 }, ['retry']);
  checkDeployment({ ...DEPLOYMENT, region: 'everywhere' }, ['region']);
  checkDeployment({ ...DEPLOYMENT, prefix: 'Credwarden' }, ['prefix']);
  checkDeployment({ ...DEPLOYMENT, prefix: 'aws-warden' }, ['prefix']);
  checkDeployment({ ...DEPLOYMENT, prefix: 'a'.repeat(24) }, ['prefix']);
  checkDeployment({ ...DEPLOYMENT, remediation: 'sometimes' }, ['remediation']);
  checkDeployment({ ...DEPLOYMENT, logRetentionDays: 100 }, ['logRetentionDays']);
  checkDeployment({ ...DEPLOYMENT, logRetentionDays: 9999 }, ['logRetentionDays']);
  checkDeployment({ ...DEPLOYMENT, architecture: 'arm' }, ['architecture']);
  checkDeployment({ ...DEPLOYMENT, reservedConcurrency: 0 }, ['reservedConcurrency']);
  checkDeployment({ ...DEPLOYMENT, kmsKeyArn: 'alias/logs' }, ['kmsKeyArn']);
  checkDeployment({ ...DEPLOYMENT, alarmTopicArn: 'security' }, ['alarmTopicArn']);
  for (const enrolledPath of ['', '/', 'enrolled', '/enrolled', '/*/', '/a?/', '/a//b/', '/a b/']) {
    checkDeployment({ ...DEPLOYMENT, enrolledPath }, ['enrolledPath']);
  }
  checkDeployment({ ...DEPLOYMENT, enrolledPath: '/workloads/minted/' }, []);
  for (const accountContact of ['', ' a', 'a ', 'a\nb', 'a"b', 'a'.repeat(257), undefined]) {
    checkDeployment({ ...DEPLOYMENT, accountContact }, ['accountContact']);
    if (accountContact !== undefined) {
      checkDeployment({ ...DEPLOYMENT, securityContact: accountContact }, ['securityContact']);
    }
  }
});

test('automatic remediation needs attempts within what AWS Config allows', () => {
  checkDeployment({ ...AUTOMATIC, attempts: 26, retrySeconds: 0 }, ['attempts', 'retrySeconds']);
  checkDeployment({ ...AUTOMATIC, retrySeconds: 2_678_001 }, ['retrySeconds']);
  checkDeployment({ ...AUTOMATIC, attempts: undefined, retrySeconds: undefined }, ['attempts', 'retrySeconds']);
});

test('attempts contradict manual remediation', () => {
  checkDeployment({ ...DEPLOYMENT, attempts: 5 }, ['attempts']);
  checkDeployment({ ...DEPLOYMENT, retrySeconds: 5 }, ['retrySeconds']);
});

test('a key or topic of another region contradicts the region', () => {
  const alarmTopicArn = 'arn:aws-us-gov:sns:us-gov-west-1:111122223333:security';
  const kmsKeyArn = 'arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1234abcd';
  checkDeployment({ ...DEPLOYMENT, alarmTopicArn, kmsKeyArn }, ['alarmTopicArn', 'kmsKeyArn']);
  checkDeployment({ ...DEPLOYMENT, region: 'us-gov-west-1', alarmTopicArn, kmsKeyArn }, []);
});

test("a region where none of IAM's events arrive is refused with the one where they do", () => {
  for (const region of ['us-east-1', 'us-gov-west-1', 'cn-north-1']) checkDeployment({ ...DEPLOYMENT, region }, []);
  for (const region of ['us-gov-east-1', 'cn-northwest-1']) checkDeployment({ ...DEPLOYMENT, region }, ['region']);
  assert.throws(() => parseDeployment({ ...DEPLOYMENT, region: 'eu-west-1' }, 'deployment.json'), {
    message: [
      '`deployment.json` is refused:',
      '  region: no event of IAM arrives in `eu-west-1`',
      '    hint: write `us-east-1`, where they arrive',
    ].join('\n'),
  });
});

test('a refused file names itself, each place and each remedy', () => {
  assert.throws(() => parseDeployment({ ...AUTOMATIC, attempts: 99, colour: 'red' }, 'deployment.json'), {
    message: [
      '`deployment.json` is refused:',
      '  attempts: `99` is not a whole number from 1 to 25',
      '    hint: write a whole number from 1 to 25',
      '  colour: is not a known field',
      '    hint: remove it; known are accountContact, alarmTopicArn, architecture, attempts, enrolledPath, kmsKeyArn, logRetentionDays, ' +
        'prefix, region, remediation, reservedConcurrency, retrySeconds, securityContact',
    ].join('\n'),
  });
});

test('a catalogue is complete and consistent or refused', () => {
  checkCatalogue(CATALOGUE, []);
  checkCatalogue({ ...CATALOGUE, format: 2 }, ['format']);
  checkCatalogue({ ...CATALOGUE, rules: [{ ...newRule(), colour: 'red' }] }, ['rules[0].colour']);
  checkCatalogue({ ...CATALOGUE, rules: [newRule({ remedies: ['nothing'] })] }, ['rules[0].remedies']);
  checkCatalogue({ ...CATALOGUE, rules: [newRule({ remedies: [] })] }, ['rules[0].remedies']);
  checkCatalogue({ ...CATALOGUE, rules: [newRule({ tells: 'nobody' })] }, ['rules[0].tells']);
  checkCatalogue({ ...CATALOGUE, rules: [newRule(), newRule()] }, ['console-mfa']);
  checkCatalogue({ ...CATALOGUE, rules: [newRule({ timeoutSeconds: 291 })] }, ['rules[0].timeoutSeconds']);
  checkCatalogue({ ...CATALOGUE, rules: [{ ...newRule(), frequency: 'Daily' }] }, ['rules[0].frequency']);
  checkCatalogue({ ...CATALOGUE, remedies: [newRemedy({ changes: ['iam:UpdateAccessKey'] })] }, [
    'remedies[0].changes',
  ]);
  checkCatalogue({ ...CATALOGUE, rotators: [newRotator({ changes: ['iam:CreateAccessKey'] })] }, [
    'rotators[0].changes',
  ]);
});

test('a grant names single actions and a known target that exists where it is granted', () => {
  const granted = (grants: unknown): unknown => ({ ...CATALOGUE, rules: [{ ...newRule(), grants }] });
  checkCatalogue(granted([{ actions: ['iam:*'], on: 'users' }]), ['rules[0].grants[0].actions[0]']);
  checkCatalogue(granted([{ actions: ['iam:GetUser'], on: 'everything' }]), ['rules[0].grants[0].on']);
  checkCatalogue(granted([{ actions: ['config:StartConfigRulesEvaluation'], on: 'rules' }]), ['rules[0].grants']);
  checkCatalogue(
    { ...CATALOGUE, remedies: [newRemedy({ changes: [], grants: [{ actions: ['iam:GetUser'], on: 'own-rule' }] })] },
    ['remedies[0].grants'],
  );
});

test('a listener says which events of AWS it waits for', () => {
  const listening = (pattern: unknown): unknown => ({ ...CATALOGUE, events: [{ ...newListener(), pattern }] });
  const { pattern } = newListener();
  checkCatalogue(listening(undefined), ['events[0].pattern']);
  checkCatalogue(listening({ ...pattern, source: ['my.app'] }), ['events[0].pattern.source[0]']);
  checkCatalogue(listening({ ...pattern, colour: 'red' }), ['events[0].pattern.colour']);
  checkCatalogue(listening({ ...pattern, detail: { ...pattern.detail, eventName: ['Create*'] } }), [
    'events[0].pattern.detail.eventName[0]',
  ]);
  checkCatalogue({ ...CATALOGUE, events: [newListener({ name: 'console-mfa' })] }, ['console-mfa']);
});

test('a profile that is not there is refused with those that are', () => {
  for (const name of ['nothing', '../profiles/default']) {
    assert.throws(() => loadProfile(ROOT, name, trustingChecker), /hint: name one of automatic, default$/);
  }
});
