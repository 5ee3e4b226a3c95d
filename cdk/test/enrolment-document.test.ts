import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enrolmentDocument } from '../lib/constructs/enrolment-document.js';
import { Names } from '../lib/names.js';
import { checkAutomationDocument } from '../lib/validation/automation-document.js';
import { newRemedy, props, synthesize } from './world.js';

const NAMES = new Names('credwarden');
const APPROVER = 'arn:*:iam::*:role/credential-approver';

function documentWith(approvers: readonly string[]): ReturnType<typeof enrolmentDocument> {
  return enrolmentDocument(newRemedy({ name: 'tag-exception' }), approvers, NAMES);
}

/** The steps that an execution with this operation goes through until the function or the end. */
function way(approvers: readonly string[], operation: string): string {
  const { mainSteps } = documentWith(approvers);
  const { Choices: choices, Default: otherwise } = mainSteps[0]?.inputs as {
    Choices: { NextStep: string; StringEquals: string }[];
    Default: string;
  };
  const first = choices.find(({ StringEquals: value }) => value === operation)?.NextStep ?? otherwise;
  const step = mainSteps.find(({ name }) => name === first);
  return [first, step?.nextStep].filter((name) => name !== undefined).join(' > ');
}

test('enrolling waits for an approval, and withdrawing does not', () => {
  assert.equal(way([APPROVER], 'enrol'), 'Approve > Remedy');
  assert.equal(way([APPROVER], 'withdraw'), 'Remedy > Judge');
  assert.deepEqual(checkAutomationDocument(documentWith([APPROVER])), []);
});

test('where nobody can approve, nobody is enrolled, and it says why', () => {
  assert.equal(way([], 'enrol'), 'Unapproved');
  assert.equal(way([], 'withdraw'), 'Remedy > Judge');
  assert.deepEqual(checkAutomationDocument(documentWith([])), []);
});

test('whoever approves is shown whose keys come where, and who fetches them', () => {
  const approve = documentWith([APPROVER]).mainSteps.find(({ name }) => name === 'Approve');
  const { Message: message } = approve?.inputs as { Message: string };
  for (const name of ['ResourceId', 'Secret', 'Retriever', 'Owner', 'Justification']) {
    assert.ok(message.includes(`{{ ${name} }}`), name);
  }
});

test('parameters take whole ARNs, and nothing that leads out of them', () => {
  const { parameters } = documentWith([APPROVER]);
  const allows = (name: string, value: string): boolean =>
    new RegExp(parameters[name]?.allowedPattern ?? 'x^', 'u').test(value);
  const secret = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/alice-a1B2c3';
  for (const [name, value] of [
    ['Operation', 'enrol'],
    ['Secret', secret],
    ['Secret', 'none'],
    ['Retriever', 'arn:aws-cn:iam::123456789012:role/path/shop'],
    ['Retriever', 'arn:aws:iam::123456789012:user/fetcher'],
  ] as const) {
    assert.ok(allows(name, value), `${name}: ${value}`);
  }
  for (const [name, value] of [
    ['Operation', 'mirror'],
    ['Secret', 'credwarden/alice'],
    ['Secret', `${secret}{{ Owner }}`],
    ['Retriever', 'arn:aws:iam::123456789012:role/*'],
    ['Retriever', 'arn:aws:sts::123456789012:assumed-role/shop/i-1'],
    ['Retriever', 'arn:aws:iam::123456789012:root'],
  ] as const) {
    assert.ok(!allows(name, value), `${name}: ${value}`);
  }
});

test('the stack has the document under the name that people are told', () => {
  const template = synthesize(props()).template;
  const documents = Object.values(template.findResources('AWS::SSM::Document'));
  const names = documents.map(({ Properties: properties }) => (properties as { Name: unknown }).Name);
  assert.ok(names.includes('credwarden-enrol-user'), names.join(', '));
});
