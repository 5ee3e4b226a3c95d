import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { unzipSync } from 'fflate';
import { planBuild } from '../lib/packaging/build-plan.js';
import { architectureOf, checkBinary } from '../lib/packaging/lambda-binary.js';
import { functionsOf } from '../lib/configuration/catalogue.js';
import { releaseZip } from '../lib/packaging/release-zip.js';
import { elf } from './elf.js';
import { CATALOGUE } from './world.js';

const LINUX = { platform: 'linux', arch: 'x64', cargoLambda: 'missing' } as const;
const MAC = { platform: 'darwin', arch: 'arm64', cargoLambda: 'there' } as const;
const FUNCTIONS = functionsOf(CATALOGUE).map(({ name }) => name);
const RECORDER = 'record-creation';
const OWNERS = FUNCTIONS.filter((name) => name !== RECORDER);
const PACKAGES = ['--release', '--locked', ...OWNERS.flatMap((name) => ['--package', name])];

test('on the machine that functions run on, plain cargo builds every function of the catalogue at once', () => {
  const plan = planBuild(CATALOGUE, 'x86_64', LINUX, 'target');
  assert.deepEqual([plan.command, ...plan.arguments], ['cargo', 'build', ...PACKAGES]);
  assert.equal(plan.binaries.get('advance-work'), 'target/release/advance-work');
  assert.deepEqual([...plan.binaries.keys()], FUNCTIONS);
  assert.equal(plan.binaries.get(RECORDER), `target/release/${RECORDER}`, "a binary of its rule's package");
});

test('cargo-lambda builds where it is asked for', () => {
  const plan = planBuild(CATALOGUE, 'x86_64', { ...LINUX, cargoLambda: 'wanted' }, 'target');
  assert.deepEqual(plan.arguments.slice(0, 3), ['lambda', 'build', '--x86-64']);
});

test('for another processor or from another system, cargo-lambda builds', () => {
  const arm = planBuild(CATALOGUE, 'arm64', { ...LINUX, cargoLambda: 'there' }, 'target');
  assert.deepEqual([arm.command, ...arm.arguments], ['cargo', 'lambda', 'build', '--arm64', ...PACKAGES]);
  assert.equal(arm.binaries.get('access-key-age'), 'target/lambda/access-key-age/bootstrap');
  assert.ok(planBuild(CATALOGUE, 'x86_64', MAC, 'target').arguments.includes('--x86-64'));
});

test('where cargo-lambda is needed and missing, what to install is said', () => {
  assert.throws(
    () => planBuild(CATALOGUE, 'arm64', LINUX, 'target'),
    /^Error: arm64 functions .*\nhint: install it with/,
  );
  assert.throws(
    () => planBuild(CATALOGUE, 'x86_64', { ...MAC, cargoLambda: 'missing' }, 'target'),
    /x86_64 functions are built by cargo-lambda on darwin arm64/,
  );
});

test('a binary that needs a newer glibc than the runtime has is refused', () => {
  checkBinary('rule', elf('x86_64', '\0GLIBC_2.2.5\0GLIBC_2.34\0'), 'x86_64');
  checkBinary('rule', elf('arm64', 'static'), 'arm64');
  assert.throws(() => {
    checkBinary('rule', elf('x86_64', '\0GLIBC_2.4\0GLIBC_2.39\0GLIBC_2.34\0'), 'x86_64');
  }, /`rule` needs glibc 2.39, the Lambda runtime has 2.34\nhint: /);
});

test('a binary for another processor, or no binary, is refused', () => {
  assert.throws(() => {
    checkBinary('rule', elf('x86_64'), 'arm64');
  }, /`rule` is for x86_64, the profile is for arm64\nhint: /);
  for (const other of ['#!/bin/sh', '\x7fELF', '']) {
    assert.throws(() => {
      checkBinary('rule', Buffer.from(other), 'x86_64');
    }, /`rule` is no Linux program/);
  }
});

test('the processor of a real program is read, if it is a Linux program', () => {
  const ours = process.arch === 'arm64' ? 'arm64' : 'x86_64';
  assert.equal(architectureOf(readFileSync(process.execPath)), process.platform === 'linux' ? ours : undefined);
});

test('a zip holds the binary as bootstrap and nothing else', () => {
  const files = unzipSync(releaseZip(Buffer.from('binary')));
  assert.deepEqual(Object.keys(files), ['bootstrap']);
  assert.equal(Buffer.from(files['bootstrap'] ?? []).toString(), 'binary');
});

test('the bootstrap of a zip may be executed by everybody', () => {
  const zip = Buffer.from(releaseZip(Buffer.from('binary')));
  const directory = zip.indexOf('PK\x01\x02', 0, 'latin1');
  assert.equal(zip.readUInt8(directory + 5), 3, 'attributes are of Unix');
  assert.equal((zip.readUInt32LE(directory + 38) >>> 16).toString(8), '100755');
});

test('the same binary makes the same zip at any time and in any time zone', () => {
  const script = join(mkdtempSync(join(tmpdir(), 'zip-')), 'zip.mjs');
  const module = new URL('../lib/packaging/release-zip.js', import.meta.url).href;
  writeFileSync(
    script,
    `import { releaseZip } from '${module}'; process.stdout.write(releaseZip(Buffer.from('binary')));`,
  );
  const made = ['UTC', 'Pacific/Auckland', 'America/Los_Angeles'].map((TZ) => {
    const { stdout, status } = spawnSync(process.execPath, [script], { env: { ...process.env, TZ } });
    assert.equal(status, 0);
    return stdout.toString('base64');
  });
  assert.equal(new Set(made).size, 1);
});
