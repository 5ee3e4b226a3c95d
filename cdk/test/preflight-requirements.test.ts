import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Account, Recording, Trail } from '../lib/preflight/account.js';
import { iamHomeRegion } from '../lib/configuration/region.js';
import { reportLines } from '../lib/preflight/report.js';
import { checkRequirements } from '../lib/preflight/requirements.js';

const RECORDER = {
  name: 'default',
  isRecording: true,
  lastStatus: 'SUCCESS',
  records: { kind: 'all', includesGlobal: true } as Recording,
};
const TRAIL: Trail = { name: 'management', isLogging: true, coversIam: true, logsManagementWrites: true };

const READY: Account = {
  region: 'us-east-1',
  recorders: { value: [RECORDER] },
  trails: { value: [TRAIL] },
  bootstrapVersion: { value: 21 },
};

/** Checks which requirements an account does not meet; each has to come with a remedy. */
function check(account: Partial<Account>, missing: readonly string[]): void {
  const outcomes = checkRequirements({ ...READY, ...account });
  const found = outcomes.flatMap((outcome) => (outcome.met ? [] : [outcome]));
  assert.deepEqual(
    found.map(({ requirement }) => requirement),
    missing,
    JSON.stringify(account),
  );
  for (const { remedy } of found) assert.notEqual(remedy, '');
}

test('an account that has everything is ready', () => {
  check({}, []);
  check({ region: 'us-gov-west-1' }, []);
});

test('a region where no event of IAM arrives is refused, and a new one is not believed to have them', () => {
  check({ region: 'eu-west-1' }, ['region']);
  check({ region: 'xx-new-1' }, ['region']);
});

test('a recorder has to be there, recording and delivering', () => {
  check({ recorders: { value: [] } }, ['recorder', 'recorded types']);
  check({ recorders: { value: [{ ...RECORDER, isRecording: false }] } }, ['recorder']);
  check({ recorders: { value: [{ ...RECORDER, lastStatus: 'FAILURE' }] } }, ['recorder']);
  check({ recorders: { value: [{ ...RECORDER, lastStatus: 'Failure' }] } }, ['recorder']);
  check({ recorders: { value: [{ ...RECORDER, lastStatus: undefined }] } }, []);
});

test('IAM users have to be recorded, which they are not by default', () => {
  const recording = (records: Recording): Partial<Account> => ({ recorders: { value: [{ ...RECORDER, records }] } });
  check(recording({ kind: 'all', includesGlobal: false }), ['recorded types']);
  check(recording({ kind: 'listed', types: ['AWS::IAM::User'] }), []);
  check(recording({ kind: 'listed', types: ['AWS::IAM::Role'] }), ['recorded types']);
  check(recording({ kind: 'all-but', excluded: ['AWS::IAM::User'] }), ['recorded types']);
  check(recording({ kind: 'all-but', excluded: ['AWS::IAM::Role'] }), []);
});

test('one trail has to do everything that is needed of a trail', () => {
  const lacking = [
    { ...TRAIL, isLogging: false },
    { ...TRAIL, coversIam: false },
    { ...TRAIL, logsManagementWrites: false },
  ];
  check({ trails: { value: [] } }, ['trail']);
  check({ trails: { value: lacking } }, ['trail']);
  check({ trails: { value: [...lacking, TRAIL] } }, []);
});

test('a trail that could not be read does not hide another, nor stand for one', () => {
  const hidden = { name: 'organization', failure: 'AccessDenied' };
  check({ trails: { value: [hidden, TRAIL] } }, []);
  check({ trails: { value: [hidden] } }, ['trail']);
});

test('the bootstrap stack has to be there and new enough', () => {
  check({ bootstrapVersion: { value: undefined } }, ['bootstrap']);
  check({ bootstrapVersion: { value: 5 } }, ['bootstrap']);
  check({ bootstrapVersion: { value: 6 } }, []);
});

test('what cannot be read is not taken as there', () => {
  const failure = 'AccessDeniedException: no';
  check({ recorders: { failure }, trails: { failure }, bootstrapVersion: { failure } }, [
    'recorder',
    'recorded types',
    'trail',
    'bootstrap',
  ]);
});

test('the home region of IAM is that of its partition', () => {
  assert.deepEqual(['eu-west-1', 'us-gov-east-1', 'cn-northwest-1'].map(iamHomeRegion), [
    'us-east-1',
    'us-gov-west-1',
    'cn-north-1',
  ]);
});

test('the report says what is missing and what to do', () => {
  const account: Account = { ...READY, recorders: { value: [] }, trails: { value: [{ ...TRAIL, isLogging: false }] } };
  assert.deepEqual(reportLines(checkRequirements(account)), [
    "ok       region: IAM's events arrive in us-east-1, and AWS Config records its users there",
    'missing  recorder: there is no configuration recorder in us-east-1',
    '         hint: set up AWS Config there: rules cannot exist without a recorder',
    'missing  recorded types: no recorder records AWS::IAM::User; AWS Config leaves it out by default',
    "         hint: record AWS::IAM::User: include global resource types, or add the type to the recorder's list",
    "missing  trail: no trail logs IAM's changes: `management` is stopped",
    '         hint: make a multi-region trail that logs management events (write or all), or one in us-east-1, and start it',
    'ok       bootstrap: the bootstrap stack has version 21',
    '3 of 5 missing',
  ]);
  assert.equal(reportLines(checkRequirements(READY)).at(-1), 'ready to deploy');
});
