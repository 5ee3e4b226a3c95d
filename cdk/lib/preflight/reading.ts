import {
  type CloudTrailClient,
  DescribeTrailsCommand,
  GetEventSelectorsCommand,
  type GetEventSelectorsResponse,
  GetTrailStatusCommand,
  type Trail as AwsTrail,
} from '@aws-sdk/client-cloudtrail';
import {
  type ConfigServiceClient,
  DescribeConfigurationRecorderStatusCommand,
  DescribeConfigurationRecordersCommand,
  type RecordingGroup,
} from '@aws-sdk/client-config-service';
import { GetParameterCommand, ParameterNotFound, type SSMClient } from '@aws-sdk/client-ssm';
import type { Account, HiddenTrail, Read, Recorder, Recording, Trail } from './account.js';
import { iamHomeRegion } from '../configuration/region.js';

/** The clients to read with. CloudTrail's is of IAM's home region: a trail of that region alone is seen only there. */
export interface Clients {
  readonly config: Pick<ConfigServiceClient, 'send'>;
  readonly cloudTrail: Pick<CloudTrailClient, 'send'>;
  readonly ssm: Pick<SSMClient, 'send'>;
}

/** Where CDK's bootstrap stack says its version, unless it was given another qualifier. */
const BOOTSTRAP_PARAMETER = '/cdk-bootstrap/hnb659fds/version';

/** Reads what the preflight looks at. Nothing is written. */
export async function readAccount(clients: Clients, region: string): Promise<Account> {
  const [recorders, trails, bootstrapVersion] = await Promise.all([
    attempt(() => readRecorders(clients.config)),
    attempt(() => readTrails(clients.cloudTrail, iamHomeRegion(region))),
    attempt(() => readBootstrapVersion(clients.ssm)),
  ]);
  return { region, recorders, trails, bootstrapVersion };
}

async function readRecorders(config: Clients['config']): Promise<Recorder[]> {
  const { ConfigurationRecorders: recorders = [] } = await config.send(new DescribeConfigurationRecordersCommand({}));
  const { ConfigurationRecordersStatus: statuses = [] } = await config.send(
    new DescribeConfigurationRecorderStatusCommand({}),
  );
  return recorders.map(({ name = 'default', recordingGroup }) => {
    const status = statuses.find((each) => each.name === name);
    return {
      name,
      isRecording: status?.recording === true,
      lastStatus: status?.lastStatus,
      records: recordingOf(recordingGroup),
    };
  });
}

/** A recorder without a group records all regional types. An older recorder has no strategy, only the two flags. */
function recordingOf(group: RecordingGroup | undefined): Recording {
  if (group?.recordingStrategy?.useOnly === 'EXCLUSION_BY_RESOURCE_TYPES') {
    return { kind: 'all-but', excluded: group.exclusionByResourceTypes?.resourceTypes ?? [] };
  }
  if (group !== undefined && group.allSupported !== true && (group.resourceTypes?.length ?? 0) > 0) {
    return { kind: 'listed', types: group.resourceTypes ?? [] };
  }
  return { kind: 'all', includesGlobal: group?.includeGlobalResourceTypes === true };
}

async function readTrails(cloudTrail: Clients['cloudTrail'], home: string): Promise<(Trail | HiddenTrail)[]> {
  const { trailList = [] } = await cloudTrail.send(new DescribeTrailsCommand({ includeShadowTrails: true }));
  return Promise.all(
    trailList.map(async (trail) => {
      const read = await attempt(() => readTrail(cloudTrail, trail, home));
      return 'value' in read ? read.value : { name: trail.Name ?? '', failure: read.failure };
    }),
  );
}

async function readTrail(cloudTrail: Clients['cloudTrail'], trail: AwsTrail, home: string): Promise<Trail> {
  // By ARN: a name does not find a trail of another region, or of the organization.
  const identifier = trail.TrailARN ?? trail.Name ?? '';
  const status = await cloudTrail.send(new GetTrailStatusCommand({ Name: identifier }));
  const selectors = await cloudTrail.send(new GetEventSelectorsCommand({ TrailName: identifier }));
  return {
    name: trail.Name ?? identifier,
    isLogging: status.IsLogging === true,
    coversIam:
      trail.IncludeGlobalServiceEvents === true && (trail.IsMultiRegionTrail === true || trail.HomeRegion === home),
    logsManagementWrites: logsManagementWrites(selectors),
  };
}

function logsManagementWrites(selectors: GetEventSelectorsResponse): boolean {
  const isBasic = (selectors.EventSelectors ?? []).some(
    ({ IncludeManagementEvents: included, ReadWriteType: type, ExcludeManagementEventSources: excluded }) =>
      included === true && type !== 'ReadOnly' && !(excluded ?? []).includes('iam.amazonaws.com'),
  );
  const isAdvanced = (selectors.AdvancedEventSelectors ?? []).some(({ FieldSelectors: fields = [] }) => {
    const isManagement = fields.some(
      ({ Field, Equals }) => Field === 'eventCategory' && Equals?.includes('Management'),
    );
    const others = fields.filter(({ Field }) => Field !== 'eventCategory');
    // Any narrower selector than by `readOnly` may leave IAM's events out; it is not understood, so it does not count.
    return isManagement && others.every(({ Field, Equals }) => Field === 'readOnly' && Equals?.includes('false'));
  });
  return isBasic || isAdvanced;
}

async function readBootstrapVersion(ssm: Clients['ssm']): Promise<number | undefined> {
  try {
    const { Parameter: parameter } = await ssm.send(new GetParameterCommand({ Name: BOOTSTRAP_PARAMETER }));
    const version = Number(parameter?.Value);
    return Number.isInteger(version) ? version : undefined;
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw error;
  }
}

async function attempt<T>(read: () => Promise<T>): Promise<Read<T>> {
  try {
    return { value: await read() };
  } catch (error) {
    return { failure: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}
