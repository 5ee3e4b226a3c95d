import { Stack } from 'aws-cdk-lib';
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
  /** ARNs of the rules made so far, by name of their entry. AWS Config makes them up, so a rule has to exist before. */
  readonly ruleArns: ReadonlyMap<string, string>;
}

/** The narrowest ARNs that IAM can express for each target. */
export function grantResources(scope: Construct, props: GrantResourcesProps): GrantResources {
  const { owner, catalogue, names, ledgerArn, automationRoleArn, noticeTopicArn, ruleArns } = props;
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
        ...conditionsOn(on, sessionPolicyArn),
      }),
  );
}

function conditionsOn(on: GrantTarget, sessionPolicyArn: string): Pick<iam.PolicyStatementProps, 'conditions'> {
  switch (on) {
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
