import assert from 'node:assert/strict';
import { test } from 'node:test';
import { remedyDocument, undoDocument } from '../lib/constructs/automation-document.js';
import { Names } from '../lib/names.js';
import { checkAutomationDocument } from '../lib/validation/automation-document.js';
import { newRemedy, newRule } from './world.js';

const NAMES = new Names('credwarden');
const DOCUMENT = remedyDocument(newRule(), newRemedy(), NAMES);

/** The same with a second remedy that the first may hand on to. */
const HANDING_ON = remedyDocument(newRule(), newRemedy(), NAMES, [newRemedy({ name: 'lend-password' })]);

/** Where `Judge` sends an automation whose function has answered so, played as Systems Manager documents it. */
function judged(payload: string, document = DOCUMENT, step = 'Remedy', by = 'Judge'): unknown {
  const judge = document.mainSteps.find(({ name }) => name === by);
  const { Choices: choices, Default: otherwise } = judge?.inputs as {
    Choices: { NextStep: string; Variable: string; StartsWith: string }[];
    Default: string;
  };
  for (const { Variable: variable } of choices) assert.equal(variable, `{{ ${step}.Payload }}`);
  return choices.find(({ StartsWith: start }) => payload.startsWith(start))?.NextStep ?? otherwise;
}

test('an answer with a status ends the automation with success, however SSM writes the payload', () => {
  const answer = JSON.stringify({ status: 'held', reason: 'in use', actions: [], undo: null });
  assert.equal(judged(answer), 'Done');
  assert.equal(judged(JSON.stringify(answer)), 'Done');
});

test('an error of the function fails the automation even if the step does not', () => {
  const error = JSON.stringify({ errorType: 'Fault', errorMessage: 'no {"status": in here' });
  for (const payload of [error, JSON.stringify(error), '', 'null', '{}', '"done"', JSON.stringify({ reason: 'x' })]) {
    assert.equal(judged(payload), 'Fail', payload);
  }
});

test('what is handed on to another remedy is done by its function, whose answer is judged alike', () => {
  const handedOn = JSON.stringify({ status: 'handed-on', to: 'lend-password', reason: 'x', actions: [], undo: null });
  for (const payload of [handedOn, JSON.stringify(handedOn)]) assert.equal(judged(payload, HANDING_ON), 'LendPassword');
  const held = JSON.stringify({ status: 'held' });
  for (const payload of [held, JSON.stringify(held)]) {
    assert.equal(judged(payload, HANDING_ON), 'Done');
    assert.equal(judged(payload, HANDING_ON, 'LendPassword', 'JudgeLendPassword'), 'Done');
  }
  const error = JSON.stringify({ errorType: 'Fault', errorMessage: 'x' });
  assert.equal(judged(error, HANDING_ON), 'Fail');
  assert.equal(judged(error, HANDING_ON, 'LendPassword', 'JudgeLendPassword'), 'Fail');
});

test('what is handed on to nobody fails the automation', () => {
  const handedOn = JSON.stringify({ status: 'handed-on', to: 'nobody' });
  for (const payload of [handedOn, JSON.stringify(handedOn)]) assert.equal(judged(payload, HANDING_ON), 'Fail');
});

test('a document that hands on has no fault, and invokes each function by a parameter of its own', () => {
  assert.deepEqual(checkAutomationDocument(HANDING_ON), []);
  const { LendPasswordFunctionName: name } = HANDING_ON.parameters;
  assert.equal(name?.default, 'credwarden-lend-password');
  const step = HANDING_ON.mainSteps.find((found) => found.name === 'LendPassword');
  assert.equal(step?.inputs['FunctionName'], '{{ LendPasswordFunctionName }}');
});

test('a document that tells does so before it judges, whatever was answered, and does not fail where it cannot', () => {
  const others = [newRemedy({ name: 'lend-password' })];
  const telling = remedyDocument(newRule({ tells: 'tell-owners' }), newRemedy(), NAMES, others);
  assert.deepEqual(checkAutomationDocument(telling), []);
  const [remedy, tell, judge] = telling.mainSteps;
  assert.deepEqual([remedy?.nextStep, tell?.name, tell?.onFailure], ['Tell', 'Tell', 'Continue']);
  assert.deepEqual([tell?.nextStep, judge?.name], ['Judge', 'Judge']);
  assert.deepEqual(tell?.inputs, {
    FunctionName: '{{ TellOwnersFunctionName }}',
    InputPayload: { UserId: '{{ ResourceId }}' },
  });
  assert.equal(telling.parameters['TellOwnersFunctionName']?.default, 'credwarden-tell-owners');
  assert.equal(judged(JSON.stringify({ status: 'handed-on', to: 'lend-password' }), telling), 'LendPassword');
});

test('a step that fails aborts the automation', () => {
  for (const step of [...DOCUMENT.mainSteps, ...HANDING_ON.mainSteps])
    assert.ok([undefined, 'Abort'].includes(step.onFailure), step.name);
});

test('the function is told the execution and nothing else', () => {
  assert.deepEqual(DOCUMENT.mainSteps[0]?.inputs, {
    FunctionName: '{{ FunctionName }}',
    InputPayload: { ExecutionId: '{{ automation:EXECUTION_ID }}' },
  });
});

test('the ids that a document takes are those of its resource type', () => {
  const patterns = (resourceType: string): RegExp =>
    new RegExp(
      remedyDocument(newRule({ resourceType }), newRemedy(), NAMES).parameters['ResourceId']?.allowedPattern ?? '',
    );
  assert.match('AIDACKCEVSQ6C2EXAMPLE', patterns('AWS::IAM::User'));
  assert.doesNotMatch('alice', patterns('AWS::IAM::User'));
  assert.match('arn:aws:secretsmanager:us-east-1:1:secret:a-b', patterns('AWS::SecretsManager::Secret'));
});

test('documents of any resource type have no fault', () => {
  for (const resourceType of ['AWS::IAM::User', 'AWS::SecretsManager::Secret']) {
    assert.deepEqual(checkAutomationDocument(remedyDocument(newRule({ resourceType }), newRemedy(), NAMES)), []);
    assert.deepEqual(checkAutomationDocument(undoDocument(newRemedy(), resourceType, NAMES)), []);
  }
  assert.deepEqual(checkAutomationDocument(undoDocument(newRemedy(), undefined, NAMES)), []);
});
