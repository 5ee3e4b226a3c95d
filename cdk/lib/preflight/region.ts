/**
 * Regions in which AWS Config can record IAM users: those that it supported before February 2022
 * (AWS Config, "Recording AWS Resources", global resource types).
 */
const RECORDS_IAM_USERS = [
  'af-south-1',
  'ap-east-1',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-south-1',
  'ap-southeast-1',
  'ap-southeast-2',
  'ca-central-1',
  'cn-north-1',
  'cn-northwest-1',
  'eu-central-1',
  'eu-north-1',
  'eu-south-1',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'me-south-1',
  'sa-east-1',
  'us-east-1',
  'us-east-2',
  'us-gov-east-1',
  'us-gov-west-1',
  'us-west-1',
  'us-west-2',
];

export function recordsIamUsers(region: string): boolean {
  return RECORDS_IAM_USERS.includes(region);
}

/** The region in which IAM lives, and to which CloudTrail delivers its events, in the partition of a region. */
export function iamHomeRegion(region: string): string {
  if (region.startsWith('cn-')) return 'cn-north-1';
  return region.startsWith('us-gov-') ? 'us-gov-west-1' : 'us-east-1';
}
