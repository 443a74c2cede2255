/**
 * Small atomic sets of writes on claims and loose rows. One item holds all cells of a key, so an op
 * is an update of its own cell, or a deletion of the item where no other cell is in it: which of the
 * two is not known before, so the likelier form is tried first and the database's answer, the item
 * as it is, tells. Owns the forms and naming the condition that failed; never touches head.
 */
import {
  DeleteItemCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { Fault } from '../../faults.ts';
import type { Op, TransactResult } from '../../ports/store.ts';
import { failedCondition } from '../kv/support.ts';
import { Attempt, type AwsError, type DynamoPorts, mayPass, PLAIN_MS_MAX } from './attempt.ts';
import { cellsOf, conditionText, type Item, itemKey, looseOf, NO_OTHER_CELL } from './items.ts';
import { TOMBSTONE_SECONDS } from './rows.ts';

const FORM_TRIES_MAX = 50;
/** No deleted row lives longer, whoever's clock set its time. */
const TOMBSTONE_SECONDS_MAX = TOMBSTONE_SECONDS + 3600;

/**
 * `alone`: no other cell is in the item. `shared`: others are, and must stay. `deleted`: the row left
 * the chain, and its item goes when its time has come.
 */
type Form = 'alone' | 'shared' | 'deleted';

interface Written {
  readonly update: string;
  readonly values: Item;
}

export async function transactOn(
  ports: DynamoPorts,
  given: readonly Op[],
): Promise<TransactResult> {
  const ops = given.map((op) => (op.op === 'put' ? { ...op, value: op.value.slice() } : op));
  const forms: Form[] = ops.map(() => 'alone');
  const attempt = new Attempt(ports, { msMax: PLAIN_MS_MAX, late: 'store-io' });
  for (let tries = 0; tries < FORM_TRIES_MAX; tries++) {
    const items = ops.map((op, i) => toItem(ports, op, forms[i] as Form));
    const refusal = await send(attempt, ops, items);
    if (refusal === undefined) return { ok: true };
    const named = nameFailure(ops, refusal);
    if (named !== undefined) return named;
    refusal.forEach((reason, i) => {
      if (reason.refused) forms[i] = nextForm(ops[i] as Op, forms[i] as Form, reason.item);
    });
  }
  throw new Fault('store-io', 'a transaction found its rows changed again and again');
}

/** The form that fits the item as it is. */
function nextForm(op: Op, tried: Form, item: Item | undefined): Form {
  const isClaim = op.op === 'claim' && op.claim !== null;
  if (isClaim) return item?.['v'] === undefined ? 'alone' : item['d'] ? 'shared' : 'deleted';
  return tried === 'alone' ? 'shared' : 'alone';
}

interface Reason {
  readonly refused: boolean;
  readonly item: Item | undefined;
}

function nameFailure(ops: readonly Op[], refusal: readonly Reason[]): TransactResult | undefined {
  for (const [index, op] of ops.entries()) {
    const reason = refusal[index];
    if (!reason?.refused) continue;
    const condition = failedCondition(op.if, cellsOf(reason.item));
    if (condition !== undefined) return { ok: false, index, condition };
  }
  return undefined;
}

/** Undefined: done. Else what each op's condition met. */
async function send(
  attempt: Attempt,
  ops: readonly Op[],
  items: readonly TransactWriteItem[],
): Promise<readonly Reason[] | undefined> {
  const [only] = items;
  if (only === undefined) return undefined;
  if (items.length === 1 && !only.ConditionCheck) return sendSingle(attempt, ops[0] as Op, only);
  const token = Buffer.from(attempt.ports.random.bytes(16)).toString('hex');
  try {
    await attempt.send(
      () =>
        new TransactWriteItemsCommand({
          TransactItems: [...items],
          ClientRequestToken: token,
        }) as never,
    );
    return undefined;
  } catch (error) {
    const { name, CancellationReasons: reasons } = error as AwsError;
    if (name !== 'TransactionCanceledException' || reasons === undefined) throw error;
    if (!reasons.some(({ Code }) => Code === 'ConditionalCheckFailed')) throw error;
    return reasons.map(({ Code, Item: item }) => ({
      refused: Code === 'ConditionalCheckFailed',
      item,
    }));
  }
}

/** One op needs no transaction: half the price. */
async function sendSingle(
  attempt: Attempt,
  op: Op,
  item: TransactWriteItem,
): Promise<readonly Reason[] | undefined> {
  let isAmbiguous = false;
  for (let tries = 0; ; tries++) {
    attempt.check();
    try {
      await attempt.sendOnce(
        (item.Update ? new UpdateItemCommand(item.Update as never) : toDelete(item)) as never,
      );
      return undefined;
    } catch (error) {
      if ((error as AwsError).name === 'ConditionalCheckFailedException') {
        const found = (error as AwsError).Item as Item | undefined;
        // An earlier try may have done it and its answer been lost.
        if (isAmbiguous && isDone(op, found)) return undefined;
        return [{ refused: true, item: found }];
      }
      if (!mayPass(error)) throw error;
      isAmbiguous = true;
      await attempt.pause(tries);
    }
  }
}

const toDelete = ({ Delete }: TransactWriteItem): DeleteItemCommand =>
  new DeleteItemCommand(Delete as never);

/** Whether the item is as the op leaves it. */
function isDone(op: Op, item: Item | undefined): boolean {
  if (op.op === 'claim') return (item?.['c']?.S ?? null) === op.claim;
  const row = looseOf(op, item);
  if (op.op === 'delete') return row === undefined;
  return (
    op.op === 'put' &&
    row !== undefined &&
    row.nonce === op.nonce &&
    Buffer.compare(row.value, op.value) === 0
  );
}

function toItem(ports: DynamoPorts, op: Op, form: Form): TransactWriteItem {
  const condition = conditionText(op.if);
  const target = {
    TableName: ports.table,
    Key: itemKey(op),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
  const under = (own: string, values: Item = {}) => {
    const text = [condition.text, own].filter((part) => part !== '').join(' AND ');
    const all = { ...condition.values, ...values };
    return {
      ...target,
      ...(text !== '' && { ConditionExpression: text }),
      ...(Object.keys(all).length > 0 && { ExpressionAttributeValues: all }),
    };
  };
  const update = (own: string, { update: UpdateExpression, values }: Written) =>
    ({ Update: { ...under(own, values), UpdateExpression } }) as TransactWriteItem;
  if (op.op === 'check') return { ConditionCheck: under('') as never };
  if (op.op === 'put') return update('', looseUpdate(op));
  if (op.op === 'delete') {
    return form === 'alone'
      ? { Delete: under(NO_OTHER_CELL) }
      : update('(attribute_exists(v) OR attribute_exists(c))', {
          update: 'REMOVE l, n, e',
          values: {},
        });
  }
  return claimItem(ports, op, form, { under, update });
}

/** A claim's expiry counts only while the row holds no value: a coin must not expire. */
function claimItem(
  { clock }: DynamoPorts,
  op: Op & { op: 'claim' },
  form: Form,
  make: {
    under: (own: string) => object;
    update: (own: string, written: Written) => TransactWriteItem;
  },
): TransactWriteItem {
  if (op.claim === null) {
    return form === 'alone'
      ? { Delete: make.under('attribute_not_exists(v) AND attribute_not_exists(l)') as never }
      : make.update('(attribute_exists(v) OR attribute_exists(l))', {
          update: 'REMOVE c',
          values: {},
        });
  }
  const values: Item = { ':c': { S: op.claim } };
  if (op.expiresAt === undefined) return make.update('', { update: 'SET c = :c', values });
  if (form === 'shared') {
    return make.update('attribute_exists(d)', { update: 'SET c = :c', values });
  }
  // The item of a deleted row must not go sooner than it would: late writers meet it (rows.ts).
  const isDeleted = form === 'deleted';
  const least = isDeleted ? Math.floor(clock.nowMs() / 1000) + TOMBSTONE_SECONDS_MAX : 0;
  const x = { N: String(Math.max(op.expiresAt, least)) };
  return make.update(
    isDeleted ? 'attribute_exists(v) AND attribute_not_exists(d)' : 'attribute_not_exists(v)',
    { update: 'SET c = :c, x = :x', values: { ...values, ':x': x } },
  );
}

/** Replaces the whole loose cell. */
export function looseUpdate(row: {
  readonly value: Uint8Array;
  readonly nonce?: string;
  readonly expiresAt?: number;
}): Written {
  const set = ['l = :l'];
  const remove: string[] = [];
  const values: Item = { ':l': { B: row.value } };
  if (row.nonce === undefined) remove.push('n');
  else {
    set.push('n = :n');
    values[':n'] = { S: row.nonce };
  }
  if (row.expiresAt === undefined) remove.push('e', 'x');
  else {
    set.push('e = :e', 'x = :e');
    values[':e'] = { N: String(row.expiresAt) };
  }
  const removal = remove.length === 0 ? '' : ` REMOVE ${remove.join(', ')}`;
  return { update: `SET ${set.join(', ')}${removal}`, values };
}
