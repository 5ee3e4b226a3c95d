import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { iamHomeRegion } from './region.js';
import { Fields, type TextForm } from './fields.js';
import { type Problem, RefusedFile } from './problem.js';

/** Processor of the functions. `arm64` zips need cargo-lambda to build. */
export type Architecture = 'x86_64' | 'arm64';

/** Who starts a remediation. */
export type Remediation =
  /** A person, in AWS Config's console or API. Neither AWS Config nor an event starts anything. */
  | { readonly mode: 'manual' }
  /** AWS Config, after each NON_COMPLIANT evaluation, and events of what cannot wait for one. */
  | {
      readonly mode: 'automatic';
      /** `MaximumAutomaticAttempts`, 1 to 25. */
      readonly attempts: number;
      /**
       * `RetryAttemptSeconds`: the window in which that many attempts make AWS Config write a remediation exception.
       * A remedy that holds or waits ends early on purpose, so the window should be far too short for the attempts.
       */
      readonly retrySeconds: number;
    };

/** `profiles/<profile>/deployment.json`: how Credwarden is put into one account. The account is the one that deploys. */
export interface Deployment {
  /**
   * The one region that runs the rules: where IAM's events arrive, `us-east-1` or its like in the region's partition.
   * IAM's data is the same in every region: rules in two regions pay twice and share IAM's rate limits.
   */
  readonly region: string;
  /** Begins the name of everything that has a name, so that two installations can stand side by side. */
  readonly prefix: string;
  readonly remediation: Remediation;
  /** How long the functions' logs are kept. */
  readonly logRetentionDays: RetentionDays;
  /**
   * Key that encrypts the logs. Its policy has to allow `logs.<region>.amazonaws.com` to use it.
   * Without it CloudWatch Logs encrypts with a key of its own.
   */
  readonly kmsKeyArn?: string;
  /** SNS topic that the alarms notify. Without it alarms only show in CloudWatch. */
  readonly alarmTopicArn?: string;
  /** Who is told of users whose tag `owner` names nobody: a value of the message attribute `owner`. */
  readonly accountContact: string;
  /**
   * The path of the IAM users whose keys may be minted into a secret, `/enrolled/` where nothing is said. The function
   * that mints can create and delete keys of these users and of no other.
   */
  readonly enrolledPath: string;
  /** Who is told of credentials that somebody created who may not, likewise; left out, the account's contact. */
  readonly securityContact?: string;
  readonly architecture: Architecture;
  /**
   * Reserved concurrency of each function. Off by default: it fails to deploy where the account's limit is 10 or 50,
   * and a throttled function is a failed attempt to SSM.
   */
  readonly reservedConcurrency?: number;
}

const REGION: TextForm = { pattern: /^[a-z]{2}(-[a-z]+)+-\d$/, form: 'a region such as `us-east-1`' };

/** SSM refuses documents that begin so, and parameters below `/aws` and `/ssm`. */
const PREFIX: TextForm = {
  pattern: /^(?!aws|amazon|amzn|ssm)[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
  form: 'lower-case letters, digits and inner hyphens, not beginning with aws, amazon, amzn or ssm',
};
const KEY_ARN: TextForm = {
  pattern: /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/,
  form: 'the ARN of a KMS key',
};
const TOPIC_ARN: TextForm = {
  pattern: /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/,
  form: 'the ARN of an SNS topic',
};

/** A path of IAM, but for the one of all users, and without what IAM takes for a wildcard in a policy. */
const PATH: TextForm = {
  pattern: /^\/(?:[A-Za-z0-9+=,.@_-]+\/)+$/,
  form: "a path such as `/enrolled/` that begins and ends with `/` and is not all users'",
};

/** Where keys are minted that nobody has said otherwise for. */
const ENROLLED_PATH = '/enrolled/';

/** The longest value that IAM takes for a tag, of the characters that a user's tag `owner` may have. */
const OWNER: TextForm = {
  pattern: /^(?! )[A-Za-z0-9 _.:/=+@-]{1,256}(?<! )$/,
  form: 'letters, digits, inner spaces and characters of `_.:/=+-@`',
};

/** The retentions that CloudWatch Logs knows, but for never. */
const RETENTIONS = Object.values(RetentionDays).filter(
  (days): days is RetentionDays => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

/** Longest prefix that leaves room for a name of 40 characters in the 64 of a function's. */
const MAXIMUM_PREFIX_LENGTH = 23;

/** @throws RefusedFile with everything that is unknown, missing or contradicting. */
export function parseDeployment(value: unknown, file: string): Deployment {
  const problems: Problem[] = [];
  const fields = new Fields(value, '', problems);
  const region = fields.text('region', REGION) ?? '';
  const prefix = fields.text('prefix', PREFIX) ?? '';
  const remediation = readRemediation(fields);
  const logRetentionDays = fields.choice('logRetentionDays', RETENTIONS) ?? RetentionDays.ONE_YEAR;
  const kmsKeyArn = fields.optionalText('kmsKeyArn', KEY_ARN);
  const alarmTopicArn = fields.optionalText('alarmTopicArn', TOPIC_ARN);
  const accountContact = fields.text('accountContact', OWNER) ?? '';
  const enrolledPath = fields.optionalText('enrolledPath', PATH) ?? ENROLLED_PATH;
  const securityContact = fields.optionalText('securityContact', OWNER);
  const architecture = fields.choice('architecture', ['x86_64', 'arm64']) ?? 'x86_64';
  const reservedConcurrency = fields.optionalInteger('reservedConcurrency', 1, 1000);
  fields.close();

  if (prefix.length > MAXIMUM_PREFIX_LENGTH) {
    fields.note('prefix', `has ${prefix.length} characters`, `use at most ${MAXIMUM_PREFIX_LENGTH}`);
  }
  noteForeignRegion(fields, region);
  noteOtherRegion(fields, 'kmsKeyArn', kmsKeyArn, region);
  noteOtherRegion(fields, 'alarmTopicArn', alarmTopicArn, region);
  if (problems.length > 0) throw new RefusedFile(file, problems);
  return {
    region,
    prefix,
    remediation,
    logRetentionDays,
    accountContact,
    enrolledPath,
    architecture,
    ...(kmsKeyArn === undefined ? {} : { kmsKeyArn }),
    ...(alarmTopicArn === undefined ? {} : { alarmTopicArn }),
    ...(securityContact === undefined ? {} : { securityContact }),
    ...(reservedConcurrency === undefined ? {} : { reservedConcurrency }),
  };
}

function readRemediation(fields: Fields): Remediation {
  if (fields.choice('remediation', ['manual', 'automatic']) === 'automatic') {
    return {
      mode: 'automatic',
      attempts: fields.integer('attempts', 1, 25) ?? 25,
      retrySeconds: fields.integer('retrySeconds', 1, 2_678_000) ?? 1,
    };
  }
  for (const key of ['attempts', 'retrySeconds']) {
    if (fields.optionalInteger(key, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) !== undefined) {
      const hint = 'remove it, or write "remediation": "automatic"';
      fields.note(key, 'has no meaning where remediation is not automatic', hint);
    }
  }
  return { mode: 'manual' };
}

/**
 * IAM's events reach EventBridge and CloudTrail's event history in one region of each partition. Elsewhere nobody would
 * learn who creates a credential, and nothing would say so.
 */
function noteForeignRegion(fields: Fields, region: string): void {
  const home = iamHomeRegion(region);
  if (region !== '' && region !== home) {
    fields.note('region', `no event of IAM arrives in \`${region}\``, `write \`${home}\`, where they arrive`);
  }
}

/** An alarm cannot notify, nor a log group be encrypted, across regions. */
function noteOtherRegion(fields: Fields, key: string, arn: string | undefined, region: string): void {
  const other = arn?.split(':')[3];
  if (other !== undefined && region !== '' && other !== region) {
    fields.note(key, `is in \`${other}\`, the deployment in \`${region}\``, `name one in \`${region}\``);
  }
}
