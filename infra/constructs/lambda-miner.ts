/**
 * A miner that is called and sleeps in between, in place of one that runs all day: a function that
 * mines at most one block a call. It has the rights of a node's function on its table and its peers'
 * queues, and none on wallets.
 */
import { Duration, Stack } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { EventInvokeConfig, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { functionName, type NodeId } from '../names.ts';
import { makeFunction, type NodeFunctionsProps, type Size } from './functions.ts';

/**
 * 1,769 MB is where a function has one processor, and the search has one thread. A hash costs the same
 * with less memory, only later. The JavaScript engine tries 0.5 to 1 million nonces a second there; a
 * block at stacknet's limit takes 2^20, so that ten seconds suffice in 99 of 100 calls at the lower
 * rate. Harder blocks come of blocks that were found too fast, and every slow one eases the next.
 */
const SIZE: Size = {
  memoryMb: 1769,
  // At most fifteen to wait for its turn and ten to search: the rest is commit and sends.
  timeout: Duration.seconds(45),
  // It calls itself while a block left transactions over, and other nodes' by the blocks it sends:
  // bounded by 16 turns, each of which found a block.
  mayLoop: true,
};
/** `tick` calls again where a call was lost; one that waited longer comes too late to be of use. */
const EVENT_AGE = Duration.minutes(5);

export class LambdaMiner extends Construct {
  readonly role: Role;
  readonly fn: LambdaFunction;
  readonly #id: NodeId;

  constructor(scope: Construct, name: string, props: NodeFunctionsProps) {
    super(scope, name);
    this.#id = props.id;
    const { role, fn } = makeFunction(this, 'mine', SIZE, props);
    this.role = role;
    this.fn = fn;
    new EventInvokeConfig(this, 'Calls', {
      function: fn,
      retryAttempts: 0,
      maxEventAge: EVENT_AGE,
    });
    new Rule(this, 'Hourly', {
      schedule: Schedule.rate(Duration.hours(1)),
      targets: [new LambdaTarget(fn, { retryAttempts: 0 })],
    });
  }

  /** By name: the function that is called has the caller's name in its own environment. */
  letCall(role: Role): void {
    const { partition, region, account } = Stack.of(this);
    const name = functionName(this.#id, 'mine');
    role.addToPolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [`arn:${partition}:lambda:${region}:${account}:function:${name}`],
      }),
    );
  }
}
