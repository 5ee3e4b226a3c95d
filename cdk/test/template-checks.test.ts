import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, Stack, Validations } from 'aws-cdk-lib';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { checkTemplate } from '../lib/validation/template.js';
import { TemplateChecks } from '../lib/validation/template-checks.js';
import { GONE, type InjectedFault, testsOfFaults } from './fault-injection.js';
import { profile, props, synthesize } from './world.js';

const TEMPLATE = synthesize(props()).json;

const VALUES = 'Parameters.FunctionName.StaticValue.Values';
const PARAMETERS = 'remediation-parameters';

/** In the properties of a remediation configuration. */
const REMEDIATION_FAULTS: readonly InjectedFault[] = [
  ['a parameter that is not passed', PARAMETERS, { 'Parameters.FunctionName': GONE }],
  ['a parameter that is not declared', PARAMETERS, { 'Parameters.Rule': { StaticValue: { Values: ['x'] } } }],
  ['a resource value that is not the id', PARAMETERS, { 'Parameters.ResourceId.ResourceValue.Value': 'RESOURCE_NAME' }],
  ['a parameter in camel case', PARAMETERS, { 'Parameters.ResourceId': { resourceValue: { value: 'RESOURCE_ID' } } }],
  ['a parameter with two values', PARAMETERS, { 'Parameters.ResourceId.StaticValue': { Values: ['x'] } }],
  ['an empty list of values', PARAMETERS, { [VALUES]: [] }],
  ['more values than AWS Config passes', PARAMETERS, { [VALUES]: Array.from({ length: 26 }, () => 'x') }],
  ['a value that is too long', PARAMETERS, { [VALUES]: ['x'.repeat(257)] }],
  ['a value that the document refuses', PARAMETERS, { [VALUES]: ['a function'] }],
  ['an automatic remediation without role', 'assume-role', { 'Parameters.AutomationAssumeRole': GONE }],
  ['an automatic remediation without attempts', 'range', { MaximumAutomaticAttempts: GONE }],
  ['too many attempts', 'range', { MaximumAutomaticAttempts: 26 }],
  ['attempts that are no whole number', 'range', { MaximumAutomaticAttempts: 2.5 }],
  ['too long a window', 'range', { RetryAttemptSeconds: 2_678_001 }],
  ['a window of nothing', 'range', { RetryAttemptSeconds: 0 }],
  ['more than all errors', 'range', { ExecutionControls: { SsmControls: { ErrorPercentage: 101 } } }],
  ['no concurrency', 'range', { ExecutionControls: { SsmControls: { ConcurrentExecutionRatePercentage: 0 } } }],
  ['another type of target', 'target', { TargetType: 'LAMBDA' }],
  ['a document that may not exist yet', 'target', { TargetId: 'credwarden-access-key-age' }],
  ['a rule that may not exist yet', 'target', { ConfigRuleName: 'credwarden-access-key-age' }],
];

/** In an AWS Config rule. */
const RULE_FAULTS: readonly InjectedFault[] = [
  ['an unknown frequency', 'frequency', { 'Properties.Source.SourceDetails[0].MaximumExecutionFrequency': 'Daily' }],
  [
    'another message',
    'rule-source',
    { 'Properties.Source.SourceDetails[0].MessageType': 'ConfigurationItemChangeNotification' },
  ],
  ['a rule without schedule', 'rule-source', { 'Properties.Source.SourceDetails': [] }],
  ['a managed rule', 'rule-source', { 'Properties.Source.Owner': 'AWS' }],
  ['parameters that are too long', 'input-parameters', { 'Properties.InputParameters': { a: 'x'.repeat(1017) } }],
  ['a rule that does not wait for its permission', 'permission', { DependsOn: GONE }],
  ['a permission for another function', 'permission', { 'Properties.Source.SourceIdentifier': 'arn' }],
];

/** In an `AWS::SSM::Document`, around its content. */
const DOCUMENT_FAULTS: readonly InjectedFault[] = [
  ['another type of document', 'document', { DocumentType: 'Command' }],
  ['a document that is replaced', 'document', { UpdateMethod: GONE }],
  ["a name that is AWS's", 'document', { Name: 'aws-access-key-age' }],
];

test('the templates of the committed profiles have no fault', () => {
  for (const name of ['default', 'automatic']) assert.deepEqual(checkTemplate(synthesize(profile(name)).json), []);
});

const any = (): boolean => true;
testsOfFaults(TEMPLATE, 'AWS::Config::RemediationConfiguration', any, 'Properties.', REMEDIATION_FAULTS);
testsOfFaults(TEMPLATE, 'AWS::Config::ConfigRule', any, '', RULE_FAULTS);
testsOfFaults(TEMPLATE, 'AWS::SSM::Document', any, 'Properties.', DOCUMENT_FAULTS);
testsOfFaults(
  TEMPLATE,
  'AWS::Lambda::Permission',
  ({ Principal: principal }) => principal === 'config.amazonaws.com',
  'Properties.',
  [['a permission for every account', 'permission', { SourceAccount: GONE }]],
);
testsOfFaults(TEMPLATE, 'AWS::SSM::Parameter', ({ Tier: tier }) => tier === 'Advanced', 'Properties.', [
  ['a policy that does not fit its parameter', 'parameter-size', { Value: 'ü'.repeat(4097) }],
  ['a policy that needs the Advanced tier', 'parameter-size', { Tier: 'Standard', Value: 'x'.repeat(4097) }],
]);

test('parameters as long as AWS Config allows are no fault', () => {
  const template = { Resources: { Rule: { Type: 'AWS::Config::ConfigRule', Properties: { InputParameters: {} } } } };
  const withInput = (length: number): string[] => {
    template.Resources.Rule.Properties.InputParameters = { a: 'x'.repeat(length - '{"a":""}'.length) };
    return checkTemplate(template).map(({ check }) => check);
  };
  assert.ok(!withInput(1024).includes('input-parameters'));
  assert.ok(withInput(1025).includes('input-parameters'));
});

test('a fault fails the synthesis', () => {
  const app = new App();
  const stack = new Stack(app, 'Faulty');
  const content = { schemaVersion: '0.3', mainSteps: [] };
  new ssm.CfnDocument(stack, 'Document', { name: 'faulty', documentType: 'Automation', content });
  Validations.of(app).addPlugins(new TemplateChecks());
  assert.throws(() => app.synth(), /Validation failed/);
});
