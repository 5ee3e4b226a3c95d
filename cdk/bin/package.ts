import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { planBuild } from '../lib/packaging/build-plan.js';
import { checkBinary } from '../lib/packaging/lambda-binary.js';
import { releaseZip } from '../lib/packaging/release-zip.js';
import { DEFAULT_PROFILE, loadCatalogue, loadDeployment } from '../lib/profile.js';

const USAGE = 'usage: npm run package -- [--profile NAME] [--cargo-lambda] [--no-build]';

/** The folder `cdk`; this file runs as `cdk/dist/bin/package.js`. */
const root = resolve(import.meta.dirname, '..', '..');
const repository = resolve(root, '..');

/** Builds the functions for the profile's processor, and writes the zips that the template names. */
function main(): void {
  const { values } = parseArgs({
    options: {
      profile: { type: 'string', default: DEFAULT_PROFILE },
      'cargo-lambda': { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
    },
  });
  const { architecture } = loadDeployment(root, values.profile);
  const target = resolve(repository, process.env['CARGO_TARGET_DIR'] ?? 'target');
  const hasCargoLambda = spawnSync('cargo', ['lambda', '--version'], { stdio: 'ignore' }).status === 0;
  const asked = values['cargo-lambda'] ? 'wanted' : 'there';
  const builder = {
    platform: process.platform,
    arch: process.arch,
    cargoLambda: hasCargoLambda ? asked : 'missing',
  } as const;
  const plan = planBuild(loadCatalogue(root), architecture, builder, target);
  if (!values['no-build']) {
    const { status } = spawnSync(plan.command, [...plan.arguments], { cwd: repository, stdio: 'inherit' });
    if (status !== 0) throw new Error(`\`${plan.command} ${plan.arguments.join(' ')}\` has failed`);
  }
  const output = join(repository, 'target', 'lambda');
  mkdirSync(output, { recursive: true });
  for (const [name, path] of plan.binaries) {
    const binary = readFileSync(path);
    checkBinary(name, binary, architecture);
    const zip = releaseZip(binary);
    writeFileSync(join(output, `${name}.zip`), zip);
    console.log(`target/lambda/${name}.zip  ${(zip.length / 1e6).toFixed(2)} MB`);
  }
}

try {
  main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 1;
}
