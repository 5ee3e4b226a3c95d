import { GONE, type InjectedFault, testsOfFaults } from './fault-injection.js';
import { props, synthesize } from './world.js';

const ROLE_OF_AWS_ONLY = '^arn:aws:iam::[0-9]{12}:role/.{1,64}$';
const FIRST_CHOICE = 'mainSteps[1].inputs.Choices[0]';

/** In the content of a document, whose steps are Remedy, Judge, Done and Fail. */
const FAULTS: readonly InjectedFault[] = [
  ['another schema', 'schema-version', { schemaVersion: '2.2' }],
  ['no role', 'assume-role', { assumeRole: GONE }],
  ['a fixed role', 'assume-role', { assumeRole: 'arn:aws:iam::123456789012:role/x' }],
  ['a role that is no parameter', 'assume-role', { 'parameters.AutomationAssumeRole': GONE }],
  ['a list parameter', 'parameter-type', { 'parameters.ResourceId.type': 'StringList' }],
  ['a parameter of any value', 'allowed-pattern', { 'parameters.ResourceId.allowedPattern': GONE }],
  ['a broken pattern', 'allowed-pattern', { 'parameters.ResourceId.allowedPattern': '^AIDA[A-Z' }],
  ['a pattern without anchors', 'allowed-pattern', { 'parameters.FunctionName.allowedPattern': '[a-z]*' }],
  ['a pattern that refuses the default', 'allowed-pattern', { 'parameters.FunctionName.allowedPattern': '^[a-z]$' }],
  [
    'a pattern that refuses roles of other partitions',
    'allowed-pattern',
    { 'parameters.AutomationAssumeRole.allowedPattern': ROLE_OF_AWS_ONLY },
  ],
  [
    "a pattern that refuses AWS Config's ids",
    'remediation-parameters',
    { 'parameters.ResourceId.allowedPattern': '^AROA[A-Z0-9]+$' },
  ],
  ['a document without steps', 'steps', { mainSteps: [] }],
  ['an output that no step has', 'reference', { outputs: ['Remedy.Answer'] }],
  ['an output of no step', 'reference', { outputs: ['Remedies.Payload'] }],
  ['a value of CloudFormation', 'static', { 'parameters.FunctionName.description': { Ref: 'AWS::StackName' } }],
  ['two steps of one name', 'step-name', { 'mainSteps[3].name': 'Done' }],
  ['a name too short for a step', 'step-name', { 'mainSteps[2].name': 'x' }],
  ['a next step that is nowhere', 'step-target', { 'mainSteps[0].nextStep': 'Judges' }],
  ['a step after failure that is nowhere', 'step-target', { 'mainSteps[0].onFailure': 'step:Fails' }],
  ['a choice that leads nowhere', 'step-target', { 'mainSteps[1].inputs.Choices[1].NextStep': 'Finish' }],
  ['a default that leads nowhere', 'step-target', { 'mainSteps[1].inputs.Default': 'Failed' }],
  ['a step that nothing leads to', 'unreachable-step', { 'mainSteps[1].inputs.Default': 'Done' }],
  ['steps after the end', 'unreachable-step', { 'mainSteps[0].nextStep': GONE, 'mainSteps[0].isEnd': true }],
  ['a loop', 'loop', { 'mainSteps[3].isEnd': GONE, 'mainSteps[3].nextStep': 'Remedy' }],
  ['a step that follows itself', 'loop', { 'mainSteps[0].onFailure': 'step:Remedy' }],
  ['an unknown action', 'action', { 'mainSteps[0].action': 'aws:invokeLambda' }],
  ['an invocation of nothing', 'step-input', { 'mainSteps[0].inputs.FunctionName': GONE }],
  ['a branch without default', 'step-input', { 'mainSteps[1].inputs.Default': GONE }],
  ['a script without its runtime', 'step-input', { 'mainSteps[3].inputs.Runtime': GONE }],
  ['too long a wait for a function', 'invoke-timeout', { 'mainSteps[0].timeoutSeconds': 301 }],
  ['no limit to the wait for a function', 'invoke-timeout', { 'mainSteps[0].timeoutSeconds': GONE }],
  ['an unknown way to fail', 'on-failure', { 'mainSteps[0].onFailure': 'Stop' }],
  ['an unknown operator', 'choice', { [FIRST_CHOICE]: { NextStep: 'Done', Variable: 'x', Begins: 'y' } }],
  ['a comparison of nothing', 'choice', { [`${FIRST_CHOICE}.Variable`]: GONE }],
  ['two comparisons in one choice', 'choice', { [`${FIRST_CHOICE}.Contains`]: 'x' }],
  ['a reference to no parameter', 'reference', { 'mainSteps[0].inputs.FunctionName': '{{ Function }}' }],
  [
    'a reference to no variable',
    'reference',
    { 'mainSteps[0].inputs.InputPayload.ExecutionId': '{{ automation:ID }}' },
  ],
  ['a reference to no step', 'reference', { [`${FIRST_CHOICE}.Variable`]: '{{ Remedied.Payload }}' }],
  ['a reference to no output', 'reference', { [`${FIRST_CHOICE}.Variable`]: '{{ Remedy.Answer }}' }],
  ['a reference to a later step', 'reference', { [`${FIRST_CHOICE}.Variable`]: '{{ Done.Payload }}' }],
  [
    'a reference to a step that may not have run',
    'reference',
    {
      'mainSteps[2].isEnd': GONE,
      'mainSteps[2].nextStep': 'Fail',
      'mainSteps[3].inputs.InputPayload': { done: '{{ Done.Payload }}' },
    },
  ],
  ['a reference without its end', 'reference', { 'mainSteps[0].inputs.FunctionName': '{{ FunctionName' }],
];

testsOfFaults(
  synthesize(props()).json,
  'AWS::SSM::Document',
  ({ Name: name }) => name === 'credwarden-unused-credentials',
  'Properties.Content.',
  FAULTS,
);
