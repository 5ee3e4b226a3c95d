import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { profile, ROOT, synthesize } from './world.js';

/** The template as text, without the hashes of the functions' code, which change with every build. */
function snapshotOf(name: string): string {
  const { json } = synthesize(profile(name));
  return `${JSON.stringify(json, undefined, 2).replaceAll(/[0-9a-f]{64}(?=\.zip)/g, 'asset-hash')}\n`;
}

for (const name of ['default', 'automatic']) {
  test(`the template of the profile ${name} is the committed one`, () => {
    const file = join(ROOT, 'test', 'snapshots', `${name}.template.json`);
    const template = snapshotOf(name);
    if (process.env['UPDATE_SNAPSHOTS'] === '1') writeFileSync(file, template);
    assert.equal(template, readFileSync(file, 'utf8'), 'look at the difference, then run: npm run snapshot');
  });
}
