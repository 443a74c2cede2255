/**
 * What every store adapter refuses because DynamoDB would (docs/storage.md): so a program that works
 * on a laptop's files works on a table too. Owns the numbers and the checks; each check throws
 * Fault `store-limit` before anything is written.
 */
import { Fault } from '../faults.ts';
import type { Commit, LooseRow, Op, RangeOptions, RowKey } from '../ports/store.ts';

/** Bytes of a partition key and a sort key (DynamoDB: 1 to 2,048 and 1 to 1,024). */
export const PARTITION_KEY_BYTES_MAX = 2048;
export const SORT_KEY_BYTES_MAX = 1024;
/** Bytes of a value: an item of at most 400 KB holds the new one and the one before. */
export const VALUE_BYTES_MAX = 180 * 1024;
/** Bytes of a head value and of a log entry. */
export const HEAD_BYTES_MAX = 4096;
/** Characters of a nonce and of a claim. */
export const MARK_CHARS_MAX = 256;
/** Ops of one transaction and their bytes. */
export const TRANSACT_OPS_MAX = 100;
export const TRANSACT_BYTES_MAX = 4 * 1024 * 1024;
/** Loose rows that one commit removes: with 48 KB each they are below a transaction's 4 MB. */
export const REMOVES_MAX = 60;
/** Rows of one page. */
export const PAGE_ROWS_DEFAULT = 1000;
export const PAGE_ROWS_MAX = 10_000;
/** A snapshot is whole for so long (the clean-up of old versions relies on it). */
export const SNAPSHOT_SECONDS_MAX = 15 * 60;
/** A claim on a row that left the chain is kept so long. */
export const ORPHAN_CLAIM_SECONDS = 24 * 3600;

/** What an item costs besides keys and values, roughly as DynamoDB counts it. */
const ITEM_OVERHEAD_BYTES = 100;
const PRINTABLE = /^[\x21-\x7e]+$/;

const refuse = (message: string): never => {
  throw new Fault('store-limit', message);
};

function checkKeyPart(name: string, text: string, bytesMax: number): void {
  if (text.length === 0) refuse(`an empty ${name}`);
  if (text.length > bytesMax) refuse(`a ${name} of ${text.length} bytes, at most ${bytesMax}`);
  if (!PRINTABLE.test(text)) refuse(`a ${name} that is not printable ASCII`);
}

export function checkPartition(pk: string): void {
  checkKeyPart('partition key', pk, PARTITION_KEY_BYTES_MAX);
}

export function checkKey({ pk, sk }: RowKey): void {
  const isLong = pk.length > PARTITION_KEY_BYTES_MAX || sk.length > SORT_KEY_BYTES_MAX;
  // One look at both: what costs is making one string of the pieces that a key is put together from.
  if (pk.length > 0 && sk.length > 0 && !isLong && PRINTABLE.test(pk + sk)) return;
  checkPartition(pk);
  checkKeyPart('sort key', sk, SORT_KEY_BYTES_MAX);
}

export function checkKeys(keys: readonly RowKey[]): void {
  for (const key of keys) checkKey(key);
}

export function checkValue(value: Uint8Array): void {
  if (value.length > VALUE_BYTES_MAX) {
    refuse(`a value of ${value.length} bytes, at most ${VALUE_BYTES_MAX}`);
  }
}

function checkMark(name: string, text: string | null | undefined): void {
  if (text === null || text === undefined) return;
  if (text.length === 0 || text.length > MARK_CHARS_MAX || !PRINTABLE.test(text)) {
    refuse(`a ${name} that is not 1 to ${MARK_CHARS_MAX} printable ASCII characters`);
  }
}

function checkExpiry(expiresAt: number | undefined): void {
  if (expiresAt === undefined) return;
  if (!Number.isSafeInteger(expiresAt) || expiresAt < 1) refuse('an expiry that is no Unix time');
}

export function checkLooseRow(row: LooseRow): void {
  checkKey(row);
  checkValue(row.value);
  checkMark('nonce', row.nonce);
  checkExpiry(row.expiresAt);
}

export function checkCommit(expectedVersion: number, commit: Commit): void {
  if (!Number.isSafeInteger(expectedVersion) || expectedVersion < 0) {
    refuse('an expected version that is no whole number');
  }
  if (commit.head.length > HEAD_BYTES_MAX) refuse(`a head of more than ${HEAD_BYTES_MAX} bytes`);
  if (commit.log.length > HEAD_BYTES_MAX) refuse(`a log entry above ${HEAD_BYTES_MAX} bytes`);
  for (const change of commit.changes) {
    checkKey(change);
    if (change.value !== undefined) checkValue(change.value);
  }
  checkRemoves(commit);
}

function checkRemoves({ changes, removes = [] }: Commit): void {
  checkKeys(removes);
  if (removes.length > REMOVES_MAX) {
    refuse(`a commit that removes ${removes.length} rows, at most ${REMOVES_MAX}`);
  }
  if (removes.length > 0 && changes.length > 0)
    refuse('a commit that both removes and changes rows');
  if (new Set(removes.map(({ pk, sk }) => `${pk} ${sk}`)).size < removes.length) {
    refuse('a commit that removes one row twice');
  }
}

function opBytes(op: Op): number {
  const fixed = op.pk.length + op.sk.length + ITEM_OVERHEAD_BYTES;
  if (op.op === 'put') return fixed + op.value.length + (op.nonce?.length ?? 0);
  return op.op === 'claim' ? fixed + (op.claim?.length ?? 0) : fixed;
}

function checkOp(op: Op): void {
  checkKey(op);
  checkMark('nonce', op.if?.nonce);
  checkMark('claim', op.if?.claim);
  if (op.op === 'put') checkLooseRow(op);
  if (op.op === 'claim') {
    checkMark('claim', op.claim);
    checkExpiry(op.expiresAt);
  }
  if (op.op === 'check' && Object.keys(op.if).length === 0) refuse('a check without a condition');
}

export function checkOps(ops: readonly Op[]): void {
  if (ops.length > TRANSACT_OPS_MAX) {
    refuse(`a transaction of ${ops.length} operations, at most ${TRANSACT_OPS_MAX}`);
  }
  const seen = new Set<string>();
  let bytes = 0;
  for (const op of ops) {
    checkOp(op);
    const key = `${op.pk} ${op.sk}`;
    if (seen.has(key)) refuse('a transaction with two operations on one key');
    seen.add(key);
    bytes += opBytes(op);
  }
  if (bytes > TRANSACT_BYTES_MAX) {
    refuse(`a transaction of ${bytes} bytes, at most ${TRANSACT_BYTES_MAX}`);
  }
}

/** Checks a range and answers its page size. */
export function checkRange(pk: string, options: RangeOptions = {}): number {
  checkPartition(pk);
  const { prefix, after, limit = PAGE_ROWS_DEFAULT } = options;
  if (prefix !== undefined && prefix !== '') {
    checkKeyPart('sort key prefix', prefix, SORT_KEY_BYTES_MAX);
  }
  if (after !== undefined) checkKeyPart('sort key', after, SORT_KEY_BYTES_MAX);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > PAGE_ROWS_MAX) {
    refuse(`a page of ${limit} rows, 1 to ${PAGE_ROWS_MAX}`);
  }
  return limit;
}
