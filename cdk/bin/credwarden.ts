import { join, resolve } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { policyChecker } from '../lib/configuration/policy.js';
import { releaseZips } from '../lib/constructs/function-code.js';
import { CredwardenStack } from '../lib/credwarden-stack.js';
import { DEFAULT_PROFILE, loadCatalogue, loadProfile } from '../lib/profile.js';

/** This file runs as `cdk/dist/bin/credwarden.js`. */
const root = resolve(import.meta.dirname, '..', '..');
const repository = resolve(root, '..');

try {
  const app = new App();
  const name = String(app.node.tryGetContext('profile') ?? DEFAULT_PROFILE);
  const { deployment, policy } = loadProfile(root, name, policyChecker(repository, process.env));
  new CredwardenStack(app, 'Credwarden', {
    deployment,
    policy,
    catalogue: loadCatalogue(root),
    codes: releaseZips(join(repository, 'target', 'lambda'), join(root, 'placeholder')),
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
