import { Fields, type TextForm } from './fields.js';
import { type Problem, RefusedFile } from './problem.js';

/**
 * Which resources a grant is for. The names are the catalogue's; `lib/constructs/grants.ts` knows the ARNs.
 *
 * `any` is for APIs that take no resource.
 */
export const GRANT_TARGETS = [
  'any',
  'users',
  'enrolled-users',
  'exception-tags',
  'session-policy',
  'groups',
  'policy-parameter',
  'kill-switch-parameter',
  'secrets',
  'secret-rotation',
  'rotators',
  'analyzers',
  'ledger',
  'ledger-index',
  'own-rule',
  'rules',
  'remediations',
  'documents',
  'own-document',
  'executions',
  'automation-role',
  'notice-topic',
  'default-bus',
] as const;
export type GrantTarget = (typeof GRANT_TARGETS)[number];

/** AWS Config's `MaximumExecutionFrequency`. */
export const FREQUENCIES = ['One_Hour', 'Three_Hours', 'Six_Hours', 'Twelve_Hours', 'TwentyFour_Hours'] as const;
export type Frequency = (typeof FREQUENCIES)[number];

/** IAM actions that a function calls, and on what. */
export interface Grant {
  readonly actions: readonly string[];
  readonly on: GrantTarget;
}

/** What every function of the catalogue has. */
export interface FunctionEntry {
  /** Name of its folder, package, binary and, behind the prefix, of everything deployed for it. */
  readonly name: string;
  readonly description: string;
  readonly memoryMb: number;
  /** At most 290: an `aws:invokeLambdaFunction` step waits 300 s, and the function has to answer before. */
  readonly timeoutSeconds: number;
  readonly grants: readonly Grant[];
}

/** A scheduled AWS Config rule and the remedies of what it finds. */
export interface RuleEntry extends FunctionEntry {
  readonly resourceType: string;
  readonly frequency: Frequency;
  /** Names of entries of `remedies`: its document invokes the first, and another where that hands on to it. */
  readonly remedies: readonly string[];
  /** Name of the entry of `schedules` that its document has tell at once what its remedy leaves to be told. */
  readonly tells?: string;
}

/** A function that SSM Automation invokes on one resource. */
export interface RemedyEntry extends FunctionEntry {
  /** Whether the remedy can be undone, by a document of its own. */
  readonly undo: boolean;
  /** Whether people ask it for exceptions, by a document of its own. */
  readonly exceptions: boolean;
  /** Whether people ask it for rotations, and acknowledge them, by documents of their own. */
  readonly rotations: boolean;
  /** Whether people have announced acts of all remedies approved by it, by a document of its own. */
  readonly approvals: boolean;
  /** Those of the granted actions that change something: denied on what the policy protects. */
  readonly changes: readonly string[];
}

/** A function that AWS Secrets Manager invokes to rotate a secret. */
export interface RotatorEntry extends FunctionEntry {
  /** Those of the granted actions that change something: denied on what the policy protects. */
  readonly changes: readonly string[];
}

/** A function that EventBridge invokes at a rate. */
export interface ScheduleEntry extends FunctionEntry {
  readonly rate: string;
}

/** Which events of CloudTrail start a function, in EventBridge's own words. */
export interface EventPattern {
  readonly source: readonly string[];
  readonly 'detail-type': readonly string[];
  readonly detail: {
    readonly eventSource: readonly string[];
    readonly eventName: readonly string[];
    readonly errorCode: readonly { readonly exists: boolean }[];
  };
}

/** A function that EventBridge invokes with each event of a pattern. */
export interface ListenerEntry extends FunctionEntry {
  /** Cargo's package that has the binary beside another's. */
  readonly package: string;
  readonly pattern: EventPattern;
}

/** Everything that is deployed as a function, written out of the Rust crate `credwarden-catalogue`. */
export interface Catalogue {
  readonly rules: readonly RuleEntry[];
  readonly remedies: readonly RemedyEntry[];
  readonly rotators: readonly RotatorEntry[];
  readonly schedules: readonly ScheduleEntry[];
  readonly events: readonly ListenerEntry[];
}

const NAME: TextForm = { pattern: /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, form: 'a name such as `access-key-age`' };
const SENTENCE: TextForm = { pattern: /^\S.{0,250}$/, form: 'a sentence of at most 251 characters' };
const ACTION: TextForm = { pattern: /^[a-z][a-z0-9-]*:[A-Z][A-Za-z0-9]+$/, form: 'one IAM action, without wildcard' };
const RESOURCE_TYPE: TextForm = {
  pattern: /^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$/,
  form: 'a type such as `AWS::IAM::User`',
};
const RATE: TextForm = {
  pattern: /^rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)$/,
  form: 'a rate such as `rate(1 hour)`',
};
const SOURCE: TextForm = { pattern: /^aws\.[a-z0-9.-]+$/, form: 'a source of AWS such as `aws.iam`' };
const DETAIL_TYPE: TextForm = { pattern: /^\S.{0,127}$/, form: 'a kind of event' };
const EVENT_SOURCE: TextForm = { pattern: /^[a-z0-9-]+\.amazonaws\.com$/, form: 'such as `iam.amazonaws.com`' };
const EVENT_NAME: TextForm = { pattern: /^[A-Z][A-Za-z0-9]+$/, form: 'a call such as `CreateAccessKey`' };

/** In the place of a pattern that could not be read. */
const NO_DETAIL: EventPattern['detail'] = { eventSource: [], eventName: [], errorCode: [] };

/** Longest function that can still answer within an Automation step. */
const MAXIMUM_TIMEOUT_SECONDS = 290;

/** @throws RefusedFile with everything that is unknown, missing or contradicting. */
export function parseCatalogue(value: unknown, file: string): Catalogue {
  const problems: Problem[] = [];
  const fields = new Fields(value, '', problems);
  fields.choice('format', [1]);
  const catalogue: Catalogue = {
    rules: fields.objects('rules', readRule),
    remedies: fields.objects('remedies', readRemedy),
    rotators: fields.objects('rotators', readRotator),
    schedules: fields.objects('schedules', readSchedule),
    events: fields.objects('events', readListener),
  };
  fields.close();
  problems.push(...contradictions(catalogue));
  if (problems.length > 0) throw new RefusedFile(file, problems);
  return catalogue;
}

/** Every function of the catalogue. */
export function functionsOf(catalogue: Catalogue): readonly FunctionEntry[] {
  const { rules, remedies, rotators, schedules, events } = catalogue;
  return [...rules, ...remedies, ...rotators, ...schedules, ...events];
}

function readFunction(fields: Fields): FunctionEntry {
  return {
    name: fields.text('name', NAME) ?? '',
    description: fields.text('description', SENTENCE) ?? '',
    memoryMb: fields.integer('memoryMb', 128, 10240) ?? 128,
    timeoutSeconds: fields.integer('timeoutSeconds', 1, MAXIMUM_TIMEOUT_SECONDS) ?? 1,
    grants: fields.objects('grants', (grant) => ({
      actions: grant.texts('actions', ACTION),
      on: grant.choice('on', GRANT_TARGETS) ?? 'any',
    })),
  };
}

function readRule(fields: Fields): RuleEntry {
  const tells = fields.optionalText('tells', NAME);
  return {
    ...readFunction(fields),
    ...(tells === undefined ? {} : { tells }),
    resourceType: fields.text('resourceType', RESOURCE_TYPE) ?? '',
    frequency: fields.choice('frequency', FREQUENCIES) ?? 'TwentyFour_Hours',
    remedies: fields.texts('remedies', NAME),
  };
}

function readRemedy(fields: Fields): RemedyEntry {
  return {
    ...readFunction(fields),
    undo: fields.choice('undo', [true, false]) ?? false,
    exceptions: fields.choice('exceptions', [true, false]) ?? false,
    rotations: fields.choice('rotations', [true, false]) ?? false,
    approvals: fields.choice('approvals', [true, false]) ?? false,
    changes: fields.texts('changes', ACTION),
  };
}

function readRotator(fields: Fields): RotatorEntry {
  return { ...readFunction(fields), changes: fields.texts('changes', ACTION) };
}

function readSchedule(fields: Fields): ScheduleEntry {
  return { ...readFunction(fields), rate: fields.text('rate', RATE) ?? '' };
}

function readListener(fields: Fields): ListenerEntry {
  return {
    ...readFunction(fields),
    package: fields.text('package', NAME) ?? '',
    pattern: fields.object('pattern', readPattern) ?? { source: [], 'detail-type': [], detail: NO_DETAIL },
  };
}

function readPattern(fields: Fields): EventPattern {
  const readDetail = (detail: Fields): EventPattern['detail'] => ({
    eventSource: detail.texts('eventSource', EVENT_SOURCE),
    eventName: detail.texts('eventName', EVENT_NAME),
    errorCode: detail.objects('errorCode', (test) => ({ exists: test.choice('exists', [true, false]) ?? false })),
  });
  return {
    source: fields.texts('source', SOURCE),
    'detail-type': fields.texts('detail-type', DETAIL_TYPE),
    detail: fields.object('detail', readDetail) ?? NO_DETAIL,
  };
}

function contradictions(catalogue: Catalogue): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const { name } of functionsOf(catalogue)) {
    if (name !== '' && seen.has(name)) {
      problems.push({ place: name, what: 'is the name of two functions', hint: 'give each function its own name' });
    }
    seen.add(name);
  }
  const remedies = new Set(catalogue.remedies.map(({ name }) => name));
  for (const [index, rule] of catalogue.rules.entries()) {
    const hint = `name some of ${[...remedies].join(', ') || '(there is no remedy)'}`;
    const place = `rules[${index}].remedies`;
    if (rule.remedies.length === 0) problems.push({ place, what: 'names no remedy', hint });
    if (rule.tells !== undefined && !catalogue.schedules.some(({ name }) => name === rule.tells)) {
      const what = `\`${rule.tells}\` is no schedule of the catalogue`;
      problems.push({ place: `rules[${index}].tells`, what, hint: 'name the schedule that tells owners' });
    }
    for (const remedy of rule.remedies.filter((name) => !remedies.has(name))) {
      problems.push({ place, what: `\`${remedy}\` is no remedy of the catalogue`, hint });
    }
  }
  problems.push(...ungranted('remedies', catalogue.remedies), ...ungranted('rotators', catalogue.rotators));
  problems.push(...unreachable('rules', catalogue.rules, 'rules', 'schedules'));
  problems.push(...unreachable('remedies', catalogue.remedies, 'rules', 'schedules'));
  problems.push(...unreachable('remedies', catalogue.remedies, 'own-rule', 'rules'));
  problems.push(...unreachable('rotators', catalogue.rotators, 'rules', 'schedules'));
  problems.push(...unreachable('rotators', catalogue.rotators, 'own-rule', 'rules'));
  problems.push(...unreachable('rotators', catalogue.rotators, 'own-document', 'events'));
  problems.push(...unreachable('schedules', catalogue.schedules, 'own-rule', 'rules'));
  problems.push(...unreachable('remedies', catalogue.remedies, 'own-document', 'events'));
  problems.push(...unreachable('schedules', catalogue.schedules, 'own-document', 'events'));
  problems.push(...unreachable('events', catalogue.events, 'own-rule', 'rules'));
  problems.push(...unreachable('events', catalogue.events, 'rules', 'schedules'));
  return problems;
}

/** What an entry says that it changes, without being allowed to. */
function ungranted(section: string, entries: readonly (RemedyEntry | RotatorEntry)[]): Problem[] {
  return [...entries.entries()].flatMap(([index, { changes, grants }]) => {
    const granted = new Set(grants.flatMap(({ actions }) => actions));
    const hint = 'grant it, or take it out of `changes`';
    const place = `${section}[${index}].changes`;
    const foreign = changes.filter((change) => !granted.has(change));
    return foreign.map((action) => ({ place, what: `\`${action}\` is not granted`, hint }));
  });
}

/** A rule's ARN is made up by AWS Config, so only what comes after the rule can be granted it. */
function unreachable(section: string, entries: readonly FunctionEntry[], target: GrantTarget, home: string): Problem[] {
  return [...entries.entries()]
    .filter(([, { grants }]) => grants.some(({ on }) => on === target))
    .map(([index]) => ({
      place: `${section}[${index}].grants`,
      what: `\`${target}\` cannot be granted here`,
      hint: `grant \`${target}\` to entries of \`${home}\` only`,
    }));
}
