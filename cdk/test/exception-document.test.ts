import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listedApprovers } from '../lib/constructs/approval-step.js';
import { exceptionDocument } from '../lib/constructs/exception-document.js';
import { Names } from '../lib/names.js';
import { checkAutomationDocument } from '../lib/validation/automation-document.js';
import { GONE, type InjectedFault, testsOfFaults } from './fault-injection.js';
import { CATALOGUE, newRemedy, newRule, props, synthesize } from './world.js';

const NAMES = new Names('credwarden');
const APPROVER = 'arn:*:iam::*:role/credential-approver';

function documentWith(approvers: readonly string[]): ReturnType<typeof exceptionDocument> {
  return exceptionDocument(newRemedy({ name: 'tag-exception' }), CATALOGUE.rules, approvers, NAMES);
}

/** The steps that an execution with this operation goes through until the function or the end. */
function way(approvers: readonly string[], operation: string): string {
  const { mainSteps } = documentWith(approvers);
  const { Choices: choices, Default: otherwise } = mainSteps[0]?.inputs as {
    Choices: { NextStep: string; Variable: string; StringEquals: string }[];
    Default: string;
  };
  for (const { Variable: variable } of choices) assert.equal(variable, '{{ Operation }}');
  const first = choices.find(({ StringEquals: value }) => value === operation)?.NextStep ?? otherwise;
  const step = mainSteps.find(({ name }) => name === first);
  return [first, step?.nextStep].filter((name) => name !== undefined).join(' > ');
}

test('what loosens waits for an approval, and what tightens does not', () => {
  for (const operation of ['grant', 'extend']) assert.equal(way([APPROVER], operation), 'Approve > Remedy');
  for (const operation of ['revoke', 'mirror']) assert.equal(way([APPROVER], operation), 'Remedy > Judge');
});

test('where nobody can approve, nothing is granted, and it says why', () => {
  for (const approvers of [[], ['arn:*:iam::*:role/*']]) {
    for (const operation of ['grant', 'extend']) assert.equal(way(approvers, operation), 'Unapproved');
    assert.equal(way(approvers, 'revoke'), 'Remedy > Judge');
    assert.deepEqual(checkAutomationDocument(documentWith(approvers)), []);
  }
});

test('approvers are listed as SSM takes them: whole, of this partition and account, sessions by their role', () => {
  assert.deepEqual(
    listedApprovers([
      APPROVER,
      'arn:aws:iam::123456789012:user/security/olivia',
      'arn:*:sts::*:assumed-role/security/*',
      'arn:*:sts::*:assumed-role/security/olivia',
      'arn:*:iam::*:role/*',
      'arn:aws*:iam::*:role/x',
      'arn:*:sts::*:assumed-role/sec*/*',
    ]),
    [
      'arn:{{ global:AWS_PARTITION }}:iam::{{ global:ACCOUNT_ID }}:role/credential-approver',
      'arn:aws:iam::123456789012:user/security/olivia',
      'arn:{{ global:AWS_PARTITION }}:iam::{{ global:ACCOUNT_ID }}:role/security',
      'arn:{{ global:AWS_PARTITION }}:sts::{{ global:ACCOUNT_ID }}:assumed-role/security/olivia',
    ],
  );
});

test('more approvers than a step takes are refused at synth', () => {
  const roles = Array.from({ length: 11 }, (_, number) => `arn:*:iam::*:role/approver-${number}`);
  assert.throws(() => listedApprovers(roles), /11 approvers, and an approval step takes 10/);
  assert.equal(listedApprovers(roles.slice(1)).length, 10);
});

test('parameters take what people write, and nothing that leads out of it', () => {
  const { parameters } = documentWith([APPROVER]);
  const allows = (name: string, value: string): boolean =>
    new RegExp(parameters[name]?.allowedPattern ?? 'x^', 'u').test(value);
  for (const [name, value] of [
    ['Rule', 'unused-credentials'],
    ['CredentialId', 'console-password'],
    ['CredentialId', 'all'],
    ['Owner', 'payments@example.com'],
    ['Justification', 'Waits for the vendor’s new client (CHG-1234).'],
    ['Until', '2026-12-31'],
    ['Until', '2026-12-31T12:00:00+01:00'],
  ] as const) {
    assert.ok(allows(name, value), `${name} ${value}`);
  }
  for (const [name, value] of [
    ['Operation', 'approve'],
    ['Rule', 'console-mfa'],
    ['CredentialId', '*'],
    ['Owner', 'a b'],
    ['Justification', 'x'],
    ['Justification', '{{ Owner }} says so'],
    ['Justification', 'two\nlines'],
    ['Until', 'tomorrow'],
    ['Until', '2026-12-31 '],
  ] as const) {
    assert.ok(!allows(name, value), `${name} ${value}`);
  }
});

test('the document has no fault, whichever rules there are', () => {
  assert.deepEqual(checkAutomationDocument(documentWith([APPROVER])), []);
  const secrets = newRule({ resourceType: 'AWS::SecretsManager::Secret' });
  const document = exceptionDocument(newRemedy(), [...CATALOGUE.rules, secrets], [APPROVER], NAMES);
  assert.deepEqual(checkAutomationDocument(document), []);
});

const FAULTS: readonly InjectedFault[] = [
  ['an approval by nobody', 'step-input', { 'mainSteps[1].inputs.Approvers': GONE }],
  ['more approvals than approvers', 'approval', { 'mainSteps[1].inputs.MinRequiredApprovals': 2 }],
  ['an approval that none must give', 'approval', { 'mainSteps[1].inputs.MinRequiredApprovals': 0 }],
  ['too long a wait for an approval', 'approval', { 'mainSteps[1].timeoutSeconds': 2_592_001 }],
  ['no limit to the wait for an approval', 'approval', { 'mainSteps[1].timeoutSeconds': GONE }],
  ['an approver that is no variable', 'reference', { 'mainSteps[1].inputs.Approvers[0]': '{{ Approver }}' }],
  ['a reason that is a reference', 'allowed-pattern', { 'parameters.Justification.allowedPattern': '^.+$' }],
  ['an owner with spaces', 'allowed-pattern', { 'parameters.Owner.allowedPattern': '^[a-zA-Z0-9@:/. -]{3,256}$' }],
];

testsOfFaults(
  synthesize(props()).json,
  'AWS::SSM::Document',
  ({ Name: name }) => name === 'credwarden-tag-exception',
  'Properties.Content.',
  FAULTS,
);
