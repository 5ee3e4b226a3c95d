import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acknowledgementDocument, forceDocument } from '../lib/constructs/rotation-documents.js';
import { Names } from '../lib/names.js';
import { checkAutomationDocument } from '../lib/validation/automation-document.js';
import { newRemedy } from './world.js';

const NAMES = new Names('credwarden');
const ACKNOWLEDGE = acknowledgementDocument(newRemedy(), 'AWS::IAM::User', NAMES);
const FORCE = forceDocument(newRemedy(), 'AWS::IAM::User', NAMES);

function allows(document: typeof FORCE, name: string, value: string): boolean {
  return new RegExp(document.parameters[name]?.allowedPattern ?? 'x^', 'u').test(value);
}

test('the documents of people have no fault', () => {
  for (const document of [ACKNOWLEDGE, FORCE]) assert.deepEqual(checkAutomationDocument(document), []);
});

test('an acknowledgement is of one access key, a request of one or of all', () => {
  for (const document of [ACKNOWLEDGE, FORCE]) {
    assert.ok(allows(document, 'CredentialId', 'AKIAIOSFODNN7EXAMPLE'));
    for (const other of ['*', 'ACCAEXAMPLE123EXAMPLE', 'console-password', '']) {
      assert.ok(!allows(document, 'CredentialId', other), other);
    }
  }
  assert.ok(allows(FORCE, 'CredentialId', 'all'));
  assert.ok(!allows(ACKNOWLEDGE, 'CredentialId', 'all'));
});

test('a reason is a sentence that leads out of nothing', () => {
  assert.ok(allows(FORCE, 'Reason', 'A laptop with the key was stolen (INC-77).'));
  for (const reason of ['', 'x', '{{ ResourceId }} is gone', 'two\nlines', 'say "so"']) {
    assert.ok(!allows(FORCE, 'Reason', reason), reason);
  }
  assert.equal(FORCE.parameters['Reason']?.default, undefined);
});
