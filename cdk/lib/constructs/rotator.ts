import { Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Names } from '../names.js';
import { secretsOf } from './grants.js';

export interface RotatorProps {
  readonly function: lambda.IFunction;
  readonly names: Names;
}

/** Lets Secrets Manager invoke a function for the secrets of this account that are named under the prefix, and no others. */
export class Rotator extends Construct {
  constructor(scope: Construct, id: string, { function: target, names }: RotatorProps) {
    super(scope, id);
    const stack = Stack.of(this);
    new lambda.CfnPermission(this, 'Permission', {
      action: 'lambda:InvokeFunction',
      functionName: target.functionArn,
      principal: 'secretsmanager.amazonaws.com',
      sourceAccount: stack.account,
      sourceArn: secretsOf(stack, names),
    });
  }
}
