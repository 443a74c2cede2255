/**
 * Where intents lie: chunks, and an index by which the sweeper finds those that nobody named. Owns
 * putting, reading and deleting them; what they hold is intent.ts.
 */
import {
  DeleteItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandOutput,
} from '@aws-sdk/client-dynamodb';
import { type Attempt, inParallel } from './attempt.ts';
import {
  chunkKey,
  INTENT_INDEX,
  type Item,
  intentIndexKey,
  numberOf,
  type OpenIntent,
} from './items.ts';
import { getHead, getItem } from './reads.ts';

const CHUNKS_AT_ONCE = 8;
/** An intent that no head names is swept when it is so old: its writer cannot name it any more. */
const UNNAMED_SECONDS = 24 * 3600;

/** The index row first: chunks without one would never be swept. */
export async function putIntent(
  attempt: Attempt,
  iid: string,
  chunks: Uint8Array[],
): Promise<void> {
  const { table, clock } = attempt.ports;
  const created = { N: String(Math.floor(clock.nowMs() / 1000)) };
  const put = (row: Item): Promise<unknown> =>
    attempt.send(() => new PutItemCommand({ TableName: table, Item: row }) as never);
  await put({ ...intentIndexKey(iid), created, chunks: { N: String(chunks.length) } });
  await inParallel(chunks, CHUNKS_AT_ONCE, async (data, index) => {
    await put({ ...chunkKey(iid, index), created, data: { B: data } });
  });
}

/** The chunks that are there: fewer than the intent has when it was deleted meanwhile. */
export async function readIntent(attempt: Attempt, open: OpenIntent): Promise<Uint8Array[]> {
  const chunks: (Uint8Array | undefined)[] = new Array(open.chunks);
  await inParallel(chunks, CHUNKS_AT_ONCE, async (_, index) => {
    chunks[index] = (await getItem(attempt, chunkKey(open.iid, index)))?.['data']?.B;
  });
  return chunks.filter((chunk) => chunk !== undefined);
}

export async function deleteIntent(attempt: Attempt, iid: string, chunks: number): Promise<void> {
  const keys = Array.from({ length: chunks }, (_, index) => chunkKey(iid, index));
  const drop = (Key: Item): Promise<unknown> =>
    attempt.send(() => new DeleteItemCommand({ TableName: attempt.ports.table, Key }) as never);
  await inParallel(keys, CHUNKS_AT_ONCE, async (Key) => {
    await drop(Key);
  });
  await drop(intentIndexKey(iid));
}

/** Deletes intents that nobody named in a day. Head is read after the listing, or it could miss one. */
export async function sweepIntents(attempt: Attempt, now: number): Promise<void> {
  const input = {
    TableName: attempt.ports.table,
    ConsistentRead: true,
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: { ':pk': { S: INTENT_INDEX } },
  };
  const answer = await attempt.send<QueryCommandOutput>(() => new QueryCommand(input) as never);
  const old = (answer.Items ?? []).filter(
    (item) => (numberOf(item['created']) ?? now) < now - UNNAMED_SECONDS,
  );
  if (old.length === 0) return;
  const { open } = await getHead(attempt);
  for (const item of old) {
    const iid = item['sk']?.S as string;
    if (iid !== open?.iid) await deleteIntent(attempt, iid, numberOf(item['chunks']) ?? 0);
  }
}
