import { execFileSync } from 'node:child_process';

/** The policy as it is deployed. */
export interface Policy {
  /** What the parameter holds: the document of the file, without the spaces. */
  readonly document: string;
  /** ARN patterns of the IAM principals that no remedy may ever change. */
  readonly protected: readonly string[];
  /** ARN patterns of the principals whose approvals count. */
  readonly approvers: readonly string[];
}

/**
 * Validates a policy file and returns the policy in its normal form as JSON.
 *
 * @throws Error whose message has every problem of the policy, one a line.
 */
export type PolicyChecker = (file: string) => string;

/** Bytes that a parameter of the Advanced tier holds, AWS Systems Manager's quota. */
export const MAXIMUM_POLICY_BYTES = 8192;

/** @throws Error when the checker refuses the policy, or it is too large for its parameter. */
export function loadPolicy(file: string, text: string, check: PolicyChecker): Policy {
  const normal: unknown = JSON.parse(check(file));
  const document = JSON.stringify(JSON.parse(text));
  const size = Buffer.byteLength(document, 'utf8');
  if (size > MAXIMUM_POLICY_BYTES) {
    throw new Error(
      `\`${file}\` has ${size} bytes without its spaces; an Advanced parameter holds ${MAXIMUM_POLICY_BYTES}\n` +
        'hint: merge classes, or match groups instead of naming users one by one',
    );
  }
  return {
    document,
    protected: patternsOf(normal, 'protected', file),
    approvers: patternsOf(normal, 'approvers', file),
  };
}

/** The Rust validator, the same code that the functions read the policy with. */
export function policyChecker(repository: string, environment: NodeJS.ProcessEnv): PolicyChecker {
  const built = environment['CREDWARDEN_POLICY_CHECKER'];
  const command = built ?? 'cargo';
  const leading = built === undefined ? ['run', '--quiet', '--package', 'credwarden-catalogue', '--'] : [];
  return (file) => {
    try {
      return execFileSync(command, [...leading, 'check-policy', file], {
        cwd: repository,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      throw new Error(`\`${file}\` is refused:\n${reasonOf(error, command)}`, { cause: error });
    }
  };
}

function reasonOf(error: unknown, command: string): string {
  const { code, stderr } = error as { code?: unknown; stderr?: unknown };
  if (code === 'ENOENT') {
    return `  cannot run \`${command}\`\n    hint: install Rust, or name a built validator in CREDWARDEN_POLICY_CHECKER`;
  }
  return typeof stderr === 'string' && stderr !== '' ? stderr.trimEnd() : String(error);
}

function patternsOf(normal: unknown, field: 'protected' | 'approvers', file: string): readonly string[] {
  const list = (normal as Partial<Record<typeof field, unknown>> | null)?.[field];
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) {
    throw new Error(`the validator's answer for \`${file}\` has no list \`${field}\` of ARN patterns`);
  }
  return list;
}
