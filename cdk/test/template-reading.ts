import type { JsonObject } from '../lib/validation/json.js';
import { isObject, listOf, objectOf, textOf } from '../lib/validation/json.js';

/** One resource of a template. */
export interface Resource {
  readonly id: string;
  readonly properties: JsonObject;
  readonly whole: JsonObject;
}

export function resourcesOf(template: JsonObject, type: string): Resource[] {
  return Object.entries(objectOf(template['Resources']))
    .filter(([, resource]) => objectOf(resource)['Type'] === type)
    .map(([id, resource]) => ({
      id,
      properties: objectOf(objectOf(resource)['Properties']),
      whole: objectOf(resource),
    }));
}

/** The one resource of a type with a property of a value. */
export function resourceNamed(template: JsonObject, type: string, property: string, value: string): Resource {
  const found = resourcesOf(template, type).filter(({ properties }) => properties[property] === value);
  if (found.length !== 1 || found[0] === undefined)
    throw new Error(`${found.length} ${type} have ${property} ${value}`);
  return found[0];
}

/** A value with CloudFormation's functions as text: `<AWS::AccountId>`, `<Table.Arn>`. */
export function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref: reference, 'Fn::GetAtt': attribute, 'Fn::Join': join } = objectOf(value);
  if (reference !== undefined) return `<${textOf(reference)}>`;
  if (attribute !== undefined) return `<${listOf(attribute).join('.')}>`;
  if (join !== undefined) return listOf(listOf(join)[1]).map(plain).join('');
  throw new Error(`cannot read ${JSON.stringify(value)}`);
}

/** The statements of every policy of a role, inline or attached, as `Effect action on resource`, sorted. */
export function permissionsOf(template: JsonObject, roleId: string): string[] {
  const role = objectOf(objectOf(template['Resources'])[roleId]);
  const inline = listOf(objectOf(role['Properties'])['Policies']).map((policy) => objectOf(policy)['PolicyDocument']);
  const attached = resourcesOf(template, 'AWS::IAM::Policy')
    .filter(({ properties }) => listOf(properties['Roles']).some((each) => plain(each) === `<${roleId}>`))
    .map(({ properties }) => properties['PolicyDocument']);
  return [...inline, ...attached]
    .flatMap((document) => listOf(objectOf(document)['Statement']))
    .filter(isObject)
    .flatMap((statement) =>
      several(statement['Action']).flatMap((action) =>
        several(statement['Resource']).map(
          (resource) => `${textOf(statement['Effect'])} ${plain(action)} on ${plain(resource)}`,
        ),
      ),
    )
    .sort();
}

/** The id of the role of a function with a name. */
export function roleOf(template: JsonObject, functionName: string): string {
  const { properties } = resourceNamed(template, 'AWS::Lambda::Function', 'FunctionName', functionName);
  return textOf(listOf(objectOf(properties['Role'])['Fn::GetAtt'])[0]);
}

function several(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [value];
}
