import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadPolicy, MAXIMUM_POLICY_BYTES, policyChecker } from '../lib/configuration/policy.js';

const NORMAL = JSON.stringify({ format: 1, protected: ['arn:*:iam::*:user/break-glass/*'], approvers: [] });

/** A policy file's text whose document has that many bytes. */
function textOfSize(bytes: number): string {
  const frame = JSON.stringify({ note: '' }).length;
  return JSON.stringify({ note: 'x'.repeat(bytes - frame) }, undefined, 4);
}

/** An executable in the place of the Rust validator. */
function validator(script: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'checker-')), 'checker');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

test('the parameter holds the document of the file without its spaces', () => {
  const policy = loadPolicy('policy.json', '{\n  "format": 1,\n  "classes": []\n}', () => NORMAL);
  assert.equal(policy.document, '{"format":1,"classes":[]}');
  assert.deepEqual(policy.protected, ['arn:*:iam::*:user/break-glass/*']);
});

test('a policy of exactly the size of the parameter is taken, one byte more is refused', () => {
  const load = (bytes: number): number => loadPolicy('policy.json', textOfSize(bytes), () => NORMAL).document.length;
  assert.equal(load(MAXIMUM_POLICY_BYTES), 8192);
  assert.throws(() => load(MAXIMUM_POLICY_BYTES + 1), /`policy.json` has 8193 bytes .* holds 8192\nhint: /s);
});

test('size is counted in bytes, not in characters', () => {
  const text = JSON.stringify({ note: 'ü'.repeat(4100) });
  assert.throws(() => loadPolicy('policy.json', text, () => NORMAL), /has 8211 bytes/);
});

test('an answer of the validator without protected principals is refused, not taken as none', () => {
  for (const answer of ['{}', '{"protected":"x"}', '{"protected":[1]}', 'null']) {
    assert.throws(() => loadPolicy('policy.json', '{}', () => answer), /no list `protected`/);
  }
});

test('the validator is asked for the file and its answer is taken', () => {
  const checker = validator('[ "$1" = check-policy ] && printf \'{"protected":["%s"]}\' "$2"');
  const check = policyChecker('.', { CREDWARDEN_POLICY_CHECKER: checker });
  assert.equal(check('some/policy.json'), '{"protected":["some/policy.json"]}');
});

test('everything that the validator says is wrong is said', () => {
  const checker = validator('echo "classes: is missing" >&2; echo "limits: is missing" >&2; exit 1');
  const check = policyChecker('.', { CREDWARDEN_POLICY_CHECKER: checker });
  assert.throws(() => check('policy.json'), /classes: is missing\nlimits: is missing$/);
});

test('a validator that cannot be run is named, with what to do', () => {
  const check = policyChecker('.', { CREDWARDEN_POLICY_CHECKER: './no-such-validator' });
  assert.throws(() => check('policy.json'), /cannot run `.\/no-such-validator`\n.*hint: /s);
});
