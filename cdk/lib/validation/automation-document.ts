import type { Fault } from './fault.js';
import { isObject, type JsonObject, listOf, objectOf, patternOf, shown, textOf, textsOf } from './json.js';
import { StepGraph, type StepNode } from './step-graph.js';

/** What a step of each action we use has as outputs without declaring them, and what its inputs must have. */
const ACTIONS: Readonly<Record<string, { readonly outputs: readonly string[]; readonly inputs: readonly string[] }>> = {
  'aws:invokeLambdaFunction': {
    outputs: ['StatusCode', 'FunctionError', 'LogResult', 'Payload'],
    inputs: ['FunctionName'],
  },
  'aws:approve': { outputs: ['ApprovalStatus', 'ApproverDecisions'], inputs: ['Approvers'] },
  'aws:branch': { outputs: [], inputs: ['Choices', 'Default'] },
  'aws:executeScript': { outputs: ['Payload'], inputs: ['Runtime', 'Handler', 'Script'] },
};

/** Variables of Automation itself. */
const AUTOMATION_VARIABLES = [
  'global:ACCOUNT_ID',
  'global:AWS_PARTITION',
  'global:DATE',
  'global:DATE_TIME',
  'global:REGION',
  'automation:EXECUTION_ID',
];

const OPERATORS = [
  'StringEquals',
  'EqualsIgnoreCase',
  'StartsWith',
  'EndsWith',
  'Contains',
  'NumericEquals',
  'NumericGreater',
  'NumericGreaterOrEquals',
  'NumericLesser',
  'NumericLesserOrEquals',
  'BooleanEquals',
];

/** SSM stops an `aws:invokeLambdaFunction` step after this, whatever it asks for. */
const MAXIMUM_INVOKE_SECONDS = 300;

/** Values that parameters of these names get, and so have to allow. */
const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  AutomationAssumeRole: [
    'arn:aws:iam::123456789012:role/credwarden-AutomationRole4C6E4BB4-Xr1aEXAMPLE0',
    'arn:aws-us-gov:iam::123456789012:role/service/credwarden',
    'arn:aws-cn:iam::123456789012:role/credwarden',
  ],
  CredentialId: ['AKIAIOSFODNN7EXAMPLE'],
  Until: ['2026-12-31', '2026-12-31T12:00:00Z', '2026-12-31T12:00:00.5+01:00'],
  Owner: ['alice@example.com', 'arn:aws:iam::123456789012:role/payments'],
  Reason: ['A laptop with the key was stolen, INC-77.'],
  Justification: ["The vendor's client cannot rotate before spring, CHG-1234."],
};

/** What no parameter may allow: it would be another reference, or leave the JSON text it is put into. */
const HOSTILE = ['{{ AutomationAssumeRole }}', '","x":"', ''];

/** Nor may any but those that people write sentences in. */
const HOSTILE_BUT_IN_PROSE = 'a b';
const PROSE = ['Justification', 'Reason'];

/** What an `aws:approve` step takes: so many approvers, and so many seconds. */
const MAXIMUM_APPROVERS = 10;
const MAXIMUM_APPROVAL_SECONDS = 30 * 24 * 3600;

/** Everything wrong with the content of an Automation document that can be seen without AWS. */
export function checkAutomationDocument(content: unknown): Fault[] {
  const document = objectOf(content);
  const parameters = objectOf(document['parameters']);
  const graph = new StepGraph(document['mainSteps']);
  return [
    ...checkHead(document, parameters),
    ...Object.entries(parameters).flatMap(([name, parameter]) => checkParameter(name, objectOf(parameter))),
    ...checkFlow(graph),
    ...graph.nodes.flatMap((node) => checkStep(node)),
    ...checkReferences(document, parameters, graph),
    ...checkStatic(document),
  ];
}

function checkHead(document: JsonObject, parameters: JsonObject): Fault[] {
  const faults: Fault[] = [];
  if (document['schemaVersion'] !== '0.3') {
    faults.push(fault('schema-version', 'schemaVersion', 'is not "0.3"', 'Automation documents have schema 0.3'));
  }
  if (document['assumeRole'] !== '{{ AutomationAssumeRole }}' || !isObject(parameters['AutomationAssumeRole'])) {
    const fix =
      'declare the parameter, and write "{{ AutomationAssumeRole }}": AWS Config passes the role by that name';
    faults.push(fault('assume-role', 'assumeRole', 'is not the parameter AutomationAssumeRole', fix));
  }
  return faults;
}

function checkParameter(name: string, parameter: JsonObject): Fault[] {
  const place = `parameters.${name}`;
  if (parameter['type'] !== 'String') {
    return [fault('parameter-type', `${place}.type`, 'is not "String"', 'AWS Config passes lists of one string')];
  }
  const allowed = patternOf(parameter['allowedPattern']);
  if (allowed === undefined) {
    const what = `\`${shown(parameter['allowedPattern'])}\` is not a regular expression`;
    return [fault('allowed-pattern', place, what, 'write the form of its values as allowedPattern')];
  }
  const faults: Fault[] = [];
  const { default: preset } = parameter;
  const samples: unknown[] = [...(SAMPLES[name] ?? []), ...(preset === undefined ? [] : [preset])];
  for (const sample of samples) {
    if (typeof sample !== 'string' || !allowed.test(sample)) {
      faults.push(fault('allowed-pattern', place, `does not allow \`${shown(sample)}\``, 'widen the pattern'));
    }
  }
  const hostiles = PROSE.includes(name) ? HOSTILE : [...HOSTILE, HOSTILE_BUT_IN_PROSE];
  for (const hostile of hostiles.filter((text) => allowed.test(text))) {
    faults.push(fault('allowed-pattern', place, `allows \`${hostile}\``, 'anchor and narrow the pattern'));
  }
  return faults;
}

function checkFlow(graph: StepGraph): Fault[] {
  const faults: Fault[] = [];
  if (graph.nodes.length === 0) faults.push(fault('steps', 'mainSteps', 'has no step', 'write at least one'));
  const reachable = graph.reachable();
  for (const node of graph.nodes) {
    const { name, place, targets } = node;
    if (!/^[a-zA-Z0-9_]{3,128}$/.test(name)) {
      faults.push(fault('step-name', place, `\`${name}\` is no name`, 'use 3 or more letters, digits and underscores'));
    }
    if (graph.find(name) !== node) {
      faults.push(fault('step-name', place, `\`${name}\` names two steps`, 'give each step its own name'));
    }
    for (const target of targets.filter((next) => graph.find(next.name) === undefined)) {
      faults.push(fault('step-target', target.place, `there is no step \`${target.name}\``, 'name a step'));
    }
    if (!reachable.has(name)) {
      faults.push(fault('unreachable-step', place, `no step leads to \`${name}\``, 'remove it, or lead to it'));
    }
    if (graph.isLooping(node)) {
      faults.push(fault('loop', place, `\`${name}\` can follow itself`, 'repetition belongs to the schedule'));
    }
  }
  return faults;
}

function checkStep({ place, step }: StepNode): Fault[] {
  const faults: Fault[] = [];
  const action = textOf(step['action']);
  const known = ACTIONS[action];
  if (known === undefined) {
    const fix = `use one of ${Object.keys(ACTIONS).join(', ')}, or teach this check what the action needs`;
    return [fault('action', `${place}.action`, `\`${action}\` is not known`, fix)];
  }
  const inputs = objectOf(step['inputs']);
  for (const input of known.inputs.filter((name) => inputs[name] === undefined)) {
    faults.push(fault('step-input', `${place}.inputs`, `\`${action}\` has no ${input}`, `write ${input}`));
  }
  const timeout = step['timeoutSeconds'];
  if (action === 'aws:invokeLambdaFunction' && !(typeof timeout === 'number' && timeout <= MAXIMUM_INVOKE_SECONDS)) {
    const what = `is ${shown(timeout)}; SSM waits ${MAXIMUM_INVOKE_SECONDS} seconds at most`;
    faults.push(fault('invoke-timeout', `${place}.timeoutSeconds`, what, `write ${MAXIMUM_INVOKE_SECONDS} or less`));
  }
  const onFailure = step['onFailure'];
  if (onFailure !== undefined && !/^(Abort|Continue|step:.+)$/.test(textOf(onFailure))) {
    faults.push(fault('on-failure', `${place}.onFailure`, `\`${shown(onFailure)}\` is not known`, 'write Abort'));
  }
  if (action === 'aws:approve') faults.push(...checkApproval(inputs, timeout, place));
  if (action === 'aws:branch') {
    for (const [index, choice] of listOf(inputs['Choices']).entries()) {
      faults.push(...checkChoice(objectOf(choice), `${place}.inputs.Choices[${index}]`));
    }
  }
  return faults;
}

function checkApproval(inputs: JsonObject, timeout: unknown, place: string): Fault[] {
  const faults: Fault[] = [];
  const approvers = listOf(inputs['Approvers']);
  const least = inputs['MinRequiredApprovals'] ?? 1;
  if (approvers.length > MAXIMUM_APPROVERS || !(typeof least === 'number' && least >= 1 && least <= approvers.length)) {
    const what = `asks ${shown(least)} of ${approvers.length} approvers`;
    faults.push(fault('approval', place, what, `name as many as are asked, and ${MAXIMUM_APPROVERS} at most`));
  }
  if (!(typeof timeout === 'number' && timeout <= MAXIMUM_APPROVAL_SECONDS)) {
    const what = `is ${shown(timeout)}; SSM waits ${MAXIMUM_APPROVAL_SECONDS} seconds at most`;
    faults.push(fault('approval', `${place}.timeoutSeconds`, what, 'write that or less'));
  }
  return faults;
}

function checkChoice(choice: JsonObject, place: string): Fault[] {
  const operators = Object.keys(choice).filter((key) => key !== 'NextStep' && key !== 'Variable');
  const isComparison = operators.length === 1 && operators.every((operator) => OPERATORS.includes(operator));
  if (typeof choice['Variable'] === 'string' && isComparison) return [];
  return [fault('choice', place, 'is not one comparison of one variable', `use one of ${OPERATORS.join(', ')}`)];
}

function checkReferences(document: JsonObject, parameters: JsonObject, graph: StepGraph): Fault[] {
  const faults: Fault[] = [];
  const check = (place: string, text: string, from?: StepNode): void => {
    for (const reference of referencesIn(text)) {
      const wrong = resolve(reference, parameters, graph, from);
      if (wrong !== undefined) faults.push(fault('reference', place, `\`{{ ${reference} }}\` ${wrong}`, 'correct it'));
    }
  };
  check('assumeRole', textOf(document['assumeRole']));
  for (const node of graph.nodes) {
    for (const [place, text] of textsOf(node.step, node.place)) check(place, text, node);
  }
  for (const [index, output] of listOf(document['outputs']).entries())
    check(`outputs[${index}]`, `{{ ${textOf(output)} }}`);
  return faults;
}

/** What is between double braces; an opening brace without its end is a reference that never resolves. */
function referencesIn(text: string): string[] {
  return text
    .split('{{')
    .slice(1)
    .map((rest) => (rest.includes('}}') ? rest.slice(0, rest.indexOf('}}')).trim() : rest));
}

/** Why a reference has no value where it stands, or nothing if it has one. */
function resolve(
  reference: string,
  parameters: JsonObject,
  graph: StepGraph,
  from: StepNode | undefined,
): string | undefined {
  if (AUTOMATION_VARIABLES.includes(reference)) return undefined;
  const [name = '', output, ...more] = reference.split('.');
  if (output === undefined) return isObject(parameters[name]) ? undefined : 'is no parameter';
  const source = graph.find(name);
  if (source === undefined || more.length > 0) return 'is no output of a step';
  const declared = listOf(source.step['outputs']).map((item) => objectOf(item)['Name']);
  const given = ACTIONS[textOf(source.step['action'])]?.outputs ?? [];
  if (![...declared, ...given].includes(output)) return `is no output of \`${name}\``;
  const isSkippable = from !== undefined && (from === source || graph.reachable(name).has(from.name));
  return isSkippable ? `has no value when \`${name}\` has not run` : undefined;
}

/** A document with a value of CloudFormation inside cannot be checked here, nor shared by ARN. */
function checkStatic(document: JsonObject): Fault[] {
  return /"(Ref|Fn::[A-Za-z]+)":/.test(JSON.stringify(document))
    ? [fault('static', 'Content', 'has a value that only CloudFormation knows', 'pass it as a parameter')]
    : [];
}

function fault(check: string, place: string, what: string, fix: string): Fault {
  return { check, place, what, fix };
}
