import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Annotations } from 'aws-cdk-lib/assertions';
import { functionsOf } from '../lib/configuration/catalogue.js';
import { releaseZips } from '../lib/constructs/function-code.js';
import { releaseZip } from '../lib/packaging/release-zip.js';
import { objectOf } from '../lib/validation/json.js';
import { elf } from './elf.js';
import { CATALOGUE, props, ROOT, synthesize } from './world.js';

const BUILD_FIRST = 'build the functions first: npm run package';

/** A folder with release zips of the named functions. */
function zips(names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'zips-'));
  for (const name of names) writeFileSync(join(folder, `${name}.zip`), releaseZip(elf('x86_64', name)));
  return folder;
}

const NAMES = functionsOf(CATALOGUE).map(({ name }) => name);

test('with every zip there, nothing refuses the deployment', () => {
  const codes = releaseZips(zips(NAMES), join(ROOT, 'placeholder'), 'x86_64');
  const { stack, json } = synthesize(props({ codes }));
  assert.deepEqual(Object.keys(objectOf(json['Rules'])), ['CheckBootstrapVersion']);
  Annotations.fromStack(stack).hasNoWarning('*', BUILD_FIRST);
});

test('with one zip missing, synth warns and CloudFormation refuses, whatever parameter it is given', () => {
  const codes = releaseZips(zips(NAMES.slice(1)), join(ROOT, 'placeholder'), 'x86_64');
  const { stack, json } = synthesize(props({ codes }));
  Annotations.fromStack(stack).hasWarning(
    '/Credwarden',
    `${BUILD_FIRST}; this template cannot be deployed [ack: credwarden:placeholder]`,
  );
  assert.deepEqual(objectOf(json['Rules'])['FunctionsAreBuilt'], {
    Assertions: [{ Assert: { 'Fn::Equals': [{ Ref: 'FunctionCode' }, 'built'] }, AssertDescription: BUILD_FIRST }],
  });
  const parameter = objectOf(objectOf(json['Parameters'])['FunctionCode']);
  assert.equal(parameter['Default'], 'placeholder');
  assert.deepEqual(parameter['AllowedValues'], ['placeholder']);
});

test('zips for another processor are not deployed', () => {
  const codes = releaseZips(zips(NAMES), join(ROOT, 'placeholder'), 'arm64');
  assert.deepEqual(
    NAMES.map((name) => codes(name).built),
    NAMES.map(() => false),
  );
});
