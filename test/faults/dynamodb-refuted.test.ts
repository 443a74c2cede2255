/** Ways that were refuted, each built once more: each must be noticed (docs/storage.md, "Refuted ways"). */
import { DeleteItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, expect, it } from 'vitest';
import { STAMP_CONDITION } from '../../lib/adapters/dynamodb/items.ts';
import {
  dynamoClientOn,
  dynoxidePath,
  type RunningDynamo,
  startDynoxide,
} from '../helpers/dynamodb.ts';
import { describeWith } from '../helpers/tools.ts';
import { type Connect, holdEachRequest, readBetween } from './commit-stories.ts';
import { type Item, KEYS, type Send, withFate } from './store-world.ts';
import { lost } from './weather.ts';

interface RowInput {
  ConditionExpression?: string;
  UpdateExpression?: string;
  Key?: Item;
}
const isStamp = (name: string, input: RowInput): boolean =>
  name === 'UpdateItemCommand' && input.ConditionExpression === STAMP_CONDITION;

/** A client whose row updates are changed, with the short cut by statements left out. */
const breakRows =
  (connect: Connect, change: (input: RowInput, send: Send) => Promise<unknown>): Connect =>
  async () =>
    withFate(await connect(), async ({ name, input, send }) => {
      if (name === 'BatchExecuteStatementCommand') throw lost();
      return isStamp(name, input as RowInput) ? change(input as RowInput, send) : send();
    });

type Scenario = (connect: Connect) => Promise<unknown>;
const held: Scenario = (connect) => holdEachRequest(connect, KEYS.length, 'twice');
const watched: Scenario = (connect) => readBetween(connect, KEYS.length);

const BROKEN: [string, Scenario, (connect: Connect) => Connect][] = [
  [
    'rows applied without a condition',
    held,
    (connect) =>
      breakRows(connect, async (input, send) => {
        const { ConditionExpression: _, ...rest } = input;
        return send(rest);
      }),
  ],
  [
    'v <= n in place of v < n, each row applied twice',
    watched,
    (connect) =>
      breakRows(connect, async (input, send) => {
        const lax = { ...input, ConditionExpression: 'attribute_not_exists(v) OR v <= :n' };
        await send(lax);
        return send(lax);
      }),
  ],
  [
    'deletion without a tombstone',
    held,
    (connect) =>
      breakRows(connect, async (input, send) => {
        const answer = await send();
        if (!input.UpdateExpression?.includes('REMOVE d')) return answer;
        const { TableName, Key } = input as { TableName: string; Key: Item };
        const client = await connect();
        await client.send(new DeleteItemCommand({ TableName, Key }));
        client.destroy();
        return answer;
      }),
  ],
];

function brokenSuite(connect: Connect): void {
  it.each(BROKEN)('%s is noticed', async (_name, scenario, breakIt) => {
    await expect(scenario(breakIt(connect))).rejects.toThrow(
      / of state |after it woke up|the version of|cannot be read any more/,
    );
  });
}

describeWith(
  dynoxidePath(),
  { name: 'dynoxide', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let running: Promise<RunningDynamo> | undefined;
    afterAll(async () => (await running)?.stop());
    const connect = async (): Promise<DynamoDBClient> => {
      running ??= startDynoxide(binary);
      return dynamoClientOn((await running).endpoint);
    };
    brokenSuite(connect);
  },
);
