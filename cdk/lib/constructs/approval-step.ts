import { failure, type Step } from './automation-document.js';

/** SSM waits a week for an approval, as it does where nothing is said, and 30 days at most. */
const APPROVAL_SECONDS = 7 * 24 * 3600;

/** The most that an `aws:approve` step takes. */
export const MOST_APPROVERS = 10;

/**
 * The step that waits for an approval and leads to the function; where nobody can approve, one that fails and says why.
 *
 * An approval step takes users, roles and sessions by name, no patterns. So it lists those that the policy names; whoever has
 * approved, the function asks the policy of that moment whether the approval counts.
 */
export function approvalStep(message: string, approvers: readonly string[]): Step {
  const listed = listedApprovers(approvers);
  return listed.length > 0
    ? {
        name: 'Approve',
        action: 'aws:approve',
        timeoutSeconds: APPROVAL_SECONDS,
        onFailure: 'Abort',
        inputs: { Message: message, MinRequiredApprovals: 1, Approvers: listed },
        nextStep: 'Remedy',
      }
    : failure(
        'Unapproved',
        'the policy names nobody who can approve: name a user, a role or a session in approvers, and deploy again',
      );
}

/**
 * Who can be listed of those whom the policy counts: the partition and the account may be any, and are this one's; sessions
 * of any name are listed by their role.
 *
 * @throws Error where there are more than a step takes.
 */
export function listedApprovers(patterns: readonly string[]): readonly string[] {
  const listed = new Set(patterns.map(listedAs).filter((arn) => arn !== undefined));
  if (listed.size > MOST_APPROVERS) {
    throw new Error(
      `the policy names ${listed.size} approvers, and an approval step takes ${MOST_APPROVERS}\n` +
        'hint: name roles in `approvers` in place of people',
    );
  }
  return [...listed];
}

function listedAs(pattern: string): string | undefined {
  const [, partition, service, , account, ...rest] = pattern.split(':');
  const session = /^assumed-role\/([^/]+)\/\*$/.exec(rest.join(':'));
  const [of, resource] = session === null ? [service, rest.join(':')] : ['iam', `role/${session[1] ?? ''}`];
  if (of === undefined || /[*?]/.test(resource)) return undefined;
  const here = (part: string | undefined, variable: string): string | undefined =>
    part === '*' ? `{{ global:${variable} }}` : part;
  const [inPartition, ofAccount] = [here(partition, 'AWS_PARTITION'), here(account, 'ACCOUNT_ID')];
  if (inPartition === undefined || ofAccount === undefined) return undefined;
  return /[*?]/.test(`${inPartition}${ofAccount}`) ? undefined : `arn:${inPartition}:${of}::${ofAccount}:${resource}`;
}
