/**
 * The mempool's rows (docs/storage.md): keys, and the bytes of values. All are loose rows; claims on
 * coin rows are the third cell of the chain's. Owns no rule and no write.
 *
 *   M#<first hex digit> / <txid>   a transaction, nonce: random per admission
 *   E#<day> / <ms><txid>           feed: it entered or left
 *   MQ / floor                     fee rate that the last eviction left behind
 *   MO / <txid>                    orphan; MO#<parent> / <txid>: who waits for a parent
 *   A#<scripthash> / m#<txid>      hint: the transaction touches this script
 */
import { decodeTx, fromDisplay, toDisplay } from '../codec/index.ts';
import { Fault } from '../faults.ts';
import type { LooseRow, RowKey } from '../ports/store.ts';
import { decodeText, encodeText } from '../store/layout.ts';
import { RowReader, RowWriter } from '../store/row-bytes.ts';
import type { Sats, ScriptHash, Tx, Txid } from '../types.ts';

/** First byte of a transaction row. */
const ROW_SCHEMA = 1;
const MS_PER_DAY = 86_400_000;
const MS_DIGITS = 13;
const TXID_CHARS = 64;
const HASH_BYTES = 32;
const HEX_DIGITS = '0123456789abcdef';

export const TX_PARTITIONS: readonly string[] = Array.from(HEX_DIGITS, (digit) => `M#${digit}`);
export const poolKey = (txid: Txid): RowKey => ({ pk: `M#${txid.slice(0, 1)}`, sk: txid });
export const FLOOR_KEY: RowKey = { pk: 'MQ', sk: 'floor' };
/** How far the chain's log was worked through: see reconcile. */
export const RECONCILED_KEY: RowKey = { pk: 'MQ', sk: 'reconciled' };
export const ORPHANS = 'MO';
export const orphanKey = (txid: Txid): RowKey => ({ pk: ORPHANS, sk: txid });
export const orphanBodyKey = (txid: Txid): RowKey => ({ pk: `MO@${txid}`, sk: '-' });
export const waitingPartition = (parent: Txid): string => `MO#${parent}`;
export const waitingKey = (parent: Txid, txid: Txid): RowKey => ({
  pk: waitingPartition(parent),
  sk: txid,
});
export const HINT_PREFIX = 'm#';
export const scriptPartition = (script: ScriptHash | string): string => `A#${script}`;
export const hintKey = (script: ScriptHash, txid: Txid): RowKey => ({
  pk: scriptPartition(script),
  sk: `${HINT_PREFIX}${txid}`,
});

/* Transactions */

/** A transaction row, decoded. It says nothing of whether its inputs are still there. */
export interface StoredTx {
  readonly tx: Tx;
  readonly txid: Txid;
  readonly feeSats: Sats;
  readonly bytes: number;
  readonly addedMs: number;
  readonly nonce: string;
  /** Unix milliseconds: its claims are still being made, and count for nothing from then on. */
  readonly pendingUntil?: number;
}

export function encodeStored(entry: StoredTx): Uint8Array {
  const head = new RowWriter()
    .u8(ROW_SCHEMA)
    .u53(entry.addedMs)
    .u53(entry.feeSats)
    .u53(entry.pendingUntil ?? 0)
    .done();
  const value = new Uint8Array(head.length + entry.bytes);
  value.set(head);
  value.set(entry.tx.raw, head.length);
  return value;
}

export function decodeStored(row: LooseRow): StoredTx {
  const from = new RowReader(row.value);
  if (from.u8() > ROW_SCHEMA) {
    throw new Fault('store-newer', 'the mempool was written by a newer program');
  }
  const addedMs = from.u53();
  const feeSats = from.u53() as Sats;
  const pendingUntil = from.u53();
  const tx = decodeTx(from.rest());
  if (!tx.ok || row.nonce === undefined || tx.value.txid !== row.sk) {
    throw new Fault('store-damaged', `the mempool row ${row.sk} does not decode`);
  }
  return {
    tx: tx.value,
    txid: tx.value.txid,
    feeSats,
    bytes: tx.value.raw.length,
    addedMs,
    nonce: row.nonce,
    ...(pendingUntil > 0 && { pendingUntil }),
  };
}

/* Feed */

export interface FeedItem {
  readonly txid: Txid;
  readonly entered: boolean;
  /** Of the row that came or went. */
  readonly nonce: string;
  /** Why it left: `confirmed`, `conflict`, `replaced`, `evicted`, `expired`, or '' */
  readonly reason: string;
}

const dayOf = (ms: number): number => Math.floor(ms / MS_PER_DAY);
/** A day a partition: its newest rows are one read, wherever a cursor stands it is one or two. */
export const feedPartition = (ms: number): string => `E#${dayOf(ms)}`;
/** Partitions from the one of `fromMs` to the one of `toMs`, in order. */
export const feedPartitions = (fromMs: number, toMs: number): string[] =>
  Array.from(
    { length: Math.max(0, dayOf(toMs) - dayOf(fromMs) + 1) },
    (_, i) => `E#${dayOf(fromMs) + i}`,
  );
/** Where in the feed a time begins. */
export const feedStamp = (ms: number): string => String(ms).padStart(MS_DIGITS, '0');
export const feedKey = (ms: number, txid: Txid): RowKey => ({
  pk: feedPartition(ms),
  sk: `${feedStamp(ms)}${txid}`,
});
/** The time in a feed's sort key or cursor; undefined: it is none. */
export const feedTime = (cursor: string): number | undefined =>
  /^\d{13}([0-9a-f]{64})?$/.test(cursor) ? Number(cursor.slice(0, MS_DIGITS)) : undefined;

export const encodeFeed = (item: FeedItem): Uint8Array =>
  encodeText([item.entered ? 'enter' : 'leave', item.nonce, item.reason].join(' ').trim());

export function decodeFeed(row: LooseRow): FeedItem {
  const [kind, nonce = '', reason = ''] = decodeText(row.value).split(' ');
  const txid = row.sk.slice(MS_DIGITS) as Txid;
  if (txid.length !== TXID_CHARS) throw new Fault('store-damaged', 'a mempool feed row is damaged');
  return { txid, entered: kind === 'enter', nonce, reason };
}

/* Floor */

/** The least fee rate that an eviction left, and when. Sats per 1,000 bytes, milliseconds. */
export interface Floor {
  readonly rate: number;
  readonly atMs: number;
}

export const NO_FLOOR: Floor = { rate: 0, atMs: 0 };
export const encodeFloor = ({ rate, atMs }: Floor): Uint8Array =>
  new RowWriter().u53(rate).u53(atMs).done();
export function decodeFloor(row: LooseRow | undefined): Floor {
  if (row === undefined) return NO_FLOOR;
  const from = new RowReader(row.value);
  return { rate: from.u53(), atMs: from.u53() };
}

/* Orphans */

export interface OrphanRow {
  readonly receivedMs: number;
  readonly missing: readonly Txid[];
}

export function encodeOrphan({ receivedMs, missing }: OrphanRow): Uint8Array {
  const to = new RowWriter().u53(receivedMs);
  for (const txid of missing) to.bytes(fromDisplay(txid));
  return to.done();
}

export function decodeOrphan(value: Uint8Array): OrphanRow {
  const from = new RowReader(value);
  const receivedMs = from.u53();
  const missing: Txid[] = [];
  while (from.left > 0) missing.push(toDisplay(from.bytes(HASH_BYTES)) as string as Txid);
  return { receivedMs, missing };
}
