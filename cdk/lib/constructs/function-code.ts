import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';

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

/** Takes `<directory>/<name>.zip` where it is, and the placeholder where it is not. */
export function releaseZips(directory: string, placeholder: string): FunctionCodes {
  return (name) => {
    const zip = join(directory, `${name}.zip`);
    return existsSync(zip)
      ? { code: lambda.Code.fromAsset(zip), built: true }
      : { code: lambda.Code.fromAsset(placeholder), built: false };
  };
}
