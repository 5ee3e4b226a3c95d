import { type Catalogue, functionsOf } from '../configuration/catalogue.js';
import type { Architecture } from '../configuration/deployment.js';

/** What has to be run to build the functions, and where each binary is then. */
export interface BuildPlan {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly binaries: ReadonlyMap<string, string>;
}

/** Machine that builds, in Node's words. */
export interface Builder {
  readonly platform: string;
  readonly arch: string;
  /** Whether `cargo lambda` can be run. */
  readonly hasCargoLambda: boolean;
}

const INSTALL_CARGO_LAMBDA =
  'hint: install it with `pip install cargo-lambda==1.9.2`, which brings the compiler it needs';

/**
 * One build of all functions: plain cargo where the machine is what the functions run on, cargo-lambda elsewhere.
 *
 * @param targetDirectory cargo's target directory.
 * @throws Error that says what is missing.
 */
export function planBuild(
  catalogue: Catalogue,
  architecture: Architecture,
  builder: Builder,
  targetDirectory: string,
): BuildPlan {
  const names = functionsOf(catalogue).map(({ name }) => name);
  const packages = ['--release', '--locked', ...names.flatMap((name) => ['--package', name])];
  if (architecture === 'x86_64' && builder.platform === 'linux' && builder.arch === 'x64') {
    return {
      command: 'cargo',
      arguments: ['build', ...packages],
      binaries: new Map(names.map((name) => [name, `${targetDirectory}/release/${name}`])),
    };
  }
  if (!builder.hasCargoLambda) {
    const why =
      architecture === 'arm64' ? 'arm64 functions' : `x86_64 functions on ${builder.platform} ${builder.arch}`;
    throw new Error(`${why} are built by cargo-lambda, which is not installed\n${INSTALL_CARGO_LAMBDA}`);
  }
  return {
    command: 'cargo',
    arguments: ['lambda', 'build', architecture === 'arm64' ? '--arm64' : '--x86-64', ...packages],
    binaries: new Map(names.map((name) => [name, `${targetDirectory}/lambda/${name}/bootstrap`])),
  };
}

/** Minor version of the glibc 2 that the runtime `provided.al2023` has. */
const RUNTIME_GLIBC = 34;

/**
 * Refuses a binary that would not start in the runtime, because it was linked on a machine with a newer glibc.
 *
 * A binary names the versions of the symbols it needs, such as `GLIBC_2.34`.
 */
export function checkRuntime(name: string, binary: Uint8Array): void {
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
