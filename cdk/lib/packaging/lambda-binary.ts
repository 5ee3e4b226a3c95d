import type { Architecture } from '../configuration/deployment.js';

/** Minor version of the glibc 2 that the runtime `provided.al2023` has. */
const RUNTIME_GLIBC = 34;

/** What every ELF file begins with. */
const MAGIC = '\x7fELF';

/** Where an ELF file names its processor (`e_machine`), and by which number. */
const MACHINE_OFFSET = 18;
const MACHINES: ReadonlyMap<number, Architecture> = new Map([
  [0x3e, 'x86_64'],
  [0xb7, 'arm64'],
]);

/** The processor that a program is for, if it is a Linux program for one that Lambda has. */
export function architectureOf(binary: Uint8Array): Architecture | undefined {
  const bytes = Buffer.from(binary.subarray(0, MACHINE_OFFSET + 2));
  const isElf = bytes.length === MACHINE_OFFSET + 2 && bytes.toString('latin1', 0, MAGIC.length) === MAGIC;
  return isElf ? MACHINES.get(bytes.readUInt16LE(MACHINE_OFFSET)) : undefined;
}

/**
 * Refuses a binary that would not start in Lambda: for another processor, or linked on a machine whose glibc is newer
 * than the runtime's. A binary names the versions of the symbols it needs, such as `GLIBC_2.34`.
 *
 * @throws Error that names the function and what to do.
 */
export function checkBinary(name: string, binary: Uint8Array, architecture: Architecture): void {
  const found = architectureOf(binary);
  if (found !== architecture) {
    throw new Error(
      `\`${name}\` is ${found === undefined ? 'no Linux program' : `for ${found}`}, the profile is for ${architecture}\n` +
        'hint: run `npm run package` without --no-build',
    );
  }
  const needed = Buffer.from(binary)
    .toString('latin1')
    .matchAll(/GLIBC_2\.(\d+)/g);
  const newest = Math.max(0, ...[...needed].map(([, minor]) => Number(minor)));
  if (newest > RUNTIME_GLIBC) {
    throw new Error(
      `\`${name}\` needs glibc 2.${newest}, the Lambda runtime has 2.${RUNTIME_GLIBC}\n` +
        'hint: build with cargo-lambda: `npm run package -- --cargo-lambda`',
    );
  }
}
