import type { Fault } from './fault.js';
import { isObject, type JsonObject, listOf, objectOf, patternOf, shown, textOf } from './json.js';

/** Limits of AWS Config's `RemediationConfiguration`. */
const MAXIMUM_PARAMETERS = 25;
const MAXIMUM_VALUES = 25;
const MAXIMUM_VALUE_LENGTH = 256;
const MAXIMUM_ATTEMPTS = 25;
const MAXIMUM_RETRY_SECONDS = 2_678_000;

/** Ids that AWS Config passes as `RESOURCE_ID`, by resource type. */
const SAMPLE_IDS: Readonly<Record<string, readonly string[]>> = {
  'AWS::IAM::User': ['AIDACKCEVSQ6C2EXAMPLE', 'AIDAJQABLZS4A3QDU576Q'],
};

/**
 * Everything wrong with the properties of an `AWS::Config::RemediationConfiguration`.
 *
 * @param document content of the document that it starts, if that is in the template.
 */
export function checkRemediation(properties: JsonObject, document: JsonObject | undefined): Fault[] {
  const faults: Fault[] = [];
  const say = (check: string, place: string, what: string, fix: string): void => {
    faults.push({ check, place, what, fix });
  };
  const parameters = objectOf(properties['Parameters']);
  if (properties['TargetType'] !== 'SSM_DOCUMENT') {
    say('target', 'TargetType', 'is not SSM_DOCUMENT', 'AWS Config knows no other');
  }
  if (document === undefined) {
    say('target', 'TargetId', 'is no document of this template', 'refer to the document');
  } else {
    faults.push(...checkParameters(parameters, objectOf(document['parameters']), textOf(properties['ResourceType'])));
  }
  if (Object.keys(parameters).length > MAXIMUM_PARAMETERS) {
    say('remediation-parameters', 'Parameters', `has more than ${MAXIMUM_PARAMETERS}`, 'pass fewer');
  }
  if (properties['Automatic'] === true) {
    if (!isObject(parameters['AutomationAssumeRole'])) {
      say('assume-role', 'Parameters', 'has no AutomationAssumeRole', 'automatic remediation needs the role');
    }
    faults.push(...checkRange(properties, 'MaximumAutomaticAttempts', MAXIMUM_ATTEMPTS, 'required'));
    faults.push(...checkRange(properties, 'RetryAttemptSeconds', MAXIMUM_RETRY_SECONDS, 'required'));
  }
  const controls = objectOf(objectOf(properties['ExecutionControls'])['SsmControls']);
  faults.push(...checkRange(controls, 'ConcurrentExecutionRatePercentage', 100, 'optional'));
  faults.push(...checkRange(controls, 'ErrorPercentage', 100, 'optional'));
  return faults;
}

function checkParameters(given: JsonObject, declared: JsonObject, resourceType: string): Fault[] {
  const faults: Fault[] = [];
  for (const name of Object.keys(declared).filter((key) => given[key] === undefined)) {
    faults.push(wrong(name, 'is declared by the document and not passed', 'pass it'));
  }
  for (const [name, value] of Object.entries(given)) {
    const parameter = declared[name];
    if (!isObject(parameter)) {
      faults.push(wrong(name, 'is not declared by the document', 'declare it, or do not pass it'));
      continue;
    }
    const pattern = patternOf(parameter['allowedPattern']) ?? /(?:)/;
    for (const text of valuesOf(objectOf(value), resourceType)) {
      if (text === undefined) {
        const fix = 'write {StaticValue: {Values: [...]}} or {ResourceValue: {Value: "RESOURCE_ID"}}';
        faults.push(wrong(name, 'is neither a static value nor RESOURCE_ID', fix));
      } else if (typeof text === 'string' && text.length > MAXIMUM_VALUE_LENGTH) {
        faults.push(wrong(name, `has a value of ${text.length} characters`, `use at most ${MAXIMUM_VALUE_LENGTH}`));
      } else if (typeof text === 'string' && !pattern.test(text)) {
        faults.push(wrong(name, `\`${text}\` is not allowed by the document`, 'correct value or allowedPattern'));
      }
    }
  }
  return faults;
}

/** The values of one parameter: texts, intrinsic functions as they are, and `undefined` where AWS Config refuses it. */
function valuesOf(value: JsonObject, resourceType: string): readonly unknown[] {
  const { StaticValue: fixed, ResourceValue: resource, ...others } = value;
  if (Object.keys(others).length > 0 || (fixed === undefined) === (resource === undefined)) return [undefined];
  if (resource !== undefined) {
    return objectOf(resource)['Value'] === 'RESOURCE_ID' ? (SAMPLE_IDS[resourceType] ?? []) : [undefined];
  }
  const values = listOf(objectOf(fixed)['Values']);
  return values.length >= 1 && values.length <= MAXIMUM_VALUES ? values : [undefined];
}

function checkRange(object: JsonObject, field: string, maximum: number, need: 'required' | 'optional'): Fault[] {
  const value = object[field];
  if (value === undefined && need === 'optional') return [];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= maximum) return [];
  const what = `is ${shown(value)}`;
  return [{ check: 'range', place: field, what, fix: `write a whole number from 1 to ${maximum}` }];
}

function wrong(name: string, what: string, fix: string): Fault {
  return { check: 'remediation-parameters', place: `Parameters.${name}`, what, fix };
}
