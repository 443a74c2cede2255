/**
 * The store protocol under faults, request by request: every request of a commit is in turn cut
 * off, answered by silence, held while others go on, and sent twice. See docs/storage.md.
 */
import { DeleteItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, expect, it } from 'vitest';
import { STAMP_CONDITION } from '../../lib/adapters/dynamodb/items.ts';
import { Fault } from '../../lib/faults.ts';
import { type CommitResult, logKey, type Store } from '../../lib/ports/store.ts';
import { commitOf, faultOf, look, text, versionOf } from '../conformance/store/harness.ts';
import {
  dynamoClientOn,
  dynoxidePath,
  type RunningDynamo,
  startDynoxide,
} from '../helpers/dynamodb.ts';
import { describeWith } from '../helpers/tools.ts';
import {
  changesOf,
  checkItems,
  type Fate,
  type Item,
  KEYS,
  openWorld,
  type Send,
  type World,
  withFate,
} from './store-world.ts';

const REQUESTS_MAX = 400;
/** Longer than a young intent's lease, and than a reader leaves an intent open. */
const LATER_MS = 61_000;

const lost = (): Error =>
  Object.assign(new Error('lost'), {
    name: 'InternalServerError',
    $metadata: { httpStatusCode: 500 },
  });
const died = (): Fault => new Fault('store-io', 'the process died here');

const commitA = (world: World, store: Store): Promise<CommitResult> =>
  store.commit(1, commitOf(changesOf('A', world.countA), 'A'));

/** Commits on what is visible, again while others are faster. */
async function commitAs(store: Store, mark: string): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    const result = await store.commit(await versionOf(store), commitOf(changesOf(mark), mark));
    if (result.ok) return;
  }
  throw new Error('no commit succeeded');
}

/** What A was told must be what the log says. */
async function checkAnswer(store: Store, answer: unknown, told: string): Promise<void> {
  const log = await look(store, async (view) => text((await view.get(logKey(2)))?.value));
  if (typeof answer === 'string') return; // A fault: either way is right.
  expect((answer as CommitResult).ok, `${told}: answer against log "${log}"`).toBe(log === 'log A');
}

interface Gate {
  readonly reached: Promise<void>;
  open(): void;
  readonly opened: Promise<void>;
  reach(): void;
}
function gate(): Gate {
  let open = (): void => undefined;
  let reach = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return { opened, reached, open: () => open(), reach: () => reach() };
}

const SIZES: [string, number][] = [
  ['a large commit', KEYS.length],
  ['a small commit', 3],
];

type Connect = () => Promise<DynamoDBClient>;

/** Runs `one` for request 1, 2, … of commit A until A makes no such request any more. */
async function forEachRequest(
  connect: Connect,
  countA: number,
  one: (world: World, at: number) => Promise<boolean>,
): Promise<number> {
  for (let at = 1; at <= REQUESTS_MAX; at++) {
    const world = await openWorld(connect, countA);
    try {
      if (!(await one(world, at))) return at - 1;
    } finally {
      await world.close();
    }
  }
  throw new Error('the commit made too many requests');
}

/** Whether commit A won, over all requests that it was held at. */
async function holdEachRequest(
  connect: Connect,
  countA: number,
  times: string,
): Promise<boolean[]> {
  const winners = new Set<boolean>();
  await forEachRequest(connect, countA, async (world, at) => {
    const held = gate();
    let wasHeld = false;
    const fate: Fate = async ({ index, send }) => {
      if (index !== at) return send();
      wasHeld = true;
      if (times === 'twice') await send().catch(() => undefined);
      held.reach();
      await held.opened;
      return send();
    };
    const running = faultOf(async () => commitA(world, await world.store(fate)));
    await Promise.race([held.reached, running]);
    if (!wasHeld) return false;
    world.clock.advance(LATER_MS);
    const other = await world.store();
    const told = `request ${at} held, sent ${times}`;
    let version = 0;
    try {
      await world.check(other, told);
      await commitAs(other, 'B1');
      await world.check(other, told);
      await commitAs(other, 'B2');
      version = await versionOf(other);
    } finally {
      held.open();
    }
    const answer = await running;
    expect(await world.check(other, `${told}, after it woke up`)).toBe('B2');
    expect(await versionOf(other), `${told}: the version`).toBe(version);
    checkItems(await world.scan(), new Map(), told);
    await checkAnswer(other, answer, told);
    winners.add((answer as CommitResult).ok === true);
    return true;
  });
  return [...winners].sort();
}

/** A reader and a look at the items between every two requests of commit A. */
async function readBetween(connect: Connect, countA: number): Promise<void> {
  const world = await openWorld(connect, countA);
  const reader = await world.store();
  const seen = new Map<string, number>();
  const marks = new Set<string>();
  let turn: Promise<unknown> = Promise.resolve();
  const fate: Fate = ({ index, send }) => {
    const mine = turn.then(async () => {
      marks.add(await world.check(reader, `before request ${index}`));
      checkItems(await world.scan(), seen, `before request ${index}`);
      return send();
    });
    turn = mine.catch(() => undefined);
    return mine;
  };
  expect(await commitA(world, await world.store(fate))).toEqual({ ok: true, version: 2 });
  expect(await world.check(reader, 'at the end')).toBe('A');
  checkItems(await world.scan(), seen, 'at the end');
  expect([...marks]).toContain('old');
  await world.close();
}

function faultSuite(connect: Connect): void {
  describe.each(SIZES)('%s', (_name, countA) => {
    it('a reader between every two requests sees old or new, whole; the items keep their order', () =>
      readBetween(connect, countA));

    it.each(['before', 'after'])(
      'dead %s each request: old or new, and the next goes on',
      async (when) => {
        const ends = new Set<string>();
        const requests = await forEachRequest(connect, countA, async (world, at) => {
          let isDead = false;
          const fate: Fate = async ({ index, send }) => {
            if (isDead || (index >= at && when === 'before')) {
              isDead = true;
              throw died();
            }
            const answer = await send();
            if (index < at) return answer;
            isDead = true;
            throw died();
          };
          const answer = await faultOf(async () => commitA(world, await world.store(fate)));
          world.clock.advance(LATER_MS);
          const next = await world.store();
          ends.add(await world.check(next, `dead ${when} request ${at}`));
          checkItems(await world.scan(), new Map(), `dead ${when} request ${at}`);
          await checkAnswer(next, answer, `dead ${when} request ${at}`);
          await commitAs(next, 'B2');
          expect(await world.check(next, 'after the next commit')).toBe('B2');
          return isDead;
        });
        expect(requests).toBeGreaterThan(0);
        // A small commit is one request: once it was carried out, only the new state is left.
        const isDone = when === 'after' && countA < KEYS.length;
        expect([...ends].sort()).toEqual(isDone ? ['A'] : ['A', 'old']);
      },
    );

    it('the answer of each request is lost once', async () => {
      await forEachRequest(connect, countA, async (world, at) => {
        let wasLost = false;
        const fate: Fate = async ({ index, send }) => {
          const answer = await send();
          if (index !== at) return answer;
          wasLost = true;
          throw lost();
        };
        const answer = await commitA(world, await world.store(fate));
        expect(answer, `lost answer ${at}`).toEqual({ ok: true, version: 2 });
        expect(await world.check(await world.store(), `lost answer ${at}`)).toBe('A');
        return wasLost;
      });
    });

    it.each(['once', 'twice'])(
      'each request is held while others finish and commit twice, then sent %s',
      async (times) => {
        const winners = await holdEachRequest(connect, countA, times);
        const isOne = countA < KEYS.length;
        expect(winners).toEqual(isOne ? [times === 'twice'] : [false, true]);
      },
    );
  });

  describe('time', () => {
    /** A commit that stops at its first request of this kind, its world, and what it is told. */
    async function stopped(isIt: (name: string, input: object) => boolean) {
      const world = await openWorld(connect, KEYS.length);
      const held = gate();
      let isHeld = false;
      let sent = 0;
      const fate: Fate = async ({ name, input, send }) => {
        if (!isHeld && isIt(name, input)) {
          isHeld = true;
          held.reach();
          await held.opened;
        }
        const answer = await send();
        if (isHeld) sent++;
        return answer;
      };
      const running = faultOf(async () => commitA(world, await world.store(fate)));
      await held.reached;
      return { world, held, running, sent: () => sent };
    }
    const isRow = (name: string): boolean => name === 'BatchExecuteStatementCommand';
    const removeTombstones = async (world: World): Promise<number> => {
      const client = await connect();
      const gone = (await world.scan()).filter((item) => item['x'] && !item['d']);
      for (const { pk, sk } of gone) {
        await client.send(
          new DeleteItemCommand({ TableName: world.table, Key: { pk, sk } as never }),
        );
      }
      client.destroy();
      return gone.length;
    };

    it('after its deadline a writer sends nothing, so tombstones may go', async () => {
      const { world, held, running, sent } = await stopped(isRow);
      const other = await world.store();
      world.clock.advance(LATER_MS);
      await commitAs(other, 'B1');
      world.clock.advance(11 * 60_000);
      expect(await removeTombstones(world)).toBeGreaterThan(0);
      held.open();
      expect(await running).toBe('commit-unknown');
      expect(sent(), 'requests after the deadline').toBe(0);
      expect(await world.check(other, 'after the late writer')).toBe('B1');
      await world.close();
    });

    it('an intent that slept for months is finished by the first reader', async () => {
      let named = false;
      const isAfterNaming = (name: string): boolean => {
        const is = named && isRow(name);
        named ||= name === 'UpdateItemCommand';
        return is;
      };
      const { world, held, running } = await stopped(isAfterNaming);
      world.clock.advance(120 * 86_400_000);
      await removeTombstones(world);
      const reader = await world.store();
      expect(await world.check(reader, 'the first reader')).toBe('A');
      held.open();
      await running;
      expect(await world.check(reader, 'after the sleeper woke up')).toBe('A');
      await world.close();
    });

    it('the sweeper spares a named intent and takes an unnamed one after a day', async () => {
      const { world, held, running } = await stopped(isRow);
      const sweeper = await world.store();
      const intents = async (): Promise<number> =>
        (await world.scan()).filter((item) => item['pk']?.S?.startsWith(' I#')).length;
      const seconds = (): number => Math.floor(world.clock.nowMs() / 1000);
      await sweeper.sweep(seconds() + 90_000);
      expect(await intents(), 'the named one').toBe(1);
      world.clock.advance(LATER_MS);
      expect(await world.check(sweeper, 'finished by the reader')).toBe('A');
      held.open();
      await running;
      const naming = await (async () => {
        const fate: Fate = async ({ name, input, send }) => {
          const { UpdateExpression = '' } = input as { UpdateExpression?: string };
          if (name === 'UpdateItemCommand' && UpdateExpression.includes('#in = :n')) throw died();
          return send();
        };
        return faultOf(async () =>
          (await world.store(fate)).commit(2, commitOf(changesOf('B2'), 'B2')),
        );
      })();
      expect(naming).toBe('store-io');
      expect(await intents(), 'one that nobody named').toBe(1);
      await sweeper.sweep(seconds() + 3600);
      expect(await intents(), 'too young').toBe(1);
      await sweeper.sweep(seconds() + 90_000);
      expect(await intents(), 'swept').toBe(0);
      await world.close();
    });

    it('many finish one intent at once, in any order', async () => {
      const { world, held, running } = await stopped(isRow);
      world.clock.advance(LATER_MS);
      const stores = await Promise.all(Array.from({ length: 6 }, () => world.store()));
      const marks = await Promise.all(stores.map((store) => world.check(store, 'a finisher')));
      expect(marks).toEqual(Array(6).fill('A'));
      held.open();
      expect(await running).toEqual({ ok: true, version: 2 });
      checkItems(await world.scan(), new Map(), 'after all');
      await world.close();
    });
  });
}

/* Ways that were refuted: each must be noticed (docs/storage.md, "Refuted ways"). */

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
    faultSuite(connect);
    describe('refuted ways', () => brokenSuite(connect));
  },
);
