import { join, resolve } from 'node:path';
import { App } from 'aws-cdk-lib';
import { policyChecker } from '../lib/configuration/policy.js';
import { releaseZips } from '../lib/constructs/function-code.js';
import { credwardenApp } from '../lib/credwarden-app.js';
import { DEFAULT_PROFILE, loadCatalogue, loadProfile } from '../lib/profile.js';

/** The folder `cdk`; this file runs as `cdk/dist/bin/credwarden.js`. */
const root = resolve(import.meta.dirname, '..', '..');
const repository = resolve(root, '..');

try {
  const app = new App();
  const name = String(app.node.tryGetContext('profile') ?? DEFAULT_PROFILE);
  const { deployment, policy } = loadProfile(root, name, policyChecker(repository, process.env));
  const catalogue = loadCatalogue(root);
  const codes = releaseZips(join(repository, 'target', 'lambda'), join(root, 'placeholder'), deployment.architecture);
  credwardenApp({ deployment, policy, catalogue, codes }, app).app.synth();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
