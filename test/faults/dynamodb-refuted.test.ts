/** Ways that were refuted, each built once more: each must be noticed (docs/storage.md, "Refuted ways"). */
import { DeleteItemCommand, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { HEAD_KEY, STAMP_CONDITION } from '../../lib/adapters/dynamodb/items.ts';
import type { RowKey } from '../../lib/ports/store.ts';
import { bytes, faultOf, look } from '../conformance/store/harness.ts';
import { type Connect, describeOnDynoxide } from '../helpers/on-dynoxide.ts';
import {
  commitA,
  dieAtEachRequest,
  died,
  holdEachRequest,
  LATER_MS,
  loseEachAnswer,
  readBetween,
} from './commit-stories.ts';
import { type Fate, type Item, KEYS, openWorld, type Send, withFate } from './store-world.ts';
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

const dying: Scenario = (connect) => dieAtEachRequest(connect, KEYS.length, 'after');
const losing: Scenario = (connect) => loseEachAnswer(connect, KEYS.length);

/** A claim must outlive the commit that changes its row. */
const claimed: Scenario = async (connect) => {
  const world = await openWorld(connect, KEYS.length);
  const store = await world.store();
  const [, at, gone] = KEYS as [RowKey, RowKey, RowKey];
  await store.transact([at, gone].map((key) => ({ op: 'claim', ...key, claim: 'tx' })));
  await commitA(world, store);
  const cells = await look(store, (view) => view.cells([at, gone]));
  expect(
    cells.map(({ claim }) => claim),
    'claims after the commit',
  ).toEqual(['tx', 'tx']);
  await world.close();
};

/** A sweeper passes while a writer is about to name its intent; the writer dies just after. */
const swept: Scenario = async (connect) => {
  const world = await openWorld(connect, KEYS.length);
  const writer = await world.store(async ({ name, input, send }) => {
    if (!isNaming(name, input)) return send();
    const sweeper = await world.store();
    await sweeper.sweep(Math.floor(world.clock.nowMs() / 1000));
    await send();
    throw died();
  });
  await faultOf(() => commitA(world, writer));
  world.clock.advance(LATER_MS);
  await world.check(await world.store(), 'after the sweep');
  await world.close();
};

const isNaming = (name: string, input: object): boolean =>
  name === 'UpdateItemCommand' &&
  (input as RowInput).UpdateExpression?.startsWith('SET #in') === true;
const isFinalising = (name: string, input: object): boolean =>
  name === 'UpdateItemCommand' &&
  (input as RowInput).UpdateExpression?.startsWith('SET ver') === true;

const breakRequests =
  (connect: Connect, fate: Fate): Connect =>
  async () =>
    withFate(await connect(), fate);

/** Deletes the open intent's chunks. */
async function dropIntents(connect: Connect, table: string): Promise<void> {
  const client = await connect();
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
  for (const { pk, sk } of Items.filter((item) => item['pk']?.S?.startsWith(' I#'))) {
    await client.send(new DeleteItemCommand({ TableName: table, Key: { pk, sk } as Item }));
  }
  client.destroy();
}

interface Answer {
  readonly output: {
    Item?: Item;
    Items?: Item[];
    Responses?: Record<string, Item[]>;
  };
}

/** Answers of reads are changed item by item. */
const breakReads = (connect: Connect, change: (item: Item) => void): Connect =>
  breakRequests(connect, async ({ send }) => {
    const answer = (await send()) as Answer;
    const { Item: one, Items = [], Responses = {} } = answer.output;
    const lists = Object.values(Responses).filter(Array.isArray);
    for (const item of [one ?? [], Items, lists].flat(2)) change(item);
    return answer;
  });

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
  [
    'the decision after the rows',
    dying,
    (connect) => {
      let name: (() => Promise<unknown>) | undefined;
      return breakRequests(connect, async (request) => {
        if (isNaming(request.name, request.input)) {
          name = () => request.send();
          return { response: {}, output: { $metadata: {} } };
        }
        if (isFinalising(request.name, request.input)) await name?.();
        return request.send();
      });
    },
  ],
  [
    'the version visible before the rows',
    watched,
    (connect) =>
      breakRequests(connect, async ({ name, input, send }) => {
        const answer = await send();
        if (!isNaming(name, input)) return answer;
        const client = await connect();
        await client.send(
          new UpdateItemCommand({
            TableName: (input as { TableName: string }).TableName,
            Key: HEAD_KEY,
            UpdateExpression: 'SET ver = :n, h = :h',
            ExpressionAttributeValues: { ':n': { N: '2' }, ':h': { B: bytes('head A') } },
          }),
        );
        client.destroy();
        return answer;
      }),
  ],
  [
    'the intent deleted before the version is visible',
    dying,
    (connect) =>
      breakRequests(connect, async ({ name, input, send }) => {
        if (name === 'BatchExecuteStatementCommand') {
          const { Statements } = input as { Statements: { Statement: string }[] };
          const table = /"([^"]+)"/.exec(Statements[0]?.Statement ?? '')?.[1] as string;
          await dropIntents(connect, table);
        }
        return send();
      }),
  ],
  [
    'a refusal taken for a conflict',
    losing,
    (connect) =>
      breakReads(connect, (item) => {
        delete item['iid'];
        delete item['i'];
      }),
  ],
  [
    'rows read as they stand',
    watched,
    (connect) =>
      breakReads(connect, (item) => {
        if (item['v'] && item['pk']?.S?.startsWith('P')) item['v'] = { N: '1' };
      }),
  ],
  [
    'whole items replaced',
    claimed,
    (connect) =>
      breakRows(connect, async (input, send) => {
        const { TableName, Key } = input as { TableName: string; Key: Item };
        const client = await connect();
        await client.send(new DeleteItemCommand({ TableName, Key }));
        client.destroy();
        return send();
      }),
  ],
  [
    'intents swept at once',
    swept,
    (connect) =>
      breakReads(connect, (item) => {
        if (item['created']) item['created'] = { N: '0' };
      }),
  ],
];

/** A check of the scenario, not a fault of the breaking. */
const NOTICED = new RegExp(
  [
    ' of state |after it woke up|the version of|cannot be read any more|without an intent',
    'chunks of the open intent|changes of an open commit are missing|lost answer|claims after',
  ].join('|'),
);

/** What fails within a request comes back as the cause of a fault of the table. */
const wordsOf = (error: Error): string =>
  `${error.message}${error.cause === undefined ? '' : ` ${wordsOf(error.cause as Error)}`}`;

function brokenSuite(connect: Connect): void {
  it.each(BROKEN)('%s is noticed', async (_name, scenario, breakIt) => {
    await scenario(connect);
    const noticed = await scenario(breakIt(connect)).then(() => 'nothing', wordsOf);
    expect(noticed).toMatch(NOTICED);
  });
}

describeOnDynoxide('dynoxide', (connect) => {
  brokenSuite(connect);
});
