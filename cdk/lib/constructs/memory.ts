import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { Names } from '../names.js';

/** Index of the ledger over the items with work to do, by when it is due. */
export const LEDGER_INDEX = 'open-by-due';

export interface MemoryProps {
  readonly names: Names;
  /** The policy document as JSON, at most 8,192 bytes. */
  readonly policyDocument: string;
}

/**
 * What Credwarden remembers, and what a person steers it by: ledger, policy and kill switch.
 *
 * They stay when the stack is removed: the ledger says what was done and how to undo it, and a kill switch that was
 * thrown must not come back as `run`. They have fixed names, so a new installation has to take them over instead of
 * making them: `cdk deploy --import-existing-resources` does, for every installation, the first one too. A person who
 * wants to begin afresh removes the ledger's deletion protection and deletes all three by hand.
 *
 * The kill switch is written at the first installation only. A later deployment leaves the value that a person has
 * set, because CloudFormation compares with its last template, not with the parameter. The policy's parameter follows
 * the profile's file whenever that changes.
 */
export class Memory extends Construct {
  readonly ledger: dynamodb.Table;
  readonly policyParameter: ssm.CfnParameter;
  readonly killSwitchParameter: ssm.CfnParameter;

  constructor(scope: Construct, id: string, { names, policyDocument }: MemoryProps) {
    super(scope, id);
    this.ledger = new dynamodb.Table(this, 'Ledger', {
      tableName: names.ledger,
      partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
      timeToLiveAttribute: 'expires_at',
    });
    this.ledger.addGlobalSecondaryIndex({
      indexName: LEDGER_INDEX,
      partitionKey: { name: 'open', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'due', type: dynamodb.AttributeType.NUMBER },
      projectionType: dynamodb.ProjectionType.ALL,
    });

    this.policyParameter = new ssm.CfnParameter(this, 'Policy', {
      name: names.policyParameter,
      type: 'String',
      tier: 'Advanced',
      description: 'How old, how idle and how privileged a long-term credential may be. Written by deployments.',
      value: policyDocument,
    });
    this.policyParameter.applyRemovalPolicy(RemovalPolicy.RETAIN);

    this.killSwitchParameter = new ssm.CfnParameter(this, 'KillSwitch', {
      name: names.killSwitchParameter,
      type: 'String',
      tier: 'Standard',
      description: 'run: everything acts. undo-only: only undo acts. stop, or anything else: nothing acts.',
      value: 'run',
    });
    this.killSwitchParameter.applyRemovalPolicy(RemovalPolicy.RETAIN);
  }
}
