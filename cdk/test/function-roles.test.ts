import assert from 'node:assert/strict';
import { test } from 'node:test';
import { functionsOf, GRANT_TARGETS, type GrantTarget } from '../lib/configuration/catalogue.js';
import { listOf, objectOf } from '../lib/validation/json.js';
import { permissionsOf, plain, resourceNamed, resourcesOf, roleOf } from './template-reading.js';
import { CATALOGUE, newRemedy, newRule, props, synthesize } from './world.js';

/** ARNs as a person would write them for the committed catalogue, by target of a grant to the function of that name. */
function expectedResources(json: ReturnType<typeof synthesize>['json'], target: GrantTarget, name: string): string[] {
  const id = (type: string, property: string, value: string): string => resourceNamed(json, type, property, value).id;
  const ledger = id('AWS::DynamoDB::Table', 'TableName', 'credwarden-ledger');
  const ruleArn = (rule: string): string => `<${id('AWS::Config::ConfigRule', 'ConfigRuleName', rule)}.Arn>`;
  const rules = CATALOGUE.rules.map((rule) => `credwarden-${rule.name}`);
  const automation = resourcesOf(json, 'AWS::IAM::Role').find((role) => role.id.startsWith('AutomationRole'))?.id ?? '';
  const ssm = 'arn:aws:ssm:us-east-1:<AWS::AccountId>';
  const resources: Record<GrantTarget, string[]> = {
    any: ['*'],
    users: ['arn:aws:iam::<AWS::AccountId>:user/*'],
    'exception-tags': ['arn:aws:iam::<AWS::AccountId>:user/*'],
    'session-policy': ['arn:aws:iam::<AWS::AccountId>:user/*'],
    'enrolled-users': ['arn:aws:iam::<AWS::AccountId>:user/enrolled/*'],
    secrets: ['arn:aws:secretsmanager:us-east-1:<AWS::AccountId>:secret:credwarden/*'],
    'secret-rotation': ['arn:aws:secretsmanager:us-east-1:<AWS::AccountId>:secret:credwarden/*'],
    rotators: CATALOGUE.rotators.map(
      (rotator) => `arn:aws:lambda:us-east-1:<AWS::AccountId>:function:credwarden-${rotator.name}`,
    ),
    groups: ['arn:aws:iam::<AWS::AccountId>:group/*'],
    'policy-parameter': [`${ssm}:parameter/credwarden/policy`],
    'kill-switch-parameter': [`${ssm}:parameter/credwarden/kill-switch`],
    analyzers: ['arn:aws:access-analyzer:us-east-1:<AWS::AccountId>:analyzer/*'],
    ledger: [`<${ledger}.Arn>`],
    'ledger-index': [`<${ledger}.Arn>/index/open-by-due`],
    'own-rule': CATALOGUE.rules.some((rule) => rule.name === name) ? [ruleArn(`credwarden-${name}`)] : [],
    rules: rules.map(ruleArn),
    remediations: rules.map((rule) => `arn:aws:config:us-east-1:<AWS::AccountId>:remediation-configuration/${rule}/*`),
    documents: [
      ...[
        ...rules,
        'credwarden-undo-deactivate-credential',
        'credwarden-undo-rotate-key',
        'credwarden-acknowledge-rotation',
        'credwarden-force-rotation',
        'credwarden-tag-exception',
      ].flatMap((document) => [`${ssm}:document/${document}`, `${ssm}:automation-definition/${document}:*`]),
      `${ssm}:automation-execution/*`,
    ],
    'own-document': [
      ...CATALOGUE.rules
        .filter((rule) => rule.name === ownerOf(name))
        .flatMap((rule) => [
          `${ssm}:document/credwarden-${rule.name}`,
          `${ssm}:automation-definition/credwarden-${rule.name}:*`,
        ]),
      `${ssm}:automation-execution/*`,
    ],
    executions: [`${ssm}:automation-execution/*`],
    'automation-role': [`<${automation}.Arn>`],
    'notice-topic': [`<${id('AWS::SNS::Topic', 'TopicName', 'credwarden-notices')}>`],
    'default-bus': ['arn:aws:events:us-east-1:<AWS::AccountId>:event-bus/default'],
  };
  return resources[target];
}

/** The rule to which a function belongs. */
function ownerOf(name: string): string {
  return CATALOGUE.events.find((listener) => listener.name === name)?.package ?? name;
}

test('every role allows exactly the grants of the catalogue, its own log and its own failed events', () => {
  const { json } = synthesize(props());
  for (const { name, grants } of functionsOf(CATALOGUE)) {
    const logGroup = resourceNamed(json, 'AWS::Logs::LogGroup', 'LogGroupName', `/aws/lambda/credwarden-${name}`).id;
    const isListener = CATALOGUE.events.some((listener) => listener.name === name);
    const failures = isListener
      ? resourceNamed(json, 'AWS::SQS::Queue', 'QueueName', `credwarden-${name}-failed`)
      : undefined;
    const expected = [
      // Lambda keeps what the function has failed on in the function's name.
      ...(failures === undefined ? [] : [`Allow sqs:SendMessage on <${failures.id}.Arn>`]),
      `Allow logs:CreateLogStream on <${logGroup}.Arn>`,
      `Allow logs:PutLogEvents on <${logGroup}.Arn>`,
      ...grants.flatMap(({ actions, on }) =>
        actions.flatMap((action) => expectedResources(json, on, name).map((arn) => `Allow ${action} on ${arn}`)),
      ),
    ];
    const allowed = permissionsOf(json, roleOf(json, `credwarden-${name}`)).filter((each) => each.startsWith('Allow'));
    assert.deepEqual(allowed, [...new Set(expected)].sort(), name);
  }
});

test('no target of a grant is forgotten in this test', () => {
  const { json } = synthesize(props());
  for (const target of GRANT_TARGETS) assert.ok(expectedResources(json, target, 'access-key-age').length > 0);
});

test('every function has a role of its own, without managed policies', () => {
  const { json } = synthesize(props());
  const roles = functionsOf(CATALOGUE).map(({ name }) => roleOf(json, `credwarden-${name}`));
  assert.equal(new Set(roles).size, roles.length);
  for (const { properties } of resourcesOf(json, 'AWS::IAM::Role')) {
    assert.equal(properties['ManagedPolicyArns'], undefined);
  }
});

test('the automation role invokes the remedies and what tells of them and nothing else, for automations of this account only', () => {
  const { json } = synthesize(props());
  const role = resourcesOf(json, 'AWS::IAM::Role').find(({ id }) => id.startsWith('AutomationRole'));
  assert.ok(role);
  const functions = 'arn:aws:lambda:us-east-1:<AWS::AccountId>:function:credwarden';
  assert.deepEqual(permissionsOf(json, role.id), [
    `Allow lambda:InvokeFunction on ${functions}-advance-work`,
    `Allow lambda:InvokeFunction on ${functions}-deactivate-credential`,
    `Allow lambda:InvokeFunction on ${functions}-rotate-key`,
    `Allow lambda:InvokeFunction on ${functions}-tag-exception`,
  ]);
  assert.deepEqual(objectOf(role.properties['AssumeRolePolicyDocument'])['Statement'], [
    {
      Action: 'sts:AssumeRole',
      Effect: 'Allow',
      Principal: { Service: 'ssm.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
    },
  ]);
});

test('a passed role is passed to SSM only', () => {
  const { json } = synthesize(props());
  const statements = resourcesOf(json, 'AWS::IAM::Role')
    .flatMap(({ properties }) => listOf(properties['Policies']))
    .flatMap((policy) => listOf(objectOf(objectOf(policy)['PolicyDocument'])['Statement']))
    .map(objectOf)
    .filter((statement) => JSON.stringify(statement['Action']).includes('iam:PassRole'));
  const passing = functionsOf(CATALOGUE).filter(({ grants }) =>
    grants.some(({ actions }) => actions.includes('iam:PassRole')),
  );
  assert.equal(statements.length, passing.length);
  for (const { Condition: condition } of statements) {
    assert.deepEqual(condition, { StringEquals: { 'iam:PassedToService': 'ssm.amazonaws.com' } });
  }
});

test('of the tags of users none is written but those of exceptions', () => {
  const { json } = synthesize(props());
  const statements = resourcesOf(json, 'AWS::IAM::Role')
    .flatMap(({ properties }) => listOf(properties['Policies']))
    .flatMap((policy) => listOf(objectOf(objectOf(policy)['PolicyDocument'])['Statement']))
    .map(objectOf)
    .filter(
      (statement) => statement['Effect'] === 'Allow' && JSON.stringify(statement['Action']).includes('iam:TagUser'),
    );
  assert.equal(statements.length, 1);
  assert.deepEqual(statements[0]?.['Condition'], {
    'ForAllValues:StringLike': { 'aws:TagKeys': ['credwarden:exception/*'] },
  });
});

test('of the policies of users none is attached or detached but the one that refuses sessions', () => {
  const { json } = synthesize(props());
  const policy = resourceNamed(json, 'AWS::IAM::ManagedPolicy', 'ManagedPolicyName', 'credwarden-refuse-sessions');
  const statements = resourcesOf(json, 'AWS::IAM::Role')
    .flatMap(({ properties }) => listOf(properties['Policies']))
    .flatMap((inline) => listOf(objectOf(objectOf(inline)['PolicyDocument'])['Statement']))
    .map(objectOf)
    .filter(
      (statement) => statement['Effect'] === 'Allow' && JSON.stringify(statement['Action']).includes('tachUserPolicy'),
    );
  assert.equal(statements.length, 1);
  assert.deepEqual(statements[0]?.['Condition'], { ArnEquals: { 'iam:PolicyARN': { Ref: policy.id } } });
  assert.deepEqual(objectOf(policy.properties['PolicyDocument'])['Statement'], [
    { Action: '*', Effect: 'Deny', Resource: '*', Condition: { Null: { 'aws:TokenIssueTime': 'false' } } },
  ]);
});

test('no function waits for the grant on its own rule, which comes after it', () => {
  const { json } = synthesize(props());
  const own = resourcesOf(json, 'AWS::IAM::Policy').map(({ id }) => id);
  assert.equal(own.length, CATALOGUE.rules.length);
  for (const { whole } of resourcesOf(json, 'AWS::Lambda::Function')) {
    assert.ok(!own.some((id) => JSON.stringify(whole).includes(id)));
  }
});

test('a rule that is granted its own ARN is not granted another', () => {
  const catalogue = {
    ...CATALOGUE,
    rules: [...CATALOGUE.rules, newRule()],
    remedies: [...CATALOGUE.remedies, newRemedy()],
  };
  const { json } = synthesize(props({ catalogue }));
  const rule = resourceNamed(json, 'AWS::Config::ConfigRule', 'ConfigRuleName', 'credwarden-console-mfa');
  const allowed = permissionsOf(json, roleOf(json, 'credwarden-console-mfa'));
  assert.deepEqual(
    allowed.filter((each) => each.includes('config:')),
    [`Allow config:GetComplianceDetailsByConfigRule on ${plain({ 'Fn::GetAtt': [rule.id, 'Arn'] })}`],
  );
});
