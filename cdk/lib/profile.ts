import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Catalogue, parseCatalogue } from './configuration/catalogue.js';
import { type Deployment, parseDeployment } from './configuration/deployment.js';
import { type Policy, type PolicyChecker, loadPolicy } from './configuration/policy.js';

/** The profile that is taken where none is named. It changes nothing in the account. */
export const DEFAULT_PROFILE = 'default';

/** What one deployment is made from. */
export interface Profile {
  readonly deployment: Deployment;
  readonly policy: Policy;
}

/**
 * Reads `profiles/<name>/`.
 *
 * @param root the folder `cdk`.
 * @throws Error that says what is wrong with which file, and what to do.
 */
export function loadProfile(root: string, name: string, check: PolicyChecker): Profile {
  const file = join(folderOf(root, name), 'policy.json');
  return { deployment: loadDeployment(root, name), policy: loadPolicy(file, readText(file), check) };
}

/** Reads `profiles/<name>/deployment.json` alone, where the policy does not matter. */
export function loadDeployment(root: string, name: string): Deployment {
  const file = join(folderOf(root, name), 'deployment.json');
  return parseDeployment(parseJson(file), file);
}

/** Reads `catalogue.json`, which `credwarden-catalogue` writes. */
export function loadCatalogue(root: string): Catalogue {
  const file = join(root, 'catalogue.json');
  return parseCatalogue(parseJson(file), file);
}

function folderOf(root: string, name: string): string {
  const profiles = join(root, 'profiles');
  const folder = join(profiles, name);
  if (!/^[a-z0-9-]+$/.test(name) || !existsSync(folder)) {
    const known = readdirSync(profiles).sort().join(', ');
    throw new Error(`there is no profile \`${name}\`\nhint: name one of ${known}`);
  }
  return folder;
}

function parseJson(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`\`${file}\` is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read \`${file}\`: ${(error as Error).message}`, { cause: error });
  }
}
