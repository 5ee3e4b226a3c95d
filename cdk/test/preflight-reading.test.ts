import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ParameterNotFound } from '@aws-sdk/client-ssm';
import type { Account } from '../lib/preflight/account.js';
import { type Clients, readAccount } from '../lib/preflight/reading.js';

/** AWS's answers by command; a function decides by the command's input, an error is thrown. */
type Answers = Readonly<Record<string, unknown>>;

const TRAIL = {
  Name: 'management',
  TrailARN: 'arn:aws:cloudtrail:us-east-1:123456789012:trail/management',
  IsMultiRegionTrail: true,
  IncludeGlobalServiceEvents: true,
  HomeRegion: 'eu-west-1',
};

const ANSWERS: Answers = {
  DescribeConfigurationRecordersCommand: {
    ConfigurationRecorders: [
      { name: 'main', recordingGroup: { allSupported: true, includeGlobalResourceTypes: true, resourceTypes: [] } },
    ],
  },
  DescribeConfigurationRecorderStatusCommand: {
    ConfigurationRecordersStatus: [{ name: 'main', recording: true, lastStatus: 'SUCCESS' }],
  },
  DescribeTrailsCommand: { trailList: [TRAIL] },
  GetTrailStatusCommand: { IsLogging: true },
  GetEventSelectorsCommand: { EventSelectors: [{ IncludeManagementEvents: true, ReadWriteType: 'All' }] },
  GetParameterCommand: { Parameter: { Value: '21' } },
};

async function read(changes: Answers = {}): Promise<Account> {
  const answers = { ...ANSWERS, ...changes };
  const send = (command: { readonly input: unknown; readonly constructor: { readonly name: string } }): unknown => {
    const answer = answers[command.constructor.name];
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(
      typeof answer === 'function' ? (answer as (input: unknown) => unknown)(command.input) : answer,
    );
  };
  const client = { send } as unknown;
  return readAccount({ config: client, cloudTrail: client, ssm: client } as Clients, 'us-east-1');
}

test('an account is read with its recorder, trails and bootstrap version', async () => {
  assert.deepEqual(await read(), {
    region: 'us-east-1',
    recorders: {
      value: [
        { name: 'main', isRecording: true, lastStatus: 'SUCCESS', records: { kind: 'all', includesGlobal: true } },
      ],
    },
    trails: { value: [{ name: 'management', isLogging: true, coversIam: true, logsManagementWrites: true }] },
    bootstrapVersion: { value: 21 },
  });
});

test('what a recorder records is read from every form of its group', async () => {
  const records = async (recordingGroup: unknown): Promise<unknown> => {
    const answer = { ConfigurationRecorders: [{ name: 'main', recordingGroup }] };
    const { recorders } = await read({ DescribeConfigurationRecordersCommand: answer });
    return 'value' in recorders ? recorders.value[0]?.records : recorders;
  };
  assert.deepEqual(await records(undefined), { kind: 'all', includesGlobal: false });
  assert.deepEqual(await records({ allSupported: true }), { kind: 'all', includesGlobal: false });
  assert.deepEqual(await records({ allSupported: false, resourceTypes: ['AWS::IAM::User'] }), {
    kind: 'listed',
    types: ['AWS::IAM::User'],
  });
  assert.deepEqual(
    await records({
      exclusionByResourceTypes: { resourceTypes: ['AWS::IAM::User'] },
      recordingStrategy: { useOnly: 'EXCLUSION_BY_RESOURCE_TYPES' },
    }),
    { kind: 'all-but', excluded: ['AWS::IAM::User'] },
  );
});

test('a recorder without a status is not recording', async () => {
  const { recorders } = await read({ DescribeConfigurationRecorderStatusCommand: {} });
  assert.ok('value' in recorders);
  assert.equal(recorders.value[0]?.isRecording, false);
});

test('a trail covers IAM if it is of all regions or of the home region, with global events', async () => {
  const covers = async (changes: object): Promise<unknown> => {
    const { trails } = await read({ DescribeTrailsCommand: { trailList: [{ ...TRAIL, ...changes }] } });
    return 'value' in trails && trails.value[0] !== undefined && 'coversIam' in trails.value[0]
      ? trails.value[0].coversIam
      : trails;
  };
  assert.equal(await covers({ IsMultiRegionTrail: false }), false);
  assert.equal(await covers({ IsMultiRegionTrail: false, HomeRegion: 'us-east-1' }), true);
  assert.equal(await covers({ IncludeGlobalServiceEvents: false }), false);
});

test('management events that write are seen in either kind of selector, and never assumed', async () => {
  const logs = async (selectors: object): Promise<unknown> => {
    const { trails } = await read({ GetEventSelectorsCommand: selectors });
    return 'value' in trails && trails.value[0] !== undefined && 'coversIam' in trails.value[0]
      ? trails.value[0].logsManagementWrites
      : trails;
  };
  const advanced = (...FieldSelectors: object[]): object => ({ AdvancedEventSelectors: [{ FieldSelectors }] });
  const management = { Field: 'eventCategory', Equals: ['Management'] };
  assert.equal(await logs({ EventSelectors: [{ IncludeManagementEvents: true, ReadWriteType: 'WriteOnly' }] }), true);
  assert.equal(await logs({ EventSelectors: [{ IncludeManagementEvents: true, ReadWriteType: 'ReadOnly' }] }), false);
  assert.equal(await logs({ EventSelectors: [{ IncludeManagementEvents: false, ReadWriteType: 'All' }] }), false);
  assert.equal(await logs(advanced(management)), true);
  assert.equal(await logs(advanced(management, { Field: 'readOnly', Equals: ['false'] })), true);
  assert.equal(await logs(advanced(management, { Field: 'readOnly', Equals: ['true'] })), false);
  assert.equal(await logs(advanced(management, { Field: 'eventSource', NotEquals: ['iam.amazonaws.com'] })), false);
  assert.equal(await logs(advanced({ Field: 'eventCategory', Equals: ['Data'] })), false);
  assert.equal(await logs({}), false);
});

test('a trail is asked for by its ARN, and one that is denied does not hide another', async () => {
  const { trails } = await read({
    DescribeTrailsCommand: { trailList: [{ Name: 'organization', TrailARN: 'arn:organization' }, TRAIL] },
    GetTrailStatusCommand: ({ Name: name }: { Name: string }) => {
      if (name === 'arn:organization') throw new Error('denied');
      assert.equal(name, TRAIL.TrailARN);
      return { IsLogging: true };
    },
  });
  assert.ok('value' in trails);
  assert.deepEqual(trails.value[0], { name: 'organization', failure: 'Error: denied' });
  assert.equal(trails.value[1]?.name, 'management');
});

test('a missing parameter is no bootstrap, any other failure is a failure', async () => {
  const missing = new ParameterNotFound({ message: 'no', $metadata: {} });
  assert.deepEqual((await read({ GetParameterCommand: missing })).bootstrapVersion, { value: undefined });
  const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException' });
  const { bootstrapVersion, recorders } = await read({ GetParameterCommand: denied });
  assert.deepEqual(bootstrapVersion, { failure: 'AccessDeniedException: no' });
  assert.ok('value' in recorders, 'and does not hide what else was read');
});
