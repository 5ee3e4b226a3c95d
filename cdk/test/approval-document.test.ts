import assert from 'node:assert/strict';
import { test } from 'node:test';
import { approvalDocument } from '../lib/constructs/approval-document.js';
import { undoDocument } from '../lib/constructs/automation-document.js';
import { Names } from '../lib/names.js';
import { checkAutomationDocument } from '../lib/validation/automation-document.js';
import { newRemedy, profile, props, synthesize } from './world.js';

const NAMES = new Names('credwarden');
const APPROVERS = ['arn:*:iam::*:role/credential-approver'];

function documentWith(approvers: readonly string[]): ReturnType<typeof approvalDocument> {
  return approvalDocument(newRemedy(), 'AWS::IAM::User', approvers, NAMES);
}

test('nobody comes to the function but through an approval', () => {
  const document = documentWith(APPROVERS);
  assert.deepEqual(checkAutomationDocument(document), []);
  const [first, second] = document.mainSteps;
  assert.deepEqual([first?.name, first?.action, first?.nextStep], ['Approve', 'aws:approve', 'Remedy']);
  assert.equal(second?.name, 'Remedy');
  assert.deepEqual(first?.inputs['Approvers'], [
    'arn:{{ global:AWS_PARTITION }}:iam::{{ global:ACCOUNT_ID }}:role/credential-approver',
  ]);
});

test('a console password can be named, also to hear that nothing undoes its deletion', () => {
  for (const document of [documentWith(APPROVERS), undoDocument(newRemedy(), 'AWS::IAM::User', NAMES)]) {
    const pattern = new RegExp(document.parameters['CredentialId']?.allowedPattern ?? 'x^', 'u');
    for (const id of ['console-password', 'AKIAIOSFODNN7EXAMPLE', 'APKAEXAMPLE123EXAMPLE'])
      assert.ok(pattern.test(id), id);
    for (const id of ['all', 'password', '']) assert.ok(!pattern.test(id), id);
  }
});

test('a deployment has such a document where somebody can approve', () => {
  synthesize(props()).template.hasResourceProperties('AWS::SSM::Document', { Name: 'credwarden-approve' });
  const names = Object.values(synthesize(profile('default')).template.findResources('AWS::SSM::Document'));
  assert.ok(!JSON.stringify(names).includes('"credwarden-approve"'));
});
