/**
 * A table that takes so many write units a second and no more, in virtual time: a request takes some
 * milliseconds, a pause as long as it says, and time goes on only when all wait. No emulator throttles.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type Item, withFate } from './store-world.ts';
import { throttled } from './weather.ts';

const REQUEST_MS = 8;
const TURNS = 3;

export interface VirtualTime {
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** So much time passes at once. */
  skip(ms: number): void;
  /** Counts as waiting for the world, during which no time passes. */
  during<T>(task: () => Promise<T>): Promise<T>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createVirtualTime(): VirtualTime {
  let nowMs = Date.now();
  let busy = 0;
  const sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];
  let isTicking = false;
  const tick = async (): Promise<void> => {
    if (isTicking) return;
    isTicking = true;
    while (sleepers.length > 0) {
      for (let turns = 0; turns < TURNS; turns++) await turn();
      if (busy > 0) break;
      sleepers.sort((a, b) => a.atMs - b.atMs);
      const next = sleepers.shift();
      if (next === undefined) break;
      nowMs = Math.max(nowMs, next.atMs);
      next.wake();
    }
    isTicking = false;
  };
  return {
    nowMs: () => nowMs,
    sleep: (ms) =>
      new Promise((wake) => {
        sleepers.push({ atMs: nowMs + ms, wake });
        void tick();
      }),
    skip: (ms) => {
      nowMs += ms;
    },
    async during(task) {
      busy++;
      try {
        return await task();
      } finally {
        busy--;
        void tick();
      }
    },
  };
}

const bytesOf = (value: unknown): number =>
  typeof value === 'string' || value instanceof Uint8Array
    ? value.length
    : Object.values((value as object) ?? {}).reduce((sum: number, part) => sum + bytesOf(part), 0);

const unitsOf = (written: unknown): number => Math.max(1, Math.ceil(bytesOf(written) / 1024));

export interface FullTable {
  /** A client's requests meet the limit that all clients of the table share. */
  limit(client: DynamoDBClient): DynamoDBClient;
  readonly spent: { units: number; requests: number; throttled: number };
}

/** One second's units may be saved up, no more. */
export function createFullTable(time: VirtualTime, unitsPerSecond: number): FullTable {
  let tokens = unitsPerSecond;
  let sinceMs = time.nowMs();
  const spent = { units: 0, requests: 0, throttled: 0 };
  const take = (units: number): boolean => {
    const passedMs = time.nowMs() - sinceMs;
    sinceMs = time.nowMs();
    tokens = Math.min(unitsPerSecond, tokens + (passedMs * unitsPerSecond) / 1000);
    if (tokens < units) {
      spent.throttled++;
      return false;
    }
    tokens -= units;
    spent.units += units;
    return true;
  };
  const statements = async (
    given: { readonly Statements: readonly { readonly Parameters: readonly Item[] }[] },
    send: (input: object) => Promise<unknown>,
  ): Promise<unknown> => {
    const goes = given.Statements.map(({ Parameters }) => take(unitsOf(Parameters)));
    const some = given.Statements.filter((_, i) => goes[i]);
    const sent = some.length === 0 ? undefined : await send({ ...given, Statements: some });
    const { output, ...rest } = (sent ?? { response: {} }) as {
      output?: { Responses?: object[] };
    };
    const answers = [...(output?.Responses ?? [])];
    const Responses = goes.map((went) =>
      went ? answers.shift() : { Error: { Code: 'ThrottlingError' } },
    );
    return { ...rest, output: { $metadata: {}, ...output, Responses } };
  };
  return {
    spent,
    limit: (client) =>
      withFate(client, async ({ name, input, send }) => {
        spent.requests++;
        await time.sleep(REQUEST_MS);
        return time.during(async () => {
          if (name === 'BatchExecuteStatementCommand') return statements(input as never, send);
          if (/^(Put|Update|Delete)Item/.test(name) && !take(unitsOf(input))) throw throttled();
          const { TransactItems = [] } = input as { TransactItems?: object[] };
          const units = TransactItems.reduce((sum, item) => sum + 2 * unitsOf(item), 0);
          if (units > 0 && !take(units)) throw throttled();
          return send();
        });
      }),
  };
}
