/** The region in which IAM lives, and to which CloudTrail delivers its events, in the partition of a region. */
export function iamHomeRegion(region: string): string {
  if (region.startsWith('cn-')) return 'cn-north-1';
  return region.startsWith('us-gov-') ? 'us-gov-west-1' : 'us-east-1';
}
