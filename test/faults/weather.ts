/**
 * What no emulator does: conflicts between transactions, throttling, a fault of the service after it
 * did what was asked, broken connections, keys left unprocessed. Seeded, at any request.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { withFate } from './store-world.ts';

/** A small generator (mulberry32): the same seed gives the same weather. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

const failure = (name: string, httpStatusCode: number, more: object = {}): Error =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode }, ...more });

export const lost = (): Error => failure('InternalServerError', 500);
export const throttled = (): Error => failure('ProvisionedThroughputExceededException', 400);

interface Read {
  readonly ConsistentRead?: boolean;
  readonly RequestItems?: Record<string, { readonly ConsistentRead?: boolean }>;
}

/** Whether the answer may be an old one. */
export function isEventual(name: string, input: object): boolean {
  const { RequestItems, ...plain } = input as Read;
  const asked = RequestItems === undefined ? [plain] : Object.values(RequestItems);
  const isRead = /^(GetItem|BatchGetItem|Query)Command$/.test(name);
  return isRead && asked.some(({ ConsistentRead }) => ConsistentRead !== true);
}

/** As stale as such a read may be: as if nothing had ever been written. */
export function neverWritten(answer: unknown): unknown {
  const { output, ...rest } = answer as { output: { $metadata: object } };
  return { ...rest, output: { $metadata: output.$metadata, Items: [], Responses: {} } };
}

/** Answers half of the reads that allow it as the same ones were answered before. */
export function withStaleReads(
  client: DynamoDBClient,
  random: () => number,
  stale: (name: string, input: object) => void = () => undefined,
): DynamoDBClient {
  const before = new Map<string, unknown>();
  return withFate(client, async ({ name, input, send }) => {
    const answer = await send();
    if (!isEventual(name, input)) return answer;
    const asked = JSON.stringify([name, input]);
    const old = before.get(asked) ?? neverWritten(answer);
    before.set(asked, answer);
    if (random() < 0.5) return answer;
    stale(name, input);
    return old;
  });
}

interface BatchGet {
  RequestItems: Record<string, { Keys: object[]; ConsistentRead?: boolean }>;
}

/** Fails about one request in `oneIn`, and answers batches of keys by halves. */
export function withWeather(
  client: DynamoDBClient,
  random: () => number,
  counts: Record<string, number>,
  oneIn = 8,
): DynamoDBClient {
  const note = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  return withFate(client, async ({ name, input, send }) => {
    if (/Table|TimeToLive/.test(name) || random() * oneIn >= 1) return send();
    const kind = Math.floor(random() * 6);
    if (kind === 0) {
      note('throttled');
      throw throttled();
    }
    if (kind === 1 && name === 'TransactWriteItemsCommand') {
      note('transaction conflict');
      const { TransactItems } = input as { TransactItems: object[] };
      const CancellationReasons = TransactItems.map((_, i) => ({
        Code: i === 0 ? 'TransactionConflict' : 'None',
      }));
      throw failure('TransactionCanceledException', 400, { CancellationReasons });
    }
    if (kind === 1 && /^(Update|Put|Delete)Item/.test(name)) {
      note('conflict with a transaction');
      throw failure('TransactionConflictException', 400);
    }
    if (kind === 2) {
      note('failed before');
      throw lost();
    }
    if (kind === 3) {
      note('failed after success');
      await send();
      throw lost();
    }
    if (kind === 4) {
      note('connection reset');
      await send();
      throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    }
    if (name === 'BatchGetItemCommand') {
      note('unprocessed keys');
      return halfOf(input as BatchGet, send);
    }
    if (name === 'BatchExecuteStatementCommand') {
      note('throttled statements');
      return throttledStatements(input as BatchStatements, send, random);
    }
    return send();
  });
}

/** Answers half of the keys and hands the rest back. */
export async function halfOf(input: BatchGet, send: (input?: object) => Promise<unknown>) {
  const [[table, asked] = []] = Object.entries(input.RequestItems);
  if (table === undefined || asked === undefined || asked.Keys.length < 2) return send();
  const middle = Math.floor(asked.Keys.length / 2);
  const half = { ...asked, Keys: asked.Keys.slice(0, middle) };
  const answer = (await send({ ...input, RequestItems: { [table]: half } })) as { output: object };
  const UnprocessedKeys = { [table]: { ...asked, Keys: asked.Keys.slice(middle) } };
  return { ...answer, output: { ...answer.output, UnprocessedKeys } };
}

interface BatchStatements {
  readonly Statements: readonly object[];
}

/** Of a batch some statements are carried out, some throttled, and of one the answer is lost. */
export async function throttledStatements(
  input: BatchStatements,
  send: (input?: object) => Promise<unknown>,
  random: () => number,
): Promise<unknown> {
  const { Statements } = input;
  const goes = Statements.map(() => random() < 0.5);
  const some = Statements.filter((_, i) => goes[i]);
  const sent = some.length === 0 ? undefined : await send({ ...input, Statements: some });
  const { output, ...rest } = (sent ?? { response: {} }) as {
    output?: { Responses?: { Error?: object }[] };
  };
  const answers = [...(output?.Responses ?? [])];
  if (answers[0]) answers[0] = { Error: { Code: 'InternalServerError' } };
  const Responses = goes.map((went) =>
    went ? answers.shift() : { Error: { Code: 'ThrottlingError' } },
  );
  return { ...rest, output: { $metadata: {}, ...output, Responses } };
}
