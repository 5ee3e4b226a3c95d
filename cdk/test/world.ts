import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Catalogue, ListenerEntry, RemedyEntry, RotatorEntry, RuleEntry } from '../lib/configuration/catalogue.js';
import type { PolicyChecker } from '../lib/configuration/policy.js';
import { credwardenApp } from '../lib/credwarden-app.js';
import type { CredwardenStack, CredwardenStackProps } from '../lib/credwarden-stack.js';
import { loadCatalogue, loadProfile } from '../lib/profile.js';
import type { JsonObject } from '../lib/validation/json.js';

/** The folder `cdk`; tests run as `cdk/dist/test/*.js`. */
export const ROOT = resolve(import.meta.dirname, '..', '..');

/** The committed policies name their `protected` themselves, so their normal form is not needed to find them. */
export const trustingChecker: PolicyChecker = (file) => readFileSync(file, 'utf8');

export const CATALOGUE: Catalogue = loadCatalogue(ROOT);

/** What a committed profile is synthesized from, with functions that are built. */
export function profile(name: string): CredwardenStackProps {
  return {
    ...loadProfile(ROOT, name, trustingChecker),
    catalogue: CATALOGUE,
    codes: () => ({ code: lambda.Code.fromAsset(join(ROOT, 'placeholder')), built: true }),
  };
}

/** The automatic profile, with changes. */
export function props(changes: Partial<CredwardenStackProps> = {}): CredwardenStackProps {
  return { ...profile('automatic'), ...changes };
}

export interface Synthesized {
  readonly app: App;
  readonly stack: CredwardenStack;
  readonly template: Template;
  readonly json: JsonObject;
}

/** Synthesizes with the feature flags of `cdk.json`, as the CDK command would. */
export function synthesize(given: CredwardenStackProps): Synthesized {
  const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> };
  const { app, stack } = credwardenApp(given, new App({ context, outdir: mkdtempSync(join(tmpdir(), 'cdk-')) }));
  const template = Template.fromJSON(app.synth().getStackByName(stack.stackName).template as JsonObject);
  return { app, stack, template, json: template.toJSON() };
}

/** A rule that the committed catalogue does not have. */
export function newRule(changes: Partial<RuleEntry> = {}): RuleEntry {
  return {
    name: 'console-mfa',
    description: 'Console passwords have MFA.',
    resourceType: 'AWS::IAM::User',
    frequency: 'Six_Hours',
    remedies: ['restrict-console'],
    memoryMb: 512,
    timeoutSeconds: 60,
    grants: [
      { actions: ['iam:ListMFADevices'], on: 'users' },
      { actions: ['config:GetComplianceDetailsByConfigRule'], on: 'own-rule' },
    ],
    ...changes,
  };
}

/** A remedy that the committed catalogue does not have. */
export function newRemedy(changes: Partial<RemedyEntry> = {}): RemedyEntry {
  return {
    name: 'restrict-console',
    description: 'Takes a console password away.',
    undo: true,
    exceptions: false,
    rotations: false,
    approvals: false,
    memoryMb: 128,
    timeoutSeconds: 30,
    grants: [{ actions: ['iam:DeleteLoginProfile'], on: 'users' }],
    changes: ['iam:DeleteLoginProfile'],
    ...changes,
  };
}

/** A rotation function that the committed catalogue does not have. */
export function newRotator(changes: Partial<RotatorEntry> = {}): RotatorEntry {
  return {
    name: 'mint-certificate',
    description: 'Mints certificates.',
    memoryMb: 128,
    timeoutSeconds: 30,
    grants: [{ actions: ['iam:UploadSigningCertificate'], on: 'enrolled-users' }],
    changes: ['iam:UploadSigningCertificate'],
    ...changes,
  };
}

/** A listener that the committed catalogue does not have. */
export function newListener(changes: Partial<ListenerEntry> = {}): ListenerEntry {
  return {
    name: 'record-sign-ins',
    package: 'console-mfa',
    description: 'Records who signs in.',
    pattern: {
      source: ['aws.signin'],
      'detail-type': ['AWS Console Sign In via CloudTrail'],
      detail: { eventSource: ['signin.amazonaws.com'], eventName: ['ConsoleLogin'], errorCode: [{ exists: false }] },
    },
    memoryMb: 128,
    timeoutSeconds: 30,
    grants: [],
    ...changes,
  };
}
