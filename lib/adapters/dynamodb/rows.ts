/**
 * The rows of a commit: each stamped with its version, once, whoever does it and however often
 * (docs/storage.md, step 4). Owns the updates and the short cut by statements.
 */
import {
  BatchExecuteStatementCommand,
  type BatchExecuteStatementCommandOutput,
  type BatchStatementResponse,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { Fault } from '../../faults.ts';
import { type Change, type Commit, logKey } from '../../ports/store.ts';
import { type Attempt, type AwsError, inParallel } from './attempt.ts';
import { itemKey, numberOf, STAMP_CONDITION, stampUpdate } from './items.ts';
import { getItems } from './reads.ts';

const ROWS_AT_ONCE = 48;
const STATEMENTS_PER_BATCH = 25;
const STATEMENT_BYTES_MAX = 400_000;
const BATCHES_AT_ONCE = 8;
/** A deleted row is kept so long, against writers that wake up late. */
export const TOMBSTONE_SECONDS = 24 * 3600;

/** What makes one attempt: its name, the version it would be, and what it writes. */
export interface Plan {
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

/** A refused write costs as much as one that is done, a read a fifth; a stamp never goes back. */
export async function rowsLeft(
  attempt: Attempt,
  plan: Plan,
  changes: readonly Change[],
): Promise<Change[]> {
  const items = await getItems(attempt, changes);
  return changes.filter((_, i) => (numberOf(items[i]?.['v']) ?? 0) < plan.version);
}

export async function stampRows(
  attempt: Attempt,
  plan: Plan,
  changes: readonly Change[],
): Promise<void> {
  const left = await insertRows(attempt, plan.version, changes);
  await inParallel(left, ROWS_AT_ONCE, (change) => {
    const update = rowUpdate(attempt, plan, change);
    return sendUnlessRefused(attempt, () => new UpdateItemCommand(update));
  });
}

/** A refusal means: done, by somebody. */
export async function sendUnlessRefused(
  attempt: Attempt,
  makeCommand: () => object,
): Promise<void> {
  try {
    await attempt.send(makeCommand as never);
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
}

export function rowUpdate(attempt: Attempt, plan: Plan, change: Change) {
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
export function logUpdate(attempt: Attempt, plan: Plan) {
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
async function insertRows(
  attempt: Attempt,
  version: number,
  changes: readonly Change[],
): Promise<Change[]> {
  const left: Change[] = changes.filter(({ value }) => value === undefined);
  const batches: Change[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const change of changes) {
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
    left.push(...(await insertBatch(attempt, version, batch)));
  });
  return left;
}

async function insertBatch(
  attempt: Attempt,
  version: number,
  given: readonly Change[],
): Promise<Change[]> {
  const left: Change[] = [];
  let batch = given;
  for (let tries = 0; batch.length > 0; tries++) {
    attempt.check();
    let answers: readonly BatchStatementResponse[];
    try {
      const Statements = batch.map((change) => insertion(attempt, version, change));
      const answer = await attempt.sendOnce<BatchExecuteStatementCommandOutput>(
        new BatchExecuteStatementCommand({ Statements }) as never,
      );
      answers = answer.Responses ?? [];
    } catch (error) {
      if (error instanceof Fault) throw error;
      // The statements are only a short cut; what is wrong shows in the updates, or is gone by then.
      return [...left, ...batch];
    }
    const codes = batch.map((_, i) => answers[i]?.Error?.Code);
    left.push(...batch.filter((_, i) => codes[i] !== undefined && !isThrottle(codes[i])));
    const throttled = batch.filter((_, i) => isThrottle(codes[i]));
    if (throttled.length === 0) return left;
    // A full table: what got through shows that waiting is worth it.
    if (throttled.length < batch.length) tries = 0;
    batch = throttled;
    await attempt.pause(tries);
  }
  return left;
}

const isThrottle = (code: string | undefined): boolean =>
  code === 'ThrottlingError' || code === 'ProvisionedThroughputExceeded';

const insertion = ({ ports: { table } }: Attempt, version: number, { pk, sk, value }: Change) => ({
  Statement: `INSERT INTO "${table}" VALUE {'pk':?,'sk':?,'d':?,'v':?,'pv':?}`,
  Parameters: [
    { S: pk },
    { S: sk },
    { B: value as Uint8Array },
    { N: String(version) },
    { N: '0' },
  ],
});
