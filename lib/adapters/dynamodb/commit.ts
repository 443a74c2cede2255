/**
 * Commits of any size on DynamoDB: docs/storage.md, "Commits on DynamoDB". Small ones are one
 * transaction. A large one writes its changes as an intent, makes head name it (the decision: from
 * then on it happens), stamps the rows and makes the version visible. Owns these steps, finishing
 * what others left open, and sweeping what nobody named. Rows are read by snapshot.ts.
 */
import {
  BatchExecuteStatementCommand,
  type BatchExecuteStatementCommandOutput,
  DeleteItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandOutput,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { Fault } from '../../faults.ts';
import { type Change, type Commit, type CommitResult, logKey } from '../../ports/store.ts';
import { ATTEMPT_MS_MAX, Attempt, type AwsError, type DynamoPorts, inParallel } from './attempt.ts';
import { decodeIntent, encodeIntent } from './intent.ts';
import {
  chunkKey,
  type Expression,
  HEAD_KEY,
  INTENT_INDEX,
  type Item,
  intentIndexKey,
  itemKey,
  numberOf,
  type OpenIntent,
  STAMP_CONDITION,
  stampUpdate,
} from './items.ts';
import { getHead, getItem } from './reads.ts';

/** Up to here one transaction (two units a row) is cheaper or faster than an intent. */
export const SMALL_CHANGES_MAX = 8;
const SMALL_BYTES_MAX = 2_000_000;
const ROWS_AT_ONCE = 48;
const STATEMENTS_PER_BATCH = 25;
const STATEMENT_BYTES_MAX = 400_000;
const BATCHES_AT_ONCE = 8;
const CHUNKS_AT_ONCE = 8;
/** A deleted row is kept so long, against writers that wake up late. */
const TOMBSTONE_SECONDS = 24 * 3600;
/** An intent that no head names is swept when it is so old: its writer cannot name it any more. */
const UNNAMED_SECONDS = 24 * 3600;
const LEASE_MS = 2000;
const LEASE_MS_PER_ROW = 0.5;

/** What makes one attempt: its name, the version it would be, and what it writes. */
interface Plan {
  readonly iid: string;
  readonly version: number;
  readonly commit: Commit;
}

export const isRefused = (error: unknown): boolean => {
  const { name, CancellationReasons: reasons } = error as AwsError;
  return (
    name === 'ConditionalCheckFailedException' ||
    (name === 'TransactionCanceledException' &&
      reasons?.some(({ Code }) => Code === 'ConditionalCheckFailed') === true)
  );
};

/** One change a key, the last of them, in copies: the caller may reuse its arrays. */
function foldChanges(changes: readonly Change[]): Change[] {
  const folded = new Map<string, Change>();
  for (const { pk, sk, value } of changes) {
    folded.set(`${pk} ${sk}`, { pk, sk, ...(value && { value: value.slice() }) });
  }
  return [...folded.values()];
}

export async function commitOn(
  ports: DynamoPorts,
  expectedVersion: number,
  given: Commit,
): Promise<CommitResult> {
  const commit: Commit = {
    head: given.head.slice(),
    log: given.log.slice(),
    changes: foldChanges(given.changes),
  };
  const iid = Buffer.from(ports.random.bytes(16)).toString('hex');
  const plan: Plan = { iid, version: expectedVersion + 1, commit };
  const attempt = new Attempt(ports, { msMax: ATTEMPT_MS_MAX, late: 'commit-unknown' });
  const bytes = commit.changes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
  return commit.changes.length <= SMALL_CHANGES_MAX && bytes <= SMALL_BYTES_MAX
    ? commitSmall(attempt, plan)
    : commitLarge(attempt, plan);
}

const success = (version: number): CommitResult => ({ ok: true, version });
const CONFLICT: CommitResult = { ok: false, conflict: true };

/** Condition on head: this version, and no intent open. */
function headCondition(expectedVersion: number): Expression {
  return expectedVersion === 0
    ? { text: 'attribute_not_exists(ver) AND attribute_not_exists(#in)', values: {} }
    : {
        text: 'ver = :was AND attribute_not_exists(#in)',
        values: { ':was': { N: String(expectedVersion) } },
      };
}

const IN_NAME = { '#in': 'in' };

async function commitSmall(attempt: Attempt, plan: Plan): Promise<CommitResult> {
  const { table } = attempt.ports;
  const { version, commit, iid } = plan;
  const { text, values } = headCondition(version - 1);
  const head = {
    TableName: table,
    Key: HEAD_KEY,
    UpdateExpression: 'SET ver = :n, h = :h',
    ConditionExpression: text,
    ExpressionAttributeNames: IN_NAME,
    ExpressionAttributeValues: {
      ...values,
      ':n': { N: String(version) },
      ':h': { B: commit.head },
    },
  };
  const rows = commit.changes.map((change) => rowUpdate(attempt, plan, change));
  const TransactItems = [head, ...rows, logUpdate(attempt, plan)].map((Update) => ({ Update }));
  try {
    await attempt.send(
      () => new TransactWriteItemsCommand({ TransactItems, ClientRequestToken: iid }) as never,
    );
    return success(version);
  } catch (error) {
    if (!isRefused(error)) throw error;
    return (await outcomeOf(attempt, plan)) === 'done' ? success(version) : CONFLICT;
  }
}

async function commitLarge(attempt: Attempt, plan: Plan): Promise<CommitResult> {
  const chunks = encodeIntent(plan.commit);
  await putIntent(attempt, plan.iid, chunks);
  const open: OpenIntent = {
    iid: plan.iid,
    version: plan.version,
    sinceMs: attempt.ports.clock.nowMs(),
    chunks: chunks.length,
    rows: plan.commit.changes.length,
  };
  try {
    await attempt.send(() => new UpdateItemCommand(nameUpdate(attempt, open)) as never);
  } catch (error) {
    if (!isRefused(error)) throw error;
    const outcome = await outcomeOf(attempt, plan);
    if (outcome !== 'open') {
      await deleteIntent(attempt, plan.iid, chunks.length);
      return outcome === 'done' ? success(plan.version) : CONFLICT;
    }
  }
  await carryOut(attempt, plan, open);
  return success(plan.version);
}

function nameUpdate(attempt: Attempt, open: OpenIntent): UpdateItemCommandInput {
  const { text, values } = headCondition(open.version - 1);
  return {
    TableName: attempt.ports.table,
    Key: HEAD_KEY,
    UpdateExpression: 'SET #in = :n, iid = :iid, since = :now, chunks = :k, #rows = :r',
    ConditionExpression: text,
    ExpressionAttributeNames: { ...IN_NAME, '#rows': 'rows' },
    ExpressionAttributeValues: {
      ...values,
      ':n': { N: String(open.version) },
      ':iid': { S: open.iid },
      ':now': { N: String(open.sinceMs) },
      ':k': { N: String(open.chunks) },
      ':r': { N: String(open.rows) },
    },
  };
}

/**
 * What a refusal means: the answer of an earlier try may have been lost. Somebody else's open
 * intent is waited for or finished first, so that the caller's next try finds a settled head.
 */
async function outcomeOf(attempt: Attempt, plan: Plan): Promise<'open' | 'done' | 'lost'> {
  const { version: n, iid } = plan;
  let head = await getHead(attempt);
  if (head.open?.iid === iid) return 'open';
  if (head.version < n && head.open !== undefined) {
    await settle(attempt, head.open);
    head = await getHead(attempt);
  }
  if (head.version < n) return 'lost';
  const log = await getItem(attempt, itemKey(logKey(n)));
  return log?.['i']?.S === iid ? 'done' : 'lost';
}

/** Waits while an intent is young, then finishes it. Any number may finish at once. */
export async function settle(attempt: Attempt, open: OpenIntent): Promise<void> {
  const { clock } = attempt.ports;
  const leaseMs = LEASE_MS + open.rows * LEASE_MS_PER_ROW;
  const seenMs = clock.nowMs();
  for (let tries = 0; ; tries++) {
    const nowMs = clock.nowMs();
    // The writer's clock may be ahead of ours: waiting counts too.
    if (nowMs - open.sinceMs >= leaseMs || nowMs - seenMs >= leaseMs) break;
    await attempt.pause(tries);
    if ((await getHead(attempt)).open?.iid !== open.iid) return;
  }
  await finish(attempt, open);
}

/** Carries out what somebody decided and did not end. */
export async function finish(attempt: Attempt, open: OpenIntent): Promise<void> {
  const chunks: (Uint8Array | undefined)[] = new Array(open.chunks);
  await inParallel(chunks, CHUNKS_AT_ONCE, async (_, index) => {
    chunks[index] = (await getItem(attempt, chunkKey(open.iid, index)))?.['data']?.B;
  });
  const whole = chunks.filter((chunk) => chunk !== undefined);
  if (whole.length < open.chunks) {
    // Deleted after finalising: head must have moved on.
    if ((await getHead(attempt)).open?.iid !== open.iid) return;
    throw new Fault('store-damaged', 'the changes of an open commit are missing');
  }
  const plan: Plan = { iid: open.iid, version: open.version, commit: decodeIntent(whole) };
  await carryOut(attempt, plan, open);
}

async function carryOut(attempt: Attempt, plan: Plan, open: OpenIntent): Promise<void> {
  const left = await insertRows(attempt, plan);
  const updates = left.map((change) => rowUpdate(attempt, plan, change));
  await inParallel([...updates, logUpdate(attempt, plan)], ROWS_AT_ONCE, (update) =>
    sendUnlessRefused(attempt, () => new UpdateItemCommand(update)),
  );
  await sendUnlessRefused(
    attempt,
    () =>
      new UpdateItemCommand({
        TableName: attempt.ports.table,
        Key: HEAD_KEY,
        UpdateExpression: 'SET ver = :n, h = :h REMOVE #in, iid, since, chunks, #rows',
        ConditionExpression: 'iid = :iid AND #in = :n',
        ExpressionAttributeNames: { ...IN_NAME, '#rows': 'rows' },
        ExpressionAttributeValues: {
          ':n': { N: String(plan.version) },
          ':h': { B: plan.commit.head },
          ':iid': { S: plan.iid },
        },
      }),
  );
  await deleteIntent(attempt, plan.iid, open.chunks);
}

/** A refusal means: done, by somebody. */
async function sendUnlessRefused(attempt: Attempt, makeCommand: () => object): Promise<void> {
  try {
    await attempt.send(makeCommand as never);
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
}

function rowUpdate(attempt: Attempt, plan: Plan, change: Change) {
  const { clock, table } = attempt.ports;
  const tombstoneUntil = Math.floor(clock.nowMs() / 1000) + TOMBSTONE_SECONDS;
  const { text, values } = stampUpdate(change.value, { version: plan.version, tombstoneUntil });
  return {
    TableName: table,
    Key: itemKey(change),
    UpdateExpression: text,
    ConditionExpression: STAMP_CONDITION,
    ExpressionAttributeValues: values,
  };
}

/** The log row bears the attempt's name: by it a writer whose answer was lost knows its commit. */
function logUpdate(attempt: Attempt, plan: Plan) {
  const { version, iid, commit } = plan;
  const update = rowUpdate(attempt, plan, { ...logKey(version), value: commit.log });
  return {
    ...update,
    UpdateExpression: update.UpdateExpression.replace('SET ', 'SET i = :iid, '),
    ExpressionAttributeValues: { ...update.ExpressionAttributeValues, ':iid': { S: iid } },
  };
}

/**
 * Puts rows that were never there by statements, 25 a call: the same price, a fraction of the
 * calls. Answers the changes that it could not do; the update that follows decides them alone.
 */
async function insertRows(attempt: Attempt, plan: Plan): Promise<Change[]> {
  const left: Change[] = plan.commit.changes.filter(({ value }) => value === undefined);
  const batches: Change[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const change of plan.commit.changes) {
    if (change.value === undefined) continue;
    const last = batches.at(-1);
    const full = last === undefined || last.length === STATEMENTS_PER_BATCH;
    if (full || bytes + change.value.length > STATEMENT_BYTES_MAX) {
      batches.push([change]);
      bytes = change.value.length;
    } else {
      last.push(change);
      bytes += change.value.length;
    }
  }
  await inParallel(batches, BATCHES_AT_ONCE, async (batch) => {
    left.push(...(await insertBatch(attempt, plan.version, batch)));
  });
  return left;
}

async function insertBatch(attempt: Attempt, version: number, batch: Change[]): Promise<Change[]> {
  const Statement = `INSERT INTO "${attempt.ports.table}" VALUE {'pk':?,'sk':?,'d':?,'v':?,'pv':?}`;
  const Statements = batch.map(({ pk, sk, value }) => ({
    Statement,
    Parameters: [
      { S: pk },
      { S: sk },
      { B: value as Uint8Array },
      { N: String(version) },
      { N: '0' },
    ],
  }));
  try {
    attempt.check();
    const answer = await attempt.sendOnce<BatchExecuteStatementCommandOutput>(
      new BatchExecuteStatementCommand({ Statements }) as never,
    );
    return batch.filter((_, i) => answer.Responses?.[i]?.Error !== undefined);
  } catch (error) {
    if (error instanceof Fault) throw error;
    // The statements are only a short cut; what is wrong shows in the updates, or is gone by then.
    return batch;
  }
}

/* Intents */

/** The index row first: chunks without one would never be swept. */
async function putIntent(attempt: Attempt, iid: string, chunks: Uint8Array[]): Promise<void> {
  const { table, clock } = attempt.ports;
  const created = { N: String(Math.floor(clock.nowMs() / 1000)) };
  const put = (row: Item): Promise<unknown> =>
    attempt.send(() => new PutItemCommand({ TableName: table, Item: row }) as never);
  await put({ ...intentIndexKey(iid), created, chunks: { N: String(chunks.length) } });
  await inParallel(chunks, CHUNKS_AT_ONCE, async (data, index) => {
    await put({ ...chunkKey(iid, index), created, data: { B: data } });
  });
}

async function deleteIntent(attempt: Attempt, iid: string, chunks: number): Promise<void> {
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
