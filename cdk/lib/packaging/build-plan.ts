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
  /** Whether `cargo lambda` can be run, and whether it is to be used even where plain cargo would do. */
  readonly cargoLambda: 'missing' | 'there' | 'wanted';
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
  const listeners = catalogue.events.map((listener) => listener.package);
  const { rules, remedies, rotators, schedules } = catalogue;
  const others = [...rules, ...remedies, ...rotators, ...schedules].map(({ name }) => name);
  // A package brings all of its binaries.
  const owners = [...new Set([...others, ...listeners])];
  const packages = ['--release', '--locked', ...owners.flatMap((name) => ['--package', name])];
  const isNative = architecture === 'x86_64' && builder.platform === 'linux' && builder.arch === 'x64';
  if (isNative && builder.cargoLambda !== 'wanted') {
    return {
      command: 'cargo',
      arguments: ['build', ...packages],
      binaries: new Map(names.map((name) => [name, `${targetDirectory}/release/${name}`])),
    };
  }
  if (builder.cargoLambda === 'missing') {
    const where = `on ${builder.platform} ${builder.arch}`;
    throw new Error(
      `${architecture} functions are built by cargo-lambda ${where}, which is not installed\n${INSTALL_CARGO_LAMBDA}`,
    );
  }
  return {
    command: 'cargo',
    arguments: ['lambda', 'build', architecture === 'arm64' ? '--arm64' : '--x86-64', ...packages],
    binaries: new Map(names.map((name) => [name, `${targetDirectory}/lambda/${name}/bootstrap`])),
  };
}
