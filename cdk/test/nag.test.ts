import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { profile, props, synthesize } from './world.js';

function findingsOf({ app, stack }: ReturnType<typeof synthesize>): string[] {
  return new AwsSolutionsChecks(app)
    .validateScope(stack)
    .violations.map(({ ruleName }) => ruleName)
    .sort();
}

test('cdk-nag finds nothing in the committed profiles', () => {
  for (const name of ['default', 'automatic']) assert.deepEqual(findingsOf(synthesize(profile(name))), []);
});

test('a wildcard that no grant asks for is found in spite of the acknowledgements', () => {
  const synthesized = synthesize(props());
  const role = synthesized.stack.node.findAll().find((each) => each instanceof iam.Role);
  assert.ok(role);
  role.addToPolicy(new iam.PolicyStatement({ actions: ['iam:*'], resources: ['arn:aws:iam::*:role/*'] }));
  assert.deepEqual(findingsOf(synthesized), [
    'AwsSolutions-IAM5[Action::iam:*]',
    'AwsSolutions-IAM5[Resource::arn:aws:iam::*:role/*]',
  ]);
});

test('another resource is not covered by the acknowledgements', () => {
  const synthesized = synthesize(props());
  new s3.Bucket(synthesized.stack, 'Bucket');
  assert.ok(findingsOf(synthesized).some((finding) => finding.startsWith('AwsSolutions-S')));
});
