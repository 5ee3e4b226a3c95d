import { FREQUENCIES } from '../configuration/catalogue.js';
import type { Fault } from './fault.js';
import { type JsonObject, listOf, objectOf, shown } from './json.js';

/** AWS Config's limit of `InputParameters`, as JSON text. */
const MAXIMUM_INPUT_LENGTH = 1024;

/** Everything wrong with the properties of a scheduled custom `AWS::Config::ConfigRule`. */
export function checkConfigRule(properties: JsonObject): Fault[] {
  const faults: Fault[] = [];
  const source = objectOf(properties['Source']);
  const details = listOf(source['SourceDetails']).map(objectOf);
  if (source['Owner'] !== 'CUSTOM_LAMBDA' || details.length === 0) {
    const fix = 'write Owner CUSTOM_LAMBDA and SourceDetails';
    faults.push({ check: 'rule-source', place: 'Source', what: 'is no custom rule with a schedule', fix });
  }
  for (const [index, detail] of details.entries()) {
    const place = `Source.SourceDetails[${index}]`;
    if (detail['EventSource'] !== 'aws.config' || detail['MessageType'] !== 'ScheduledNotification') {
      const fix = 'write aws.config and ScheduledNotification: the functions refuse other messages';
      faults.push({ check: 'rule-source', place, what: 'is no scheduled notification', fix });
    }
    const frequency = detail['MaximumExecutionFrequency'];
    if (!FREQUENCIES.some((known) => known === frequency)) {
      const what = `\`${shown(frequency)}\` is not known`;
      faults.push({ check: 'frequency', place, what, fix: `write one of ${FREQUENCIES.join(', ')}` });
    }
  }
  const input = properties['InputParameters'];
  const length = input === undefined ? 0 : JSON.stringify(input).length;
  if (length > MAXIMUM_INPUT_LENGTH) {
    const what = `has ${length} characters as JSON`;
    faults.push({ check: 'input-parameters', place: 'InputParameters', what, fix: `use ${MAXIMUM_INPUT_LENGTH}` });
  }
  return faults;
}
