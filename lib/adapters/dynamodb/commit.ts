/**
 * Commits of any size on DynamoDB: docs/storage.md, "Commits on DynamoDB". Small ones are one
 * transaction. A large one writes its changes as an intent, makes head name it (the decision: from
 * then on it happens), stamps the rows and makes the version visible. Owns these steps and finishing
 * what others left open. Rows are stamped by rows.ts and read by snapshot.ts.
 */
import {
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { Fault } from '../../faults.ts';
import { type Change, type Commit, type CommitResult, logKey } from '../../ports/store.ts';
import { ATTEMPT_MS_MAX, Attempt, type AwsError, type DynamoPorts } from './attempt.ts';
import { decodeIntent, encodeIntent } from './intent.ts';
import { deleteIntent, putIntent, readIntent } from './intent-rows.ts';
import { type Expression, HEAD_KEY, itemKey, NO_OTHER_CELL, type OpenIntent } from './items.ts';
import { getHead, getItem } from './reads.ts';
import {
  isRefused,
  logUpdate,
  type Plan,
  rowsLeft,
  rowUpdate,
  sendUnlessRefused,
  stampRows,
} from './rows.ts';

/** Up to here one transaction (two units a row) is cheaper or faster than an intent. */
export const SMALL_CHANGES_MAX = 8;
const SMALL_BYTES_MAX = 2_000_000;
const LEASE_MS = 2000;
/** A stack's table takes at most 1,000 write units a second: who helps earlier only doubles the load. */
const LEASE_MS_PER_ROW = 1;
/** Readers finish an intent this old: clean-up of old versions counts on none staying open. */
const OLD_INTENT_MS = 60_000;
/** How much of an intent a finisher reads at once, to leave out what is done. */
const FINISH_ROWS_AT_ONCE = 1000;

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
    removes: given.removes ?? [],
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
  const TransactItems = [
    ...[head, ...rows, logUpdate(attempt, plan)].map((Update) => ({ Update })),
    ...(commit.removes ?? []).map((key) => ({
      Delete: { TableName: table, Key: itemKey(key), ConditionExpression: NO_OTHER_CELL },
    })),
  ];
  const firstRemove = TransactItems.length - (commit.removes ?? []).length;
  for (let tries = 0; ; tries++) {
    try {
      await attempt.send(
        () => new TransactWriteItemsCommand({ TransactItems, ClientRequestToken: iid }) as never,
      );
      return success(version);
    } catch (error) {
      if (!isRefused(error)) throw error;
      const codes = ((error as AwsError).CancellationReasons ?? []).map(({ Code }) => Code);
      const [ofHead = 'None'] = codes;
      if (ofHead === 'None' && codes.indexOf('ConditionalCheckFailed') >= firstRemove) {
        throw new Fault('store-limit', 'a row to be removed holds more than a loose cell');
      }
      // Another's transaction was under way: what its rows say of ours, head has yet to say.
      if (ofHead !== 'None' && ofHead !== 'ConditionalCheckFailed') await attempt.pause(tries);
      else return (await outcomeOf(attempt, plan)) === 'done' ? success(version) : CONFLICT;
    }
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

/** Whether readers, too, finish it: its writer had all the time that a full table needs. */
export const isOld = ({ sinceMs, rows }: OpenIntent, nowMs: number): boolean =>
  nowMs - sinceMs >= OLD_INTENT_MS + rows * LEASE_MS_PER_ROW;

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
  const whole = await readIntent(attempt, open);
  if (whole.length < open.chunks) {
    // Deleted after finalising: head must have moved on.
    if ((await getHead(attempt)).open?.iid !== open.iid) return;
    throw new Fault('store-damaged', 'the changes of an open commit are missing');
  }
  const plan: Plan = { iid: open.iid, version: open.version, commit: decodeIntent(whole) };
  const { changes } = plan.commit;
  for (let at = 0; at < changes.length; at += FINISH_ROWS_AT_ONCE) {
    const part = changes.slice(at, at + FINISH_ROWS_AT_ONCE);
    await stampRows(attempt, plan, await rowsLeft(attempt, plan, part));
  }
  await finalise(attempt, plan, open);
}

async function carryOut(attempt: Attempt, plan: Plan, open: OpenIntent): Promise<void> {
  await stampRows(attempt, plan, plan.commit.changes);
  await finalise(attempt, plan, open);
}

/** All rows are stamped: the log row, then the version becomes visible. */
async function finalise(attempt: Attempt, plan: Plan, open: OpenIntent): Promise<void> {
  const log = logUpdate(attempt, plan);
  await sendUnlessRefused(attempt, () => new UpdateItemCommand(log));
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
  // The version is visible, whatever comes now: what stays behind is the sweeper's.
  await deleteIntent(attempt, plan.iid, open.chunks).catch(() => undefined);
}
