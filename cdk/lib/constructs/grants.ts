import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { Catalogue, Grant, GrantTarget } from '../configuration/catalogue.js';
import type { Names } from '../names.js';
import { LEDGER_INDEX } from './memory.js';

/** ARNs of the resources that a grant's `on` stands for. */
export type GrantResources = (target: GrantTarget) => readonly string[];

export interface GrantResourcesProps {
  /** Name of the rule to which the entry belongs that is granted something, if any; decides what is its own. */
  readonly owner: string;
  readonly catalogue: Catalogue;
  readonly names: Names;
  readonly ledgerArn: string;
  readonly automationRoleArn: string;
  readonly noticeTopicArn: string;
  /** Path of the users whose keys may be minted. */
  readonly enrolledPath: string;
  /** ARNs of the rules made so far, by name of their entry. AWS Config makes them up, so a rule has to exist before. */
  readonly ruleArns: ReadonlyMap<string, string>;
}

/** The narrowest ARNs that IAM can express for each target. */
export function grantResources(scope: Construct, props: GrantResourcesProps): GrantResources {
  const { owner, catalogue, names, ledgerArn, automationRoleArn, noticeTopicArn, enrolledPath, ruleArns } = props;
  const stack = Stack.of(scope);
  const iamArn = (resource: string): string => stack.formatArn({ service: 'iam', region: '', resource });
  const ssmArn = (resource: string): string => stack.formatArn({ service: 'ssm', resource });
  const documents = [
    ...catalogue.rules.map((rule) => names.of(rule)),
    ...catalogue.remedies.filter(({ undo }) => undo).map((remedy) => names.undo(remedy)),
    ...catalogue.remedies.filter(({ exceptions }) => exceptions).map((remedy) => names.of(remedy)),
    ...(catalogue.remedies.some(({ rotations }) => rotations) ? [names.acknowledgeRotation, names.forceRotation] : []),
  ];
  // Starting an automation has been checked against the document, against its "automation definition" with a
  // version, and against the execution that comes to be; which of them depends on AWS's current rules.
  const starting = (names: readonly string[]): string[] => [
    ...names.flatMap((name) => [ssmArn(`document/${name}`), ssmArn(`automation-definition/${name}:*`)]),
    ssmArn('automation-execution/*'),
  ];
  return (target) => {
    switch (target) {
      case 'any':
        return ['*'];
      case 'users':
      case 'exception-tags':
      case 'session-policy':
        return [iamArn('user/*')];
      case 'enrolled-users':
        return [iamArn(`user${enrolledPath}*`)];
      case 'secrets':
      case 'secret-rotation':
        return [secretsOf(stack, names)];
      case 'rotators':
        return catalogue.rotators.map((rotator) => functionArn(stack, names.of(rotator)));
      case 'groups':
        return [iamArn('group/*')];
      case 'policy-parameter':
        return [ssmArn(`parameter${names.policyParameter}`)];
      case 'kill-switch-parameter':
        return [ssmArn(`parameter${names.killSwitchParameter}`)];
      case 'analyzers':
        return [stack.formatArn({ service: 'access-analyzer', resource: 'analyzer/*' })];
      case 'ledger':
        return [ledgerArn];
      case 'ledger-index':
        return [`${ledgerArn}/index/${LEDGER_INDEX}`];
      case 'own-rule':
        return [...ruleArns].filter(([rule]) => rule === owner).map(([, arn]) => arn);
      case 'rules':
        return [...ruleArns.values()];
      case 'remediations':
        return catalogue.rules.map((rule) =>
          stack.formatArn({ service: 'config', resource: `remediation-configuration/${names.of(rule)}/*` }),
        );
      case 'documents':
        return starting(documents);
      case 'own-document':
        return starting(catalogue.rules.filter(({ name }) => name === owner).map((rule) => names.of(rule)));
      case 'executions':
        return [ssmArn('automation-execution/*')];
      case 'automation-role':
        return [automationRoleArn];
      case 'notice-topic':
        return [noticeTopicArn];
      case 'default-bus':
        return [stack.formatArn({ service: 'events', resource: 'event-bus/default' })];
    }
  };
}

/** The secrets whose names begin with the prefix. */
export function secretsOf(stack: Stack, names: Names): string {
  return stack.formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: `${names.secrets}*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

/** By name: the function itself may come later. */
export function functionArn(stack: Stack, resourceName: string): string {
  return stack.formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

/** One statement per grant, with exactly the grant's actions. */
export function grantStatements(
  grants: readonly Grant[],
  resources: GrantResources,
  sessionPolicyArn: string,
): iam.PolicyStatement[] {
  return grants.map(
    ({ actions, on }) =>
      new iam.PolicyStatement({
        actions: [...actions],
        resources: [...resources(on)],
        ...conditionsOn(on, resources, sessionPolicyArn),
      }),
  );
}

function conditionsOn(
  on: GrantTarget,
  resources: GrantResources,
  sessionPolicyArn: string,
): Pick<iam.PolicyStatementProps, 'conditions'> {
  switch (on) {
    case 'secret-rotation':
      // Another function would be given the secret.
      return { conditions: { ArnEquals: { 'secretsmanager:RotationLambdaARN': resources('rotators') } } };
    case 'automation-role':
      // The role is for automations only, whoever passes it.
      return { conditions: { StringEquals: { 'iam:PassedToService': 'ssm.amazonaws.com' } } };
    case 'session-policy':
      // Any other policy could give a user whatever it likes.
      return { conditions: { ArnEquals: { 'iam:PolicyARN': sessionPolicyArn } } };
    case 'exception-tags':
      // Other tags may choose a user's class.
      return { conditions: { 'ForAllValues:StringLike': { 'aws:TagKeys': [`${EXCEPTION_TAGS}*`] } } };
    default:
      return {};
  }
}

/** How the keys of the tags begin that mirror exceptions: `TAG_PREFIX` of the crate `credwarden-policy`. */
const EXCEPTION_TAGS = 'credwarden:exception/';
