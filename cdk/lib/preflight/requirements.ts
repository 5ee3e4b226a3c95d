import type { Account, HiddenTrail, Read, Recorder, Recording, Trail } from './account.js';
import { iamHomeRegion } from '../configuration/region.js';

/** What one requirement of a deployment comes to. What could not be read is not met. */
export type Outcome =
  | { readonly requirement: string; readonly met: true; readonly detail: string }
  | { readonly requirement: string; readonly met: false; readonly detail: string; readonly remedy: string };

/** The resource type that the rules report on. */
const IAM_USER = 'AWS::IAM::User';

/** The bootstrap version that CDK's own check in the template asks for. */
const MINIMUM_BOOTSTRAP_VERSION = 6;

/** Every requirement of a deployment, in the order in which a person would mend them. */
export function checkRequirements(account: Account): Outcome[] {
  return [
    checkRegion(account.region),
    withValue('recorder', account.recorders, 'config:DescribeConfigurationRecorders', (recorders) =>
      checkRecorder(recorders, account.region),
    ),
    withValue('recorded types', account.recorders, 'config:DescribeConfigurationRecorders', checkRecording),
    withValue('trail', account.trails, 'cloudtrail:DescribeTrails, GetTrailStatus, GetEventSelectors', (trails) =>
      checkTrails(trails, account.region),
    ),
    withValue('bootstrap', account.bootstrapVersion, 'ssm:GetParameter', (version) =>
      checkBootstrap(version, account.region),
    ),
  ];
}

function checkRegion(region: string): Outcome {
  const requirement = 'region';
  const home = iamHomeRegion(region);
  if (region !== home) {
    const detail = `no event of IAM arrives in ${region}`;
    return { requirement, met: false, detail, remedy: `write "region": "${home}" in deployment.json` };
  }
  return { requirement, met: true, detail: `IAM's events arrive in ${region}, and AWS Config records its users there` };
}

function checkRecorder(recorders: readonly Recorder[], region: string): Outcome {
  const requirement = 'recorder';
  const [recorder] = recorders;
  if (recorder === undefined) {
    const remedy = 'set up AWS Config there: rules cannot exist without a recorder';
    return { requirement, met: false, detail: `there is no configuration recorder in ${region}`, remedy };
  }
  const { name, isRecording, lastStatus } = recorder;
  if (!isRecording) {
    const remedy = `run: aws configservice start-configuration-recorder --configuration-recorder-name ${name}`;
    return { requirement, met: false, detail: `the recorder \`${name}\` is stopped`, remedy };
  }
  if (lastStatus?.toUpperCase() === 'FAILURE') {
    const remedy = "look at the recorder's role and delivery channel in AWS Config's settings";
    return { requirement, met: false, detail: `the recorder \`${name}\` fails to deliver`, remedy };
  }
  return { requirement, met: true, detail: `the recorder \`${name}\` is recording` };
}

function checkRecording(recorders: readonly Recorder[]): Outcome {
  const requirement = 'recorded types';
  const recorder = recorders.find(({ records }) => isRecorded(records));
  if (recorder !== undefined) {
    return { requirement, met: true, detail: `the recorder \`${recorder.name}\` records ${IAM_USER}` };
  }
  const remedy = `record ${IAM_USER}: include global resource types, or add the type to the recorder's list`;
  return {
    requirement,
    met: false,
    detail: `no recorder records ${IAM_USER}; AWS Config leaves it out by default`,
    remedy,
  };
}

function isRecorded(records: Recording): boolean {
  switch (records.kind) {
    case 'listed':
      return records.types.includes(IAM_USER);
    case 'all-but':
      return !records.excluded.includes(IAM_USER);
    case 'all':
      return records.includesGlobal;
  }
}

function checkTrails(trails: readonly (Trail | HiddenTrail)[], region: string): Outcome {
  const requirement = 'trail';
  const home = iamHomeRegion(region);
  const trail = trails.find((each) => shortcomings(each).length === 0);
  if (trail !== undefined) {
    return { requirement, met: true, detail: `the trail \`${trail.name}\` logs management events that write` };
  }
  const seen = trails.map((each) => `\`${each.name}\` ${shortcomings(each).join(' and ')}`).join('; ');
  const detail = trails.length === 0 ? 'there is no trail' : `no trail logs IAM's changes: ${seen}`;
  const remedy = `make a multi-region trail that logs management events (write or all), or one in ${home}, and start it`;
  return { requirement, met: false, detail, remedy };
}

function shortcomings(trail: Trail | HiddenTrail): string[] {
  if ('failure' in trail) return [`could not be read (${trail.failure})`];
  const { isLogging, coversIam, logsManagementWrites } = trail;
  return [
    ...(isLogging ? [] : ['is stopped']),
    ...(coversIam ? [] : ['does not cover IAM']),
    ...(logsManagementWrites ? [] : ['leaves out management events that write']),
  ];
}

function checkBootstrap(version: number | undefined, region: string): Outcome {
  const requirement = 'bootstrap';
  if (version !== undefined && version >= MINIMUM_BOOTSTRAP_VERSION) {
    return { requirement, met: true, detail: `the bootstrap stack has version ${version}` };
  }
  const detail =
    version === undefined ? `${region} is not bootstrapped for CDK` : `the bootstrap stack has version ${version}`;
  const remedy = `run: npx cdk bootstrap aws://ACCOUNT/${region} (version ${MINIMUM_BOOTSTRAP_VERSION} or later)`;
  return { requirement, met: false, detail, remedy };
}

function withValue<T>(requirement: string, read: Read<T>, action: string, check: (value: T) => Outcome): Outcome {
  if ('value' in read) return check(read.value);
  const remedy = `allow ${action}, or check the credentials and the network, and run this again`;
  return { requirement, met: false, detail: `cannot tell: ${read.failure}`, remedy };
}
