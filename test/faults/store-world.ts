/**
 * One table, writers whose every request can be held, lost, doubled or cut off, and readers that
 * check that what they see is one state, whole. Every commit here touches all keys and names its
 * state in the head, so a reader knows what it must see whatever came before.
 */
import { type AttributeValue, type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { expect } from 'vitest';
import { createTable } from '../../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../../lib/adapters/dynamodb-store.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import { type Change, logKey, type Store } from '../../lib/ports/store.ts';
import { bytes, commitOf, look, text } from '../conformance/store/harness.ts';

export type Item = Record<string, AttributeValue>;

/** Sends the request, or another in its place. */
export type Send = (input?: object) => Promise<unknown>;

/** What becomes of one request: `send` may be called any number of times. */
export type Fate = (request: {
  readonly index: number;
  readonly name: string;
  readonly input: object;
  readonly send: Send;
}) => Promise<unknown>;

let fates = 0;

/** Gives each request of the client to `fate`, numbered from 1. */
export function withFate(client: DynamoDBClient, fate: Fate): DynamoDBClient {
  let index = 0;
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const name = (context as { commandName?: string }).commandName ?? '';
      index++;
      const send: Send = (input) => next({ ...args, input: (input ?? args.input) as never });
      return fate({ index, name, input: args.input as object, send }) as never;
    },
    { step: 'initialize', name: `fate${fates++}` },
  );
  return client;
}

export const KEYS = Array.from({ length: 24 }, (_, i) => ({
  pk: `P${i % 3}`,
  sk: `row${String(i).padStart(2, '0')}`,
}));

/** A count that stands for all keys and bulk besides. */
export const BULKY = KEYS.length + 1;

/** Rows that do not deflate: two chunks of an intent, two more batches of statements. */
const bulk: readonly Change[] = Array.from({ length: 3 }, (_, row) => {
  let state = row + 1;
  const value = Uint8Array.from({ length: 150_000 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  return { pk: 'bulk', sk: `${row}`, value };
});
export const bulkOf = (count: number): readonly Change[] => (count === BULKY ? bulk : []);

/** Which keys a state leaves out. */
const MISSING: Record<string, (i: number) => boolean> = {
  old: (i) => i % 4 === 0,
  A: (i) => i % 4 === 1,
  B1: () => true,
  B2: (i) => i % 4 === 2,
};
const isMissing = (mark: string, i: number): boolean => MISSING[mark]?.(i) ?? false;

export const changesOf = (mark: string, count = KEYS.length): Change[] =>
  KEYS.slice(0, count).map((at, i) =>
    isMissing(mark, i) ? at : { ...at, value: bytes(`${mark} ${at.sk}`) },
  );

/** Rows that a state shows; rows beyond `count` are those of `below`. */
function rowsOf(mark: string, count: number, below: string): string[] {
  return KEYS.flatMap((at, i) => {
    const state = i < count ? mark : below;
    return isMissing(state, i) ? [] : [`${at.pk} ${at.sk}=${state} ${at.sk}`];
  });
}

export interface World {
  readonly table: string;
  readonly clock: Clock & { advance(ms: number): void };
  /** How many keys commit A touches: few make it small, all make it large. */
  readonly countA: number;
  store(fate?: Fate): Promise<Store>;
  /** Takes a snapshot and checks it; answers its mark. */
  check(store: Store, told: string): Promise<string>;
  scan(): Promise<Item[]>;
  close(): Promise<void>;
}

let tables = 0;

/** With state `old` in it. */
export async function openWorld(
  connect: () => Promise<DynamoDBClient>,
  countA: number,
): Promise<World> {
  const world = await openEmptyWorld(connect, { countA });
  const first = await world.store();
  await first.commit(0, commitOf(changesOf('old'), 'old'));
  return world;
}

/** `random`, 0 to 1: what the stores draw their names and pauses from; else chance. */
export async function openEmptyWorld(
  connect: () => Promise<DynamoDBClient>,
  options: { readonly countA?: number; readonly random?: () => number },
): Promise<World> {
  const { countA = KEYS.length, random } = options;
  const clients: DynamoDBClient[] = [];
  const connectOwn = async (): Promise<DynamoDBClient> => {
    const own = await connect();
    clients.push(own);
    return own;
  };
  const plain = await connectOwn();
  const table = `world-${process.pid}-${tables++}`;
  await createTable(plain, table);
  let aheadMs = 0;
  const clock = {
    nowMs: () => Date.now() + aheadMs,
    advance: (ms: number) => {
      aheadMs += ms;
    },
  };
  const store = async (fate?: Fate): Promise<Store> => {
    const own = await connectOwn();
    const client = fate ? withFate(own, fate) : own;
    const sleep = (ms: number): Promise<void> =>
      new Promise((resolve) => setTimeout(resolve, Math.min(ms, 5)));
    if (random === undefined) return createDynamoStore({ client, table, clock, sleep });
    const draw = (count: number) => Uint8Array.from({ length: count }, () => random() * 256);
    const ports = { sleep: async () => undefined, random: { bytes: draw } };
    return createDynamoStore({ client, table, clock, ...ports });
  };
  return {
    table,
    clock,
    countA,
    store,
    async check(reader, told) {
      return look(reader, async (view) => {
        const mark = (text(view.head) ?? '').replace('head ', '');
        const expected = rowsOf(mark, mark === 'A' ? countA : KEYS.length, 'old');
        const single = await view.getMany(KEYS);
        const byKey = single.flatMap((row) =>
          row ? [`${row.pk} ${row.sk}=${text(row.value)}`] : [],
        );
        const ranges = await Promise.all(['P0', 'P1', 'P2'].map((pk) => view.range(pk)));
        const byRange = ranges.flat().map((row) => `${row.pk} ${row.sk}=${text(row.value)}`);
        expect(byKey.sort(), `${told}: rows by key of state ${mark}`).toEqual([...expected].sort());
        expect(byRange.sort(), `${told}: ranges of state ${mark}`).toEqual([...expected].sort());
        const log = await view.get(logKey(view.version));
        expect(text(log?.value), `${told}: the log`).toBe(`log ${mark}`);
        return mark;
      });
    },
    async scan() {
      const found: Item[] = [];
      for (let start: Item | undefined; ; ) {
        const page = await plain.send(
          new ScanCommand({ TableName: table, ConsistentRead: true, ExclusiveStartKey: start }),
        );
        found.push(...(page.Items ?? []));
        start = page.LastEvaluatedKey;
        if (start === undefined) return found;
      }
    },
    async close() {
      for (const client of clients) client.destroy();
    },
  };
}

const numberOf = (item: Item | undefined, name: string): number => Number(item?.[name]?.N ?? 0);

/** I2, I3 and I6 of the protocol, on the items as they lie. `seen` keeps the versions of the last call. */
export function checkItems(items: readonly Item[], seen: Map<string, number>, told: string): void {
  const head = items.find((item) => item['pk']?.S === ' head');
  const open = head?.['in'] !== undefined;
  const visible = numberOf(head, 'ver');
  if (open) {
    const iid = head?.['iid']?.S;
    const chunks = items.filter((item) => item['pk']?.S === ` I#${iid}`);
    expect(chunks.length, `${told}: chunks of the open intent`).toBe(numberOf(head, 'chunks'));
  }
  for (const item of items) {
    const at = `${item['pk']?.S} ${item['sk']?.S}`;
    const version = numberOf(item, 'v');
    if (!open) expect(version, `${told}: ${at} without an intent`).toBeLessThanOrEqual(visible);
    else expect(version, `${told}: ${at}`).toBeLessThanOrEqual(visible + 1);
    expect(version, `${told}: the version of ${at}`).toBeGreaterThanOrEqual(seen.get(at) ?? 0);
    seen.set(at, version);
  }
}
