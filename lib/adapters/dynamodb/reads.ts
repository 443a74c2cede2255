/**
 * Reads: single items, many by key, ranges; strongly consistent unless the caller says that it only
 * asks whether to look closer. Owns paging and what is left over.
 */
import {
  BatchGetItemCommand,
  type BatchGetItemCommandOutput,
  GetItemCommand,
  type GetItemCommandOutput,
  QueryCommand,
  type QueryCommandOutput,
} from '@aws-sdk/client-dynamodb';
import type { RangeOptions, RowKey } from '../../ports/store.ts';
import { Attempt, type DynamoPorts, faulted, inParallel, PLAIN_MS_MAX } from './attempt.ts';
import { HEAD_KEY, type Head, type Item, itemKey, readHead } from './items.ts';

const KEYS_PER_BATCH = 100;
const BATCHES_AT_ONCE = 8;
const PAGE_ITEMS_MAX = 1000;
/** Sorts after every character of a key. */
const LAST = '\x7f';

export const plainAttempt = (ports: DynamoPorts): Attempt =>
  new Attempt(ports, { msMax: PLAIN_MS_MAX, late: 'store-io' });

/** `recent`: eventually consistent, half the price. */
export interface Freshness {
  readonly recent?: boolean;
}

export async function getItem(
  attempt: Attempt,
  Key: Item,
  { recent = false }: Freshness = {},
): Promise<Item | undefined> {
  const input = { TableName: attempt.ports.table, Key, ConsistentRead: !recent };
  const answer = await attempt.send<GetItemCommandOutput>(() => new GetItemCommand(input) as never);
  return answer.Item;
}

export const getHead = async (attempt: Attempt, freshness?: Freshness): Promise<Head> =>
  readHead(await getItem(attempt, HEAD_KEY, freshness));

const nameOf = (item: Item): string => `${item['pk']?.S} ${item['sk']?.S}`;

/** Items in the order of the keys. */
export async function getItems(
  attempt: Attempt,
  keys: readonly RowKey[],
): Promise<(Item | undefined)[]> {
  const [only] = keys;
  if (keys.length === 1 && only) return [await faulted(() => getItem(attempt, itemKey(only)))];
  const wanted = [...new Map(keys.map((key) => [`${key.pk} ${key.sk}`, itemKey(key)])).values()];
  const batches: Item[][] = [];
  for (let at = 0; at < wanted.length; at += KEYS_PER_BATCH) {
    batches.push(wanted.slice(at, at + KEYS_PER_BATCH));
  }
  const found = new Map<string, Item>();
  await faulted(() =>
    inParallel(batches, BATCHES_AT_ONCE, (batch) => getBatch(attempt, batch, found)),
  );
  return keys.map((key) => found.get(`${key.pk} ${key.sk}`));
}

async function getBatch(attempt: Attempt, batch: Item[], found: Map<string, Item>): Promise<void> {
  const { table } = attempt.ports;
  for (let left = batch, tries = 0; left.length > 0; tries++) {
    const input = { RequestItems: { [table]: { Keys: left, ConsistentRead: true } } };
    const answer = await attempt.send<BatchGetItemCommandOutput>(
      () => new BatchGetItemCommand(input) as never,
    );
    for (const item of answer.Responses?.[table] ?? []) found.set(nameOf(item), item);
    const unread = answer.UnprocessedKeys?.[table]?.Keys ?? [];
    if (unread.length < left.length) tries = 0;
    left = unread;
    if (left.length > 0) await attempt.pause(tries);
  }
}

interface KeyCondition {
  readonly text: string;
  readonly values: Item;
}

/** The condition on the sort key; undefined: no key can fulfil it. */
function sortKeyCondition(options: RangeOptions): KeyCondition | undefined {
  const { prefix = '', after, reverse = false } = options;
  const all: KeyCondition =
    prefix === ''
      ? { text: '', values: {} }
      : { text: ' AND begins_with(sk, :from)', values: { ':from': { S: prefix } } };
  if (after === undefined) return all;
  if (prefix === '') {
    return { text: ` AND sk ${reverse ? '<' : '>'} :after`, values: { ':after': { S: after } } };
  }
  if (!after.startsWith(prefix)) return after < prefix === reverse ? undefined : all;
  // Between is inclusive: whoever uses this drops `after` itself.
  const [from, to] = reverse ? [prefix, after] : [after, prefix + LAST];
  if (to.length > 1024) return undefined;
  return {
    text: ' AND sk BETWEEN :from AND :to',
    values: { ':from': { S: from }, ':to': { S: to } },
  };
}

/** The first `limit` results that `pick` makes of the items of a partition, in order. */
export async function queryItems<T>(
  ports: DynamoPorts,
  pk: string,
  options: RangeOptions & { readonly limit: number; readonly pick: (item: Item) => T | undefined },
  { recent = false }: Freshness = {},
): Promise<T[]> {
  const { limit, pick, after, reverse = false } = options;
  const condition = sortKeyCondition(options);
  const found: T[] = [];
  if (condition === undefined) return found;
  const attempt = plainAttempt(ports);
  let start: Item | undefined;
  // Rows without a value are passed over: pages grow until there are enough.
  for (
    let page = Math.min(limit + 1, PAGE_ITEMS_MAX);
    ;
    page = Math.min(page * 2, PAGE_ITEMS_MAX)
  ) {
    const input = {
      TableName: ports.table,
      ConsistentRead: !recent,
      ScanIndexForward: !reverse,
      Limit: page,
      KeyConditionExpression: `pk = :pk${condition.text}`,
      ExpressionAttributeValues: { ':pk': { S: pk }, ...condition.values },
      ExclusiveStartKey: start,
    };
    const answer = await faulted(() =>
      attempt.send<QueryCommandOutput>(() => new QueryCommand(input) as never),
    );
    for (const item of answer.Items ?? []) {
      const result = item['sk']?.S === after ? undefined : pick(item);
      if (result !== undefined) found.push(result);
      if (found.length === limit) return found;
    }
    start = answer.LastEvaluatedKey;
    if (start === undefined) return found;
  }
}
