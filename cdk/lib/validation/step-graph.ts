import { isObject, type JsonObject, listOf, objectOf, textOf } from './json.js';

/** A step as the checks need it. */
export interface StepNode {
  readonly name: string;
  readonly place: string;
  readonly step: JsonObject;
  /** Where the automation may go from here, with the field that says so. */
  readonly targets: readonly StepTarget[];
}

export interface StepTarget {
  readonly place: string;
  readonly name: string;
}

/**
 * The steps of an Automation document and how they follow each other (Systems Manager, "Using conditional statements
 * in runbooks"): `isEnd` ends, `nextStep` and an `aws:branch` jump, everything else goes on with the following step.
 */
export class StepGraph {
  readonly nodes: readonly StepNode[];

  constructor(mainSteps: unknown) {
    const steps = listOf(mainSteps).filter(isObject);
    this.nodes = steps.map((step, index) => ({
      name: nameOf(step),
      place: `mainSteps[${index}]`,
      step,
      targets: targetsOf(step, `mainSteps[${index}]`, steps[index + 1]),
    }));
  }

  find(name: string): StepNode | undefined {
    return this.nodes.find((node) => node.name === name);
  }

  /** Names of the steps that can run, if `without` never does. */
  reachable(without?: string): ReadonlySet<string> {
    const first = this.nodes[0];
    return first === undefined ? new Set() : this.from(first, without);
  }

  /** Whether a step can run again after itself. */
  isLooping(node: StepNode): boolean {
    return node.targets.some(({ name }) => {
      const next = this.find(name);
      return next !== undefined && (name === node.name || this.from(next).has(node.name));
    });
  }

  private from(start: StepNode, without?: string): ReadonlySet<string> {
    const seen = new Set<string>();
    const open = [start];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node.name === without || seen.has(node.name)) continue;
      seen.add(node.name);
      for (const { name } of node.targets) {
        const next = this.find(name);
        if (next !== undefined) open.push(next);
      }
    }
    return seen;
  }
}

function nameOf(step: JsonObject): string {
  return textOf(step['name']);
}

function targetsOf(step: JsonObject, place: string, following: JsonObject | undefined): StepTarget[] {
  const targets: StepTarget[] = [];
  for (const field of ['onFailure', 'onCancel']) {
    const value = step[field];
    if (typeof value === 'string' && value.startsWith('step:')) {
      targets.push({ place: `${place}.${field}`, name: value.slice('step:'.length) });
    }
  }
  const inputs = objectOf(step['inputs']);
  if (step['action'] === 'aws:branch') {
    for (const [index, choice] of listOf(inputs['Choices']).filter(isObject).entries()) {
      targets.push({ place: `${place}.inputs.Choices[${index}].NextStep`, name: textOf(choice['NextStep']) });
    }
    if (typeof inputs['Default'] === 'string') {
      targets.push({ place: `${place}.inputs.Default`, name: inputs['Default'] });
      return targets;
    }
  }
  if (step['isEnd'] === true) return targets;
  if (typeof step['nextStep'] === 'string') {
    targets.push({ place: `${place}.nextStep`, name: step['nextStep'] });
  } else if (following !== undefined) {
    targets.push({ place, name: nameOf(following) });
  }
  return targets;
}
