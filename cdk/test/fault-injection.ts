import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JsonObject, objectOf } from '../lib/validation/json.js';
import { checkTemplate } from '../lib/validation/template.js';
import { resourcesOf } from './template-reading.js';

/** In the place of a value: the field is taken away. */
export const GONE = Symbol('gone');

/** A fault to put into a good template, the check that has to find it, and what to write at which paths. */
export type InjectedFault = readonly [fault: string, check: string, changes: Readonly<Record<string, unknown>>];

/** One test per fault: with it in the template, its check finds it. Paths begin at the resource. */
export function testsOfFaults(
  template: JsonObject,
  type: string,
  isTheResource: (properties: JsonObject) => boolean,
  base: string,
  faults: readonly InjectedFault[],
): void {
  for (const [fault, check, changes] of faults) {
    test(`${fault} is found`, () => {
      const copy = structuredClone(template);
      const resource = resourcesOf(copy, type).find(({ properties }) => isTheResource(properties));
      assert.ok(resource);
      for (const [path, value] of Object.entries(changes)) write(resource.whole, `${base}${path}`, value);
      const found = checkTemplate(copy).map((each) => each.check);
      assert.ok(found.includes(check), `found ${found.join(', ') || 'nothing'}`);
    });
  }
}

/** Writes a value at a path such as `Content.mainSteps[0].name`, whose parents exist. */
function write(root: JsonObject, path: string, value: unknown): void {
  const keys = path.split(/[.[\]]+/).filter((key) => key !== '');
  const last = keys.pop() ?? '';
  let parent: Record<string, unknown> = root;
  for (const key of keys) {
    const child = parent[key];
    assert.ok(typeof child === 'object' && child !== null, `${path} has no ${key}`);
    parent = child as Record<string, unknown>;
  }
  assert.ok(value !== GONE || last in objectOf(parent) || Array.isArray(parent), `${path} is not there`);
  if (value === GONE) Reflect.deleteProperty(parent, last);
  else parent[last] = value;
}
