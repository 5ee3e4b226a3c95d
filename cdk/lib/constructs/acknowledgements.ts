import { Stack, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Grant, GrantTarget } from '../configuration/catalogue.js';
import type { GrantResources } from './grants.js';

/** Why each target cannot be narrower, where it has a wildcard. */
const REASONS: Readonly<Partial<Record<GrantTarget, string>>> = {
  any: 'These APIs take no resource, or list what the account has.',
  users: 'Any user of the account may hold a credential; those that the policy protects are denied for changes.',
  'enrolled-users': 'Any user at the enrolled path may be given a key; those that the policy protects are denied it.',
  secrets: 'A secret that is named under the prefix is made for this; its ARN ends in characters that AWS makes up.',
  'secret-rotation': 'As of secrets; only the own function can be named to rotate them.',
  'exception-tags': 'Any user of the account may be excepted; only the tags that say so can be written.',
  'session-policy':
    'Any user of the account may hold a compromised key; only the policy that refuses sessions can be attached.',
  groups: "A user's class depends on what is attached to its groups, whichever they are. Reading only.",
  analyzers: 'Which analyzer the account has, if any, is found out by listing. Reading only.',
  remediations: 'The id behind the name of our own rule is made up by AWS Config.',
  documents: 'Any version of our own documents; the id of an execution does not exist before it is started.',
  'own-document': 'Any version of our own document; the id of an execution does not exist before it is started.',
  executions: 'The id of an execution does not exist before it is started.',
};

/**
 * Acknowledges cdk-nag's finding of wildcards, one by one: only exactly those that the grants' targets need, on the
 * one role or policy that has them. A wildcard that comes in by another way is still found.
 */
export function acknowledgeWildcards(holder: Construct, grants: readonly Grant[], resources: GrantResources): void {
  const reasons = new Map<string, string>();
  for (const { on } of grants) {
    const reason = REASONS[on];
    if (reason === undefined) continue;
    for (const resource of resources(on)) reasons.set(plainArn(holder, resource), reason);
  }
  for (const [resource, reason] of reasons) {
    if (resource.includes('*')) {
      Validations.of(holder).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
    }
  }
}

/** An ARN as cdk-nag writes it: references as `<AWS::AccountId>`. */
function plainArn(scope: Construct, arn: string): string {
  const resolved: unknown = Stack.of(scope).resolve(arn);
  if (typeof resolved === 'string') return resolved;
  const parts = (resolved as { 'Fn::Join'?: [string, unknown[]] })['Fn::Join']?.[1] ?? [];
  return parts.map((part) => (typeof part === 'string' ? part : `<${(part as { Ref?: string }).Ref ?? ''}>`)).join('');
}
