import assert from 'node:assert/strict';
import { test } from 'node:test';
import { remedyDocument, undoDocument } from '../lib/constructs/automation-document.js';
import { Names } from '../lib/names.js';
import { checkAutomationDocument } from '../lib/validation/automation-document.js';
import { newRemedy, newRule } from './world.js';

const NAMES = new Names('credwarden');
const DOCUMENT = remedyDocument(newRule(), newRemedy(), NAMES);

/** Where `Judge` sends an automation whose function has answered so, played as Systems Manager documents it. */
function judged(payload: string): unknown {
  const judge = DOCUMENT.mainSteps.find(({ name }) => name === 'Judge');
  const { Choices: choices, Default: otherwise } = judge?.inputs as {
    Choices: { NextStep: string; Variable: string; StartsWith: string }[];
    Default: string;
  };
  for (const { Variable: variable } of choices) assert.equal(variable, '{{ Remedy.Payload }}');
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

test('a step that fails aborts the automation', () => {
  for (const step of DOCUMENT.mainSteps) assert.ok([undefined, 'Abort'].includes(step.onFailure), step.name);
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
