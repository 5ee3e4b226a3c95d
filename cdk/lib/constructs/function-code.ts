import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Architecture } from '../configuration/deployment.js';
import { architectureOf } from '../packaging/lambda-binary.js';
import { binaryIn } from '../packaging/release-zip.js';

/** Code of one function. */
export interface FunctionCode {
  readonly code: lambda.Code;
  /** False for the placeholder, which synthesizes but must not be deployed. */
  readonly built: boolean;
}

/** Finds the code of a function by the name of its catalogue entry. */
export type FunctionCodes = (name: string) => FunctionCode;

/** What a person has to do where code is missing. */
export const BUILD_FIRST = 'build the functions first: npm run package';

/**
 * Takes `<directory>/<name>.zip` where it is and for the right processor, and the placeholder where it is not.
 *
 * A zip that was built for another profile's processor deploys, and then never starts.
 */
export function releaseZips(directory: string, placeholder: string, architecture: Architecture): FunctionCodes {
  return (name) => {
    const zip = join(directory, `${name}.zip`);
    const binary = existsSync(zip) ? binaryIn(readFileSync(zip)) : undefined;
    return binary !== undefined && architectureOf(binary) === architecture
      ? { code: lambda.Code.fromAsset(zip), built: true }
      : { code: lambda.Code.fromAsset(placeholder), built: false };
  };
}
