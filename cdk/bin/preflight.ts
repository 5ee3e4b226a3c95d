import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { ConfigServiceClient } from '@aws-sdk/client-config-service';
import { SSMClient } from '@aws-sdk/client-ssm';
import { readAccount } from '../lib/preflight/reading.js';
import { iamHomeRegion } from '../lib/configuration/region.js';
import { reportLines } from '../lib/preflight/report.js';
import { checkRequirements } from '../lib/preflight/requirements.js';
import { DEFAULT_PROFILE, loadDeployment } from '../lib/profile.js';

/** The folder `cdk`; this file runs as `cdk/dist/bin/preflight.js`. */
const root = resolve(import.meta.dirname, '..', '..');

/** Says what an account lacks for a deployment; exit status 1 if anything, or if the preflight itself fails. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { profile: { type: 'string', default: DEFAULT_PROFILE } } });
  const { region } = loadDeployment(root, values.profile);
  const account = await readAccount(
    {
      config: new ConfigServiceClient({ region }),
      cloudTrail: new CloudTrailClient({ region: iamHomeRegion(region) }),
      ssm: new SSMClient({ region }),
    },
    region,
  );
  const outcomes = checkRequirements(account);
  for (const line of reportLines(outcomes)) console.log(line);
  if (outcomes.some(({ met }) => !met)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error('usage: npm run preflight -- [--profile NAME]');
  process.exitCode = 1;
}
