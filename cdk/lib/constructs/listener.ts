import { Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { ListenerEntry } from '../configuration/catalogue.js';
import type { Names } from '../names.js';

/** How long, and how often, EventBridge tries to give Lambda an event: the most that it does. */
const EVENT_AGE = Duration.hours(24);
const RETRIES = 185;

export interface ListenerProps {
  readonly entry: ListenerEntry;
  readonly function: lambda.IFunction;
  /** Where EventBridge puts an event that Lambda would not take. */
  readonly failures: sqs.IQueue;
  readonly names: Names;
}

/**
 * Invokes a function with each event of a pattern.
 *
 * Lambda takes an event to keep, so that its own retries follow those of EventBridge; what fails either way is kept.
 */
export class Listener extends Construct {
  constructor(scope: Construct, id: string, { entry, function: target, failures, names }: ListenerProps) {
    super(scope, id);
    const { source, 'detail-type': detailType, detail } = entry.pattern;
    new events.Rule(this, 'Events', {
      ruleName: names.of(entry),
      description: entry.description,
      eventPattern: { source: [...source], detailType: [...detailType], detail },
      targets: [
        new targets.LambdaFunction(target, {
          deadLetterQueue: failures,
          maxEventAge: EVENT_AGE,
          retryAttempts: RETRIES,
        }),
      ],
    });
  }
}
