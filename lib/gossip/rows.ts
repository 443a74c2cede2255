/**
 * Gossip's state as loose rows: JSON values, changed by compare-and-swap on a nonce, since several
 * processes may serve one node. Owns keys and the swap; what the rows mean is their users' affair.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { toHex } from '../codec/hex.ts';
import { Fault } from '../faults.ts';
import type { Random } from '../ports/random.ts';
import type { LooseRow, RangeOptions, RowKey, Store } from '../ports/store.ts';
import { LIMITS } from './limits.ts';

/** Partitions. All of gossip's begin with `G#`. */
export const ROWS = {
  peers: 'G#peer',
  sessions: 'G#session',
  scores: 'G#score',
  buckets: 'G#bucket',
  leases: 'G#lease',
  asks: 'G#ask',
  refused: 'G#refused',
  walks: 'G#walk',
  /** node/miner-words.ts. */
  miners: 'G#miner',
  /** Single rows: `id`, `announced`, `retold`, `sync`, `stall`; and `mine`, node/mining-lease.ts. */
  self: 'G#self',
} as const;

const ID_DIGITS = 20;
const NONCE_BYTES = 8;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A short name for any text: safe as sort key and in a URL, and it gives the text away to nobody. */
export const idOf = (text: string): string =>
  toHex(sha256(encoder.encode(text))).slice(0, ID_DIGITS);

export const encodeJson = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value));
/** Our own bytes: what does not parse is damage. */
export function decodeJson<T>(row: LooseRow): T {
  try {
    return JSON.parse(decoder.decode(row.value)) as T;
  } catch (cause) {
    throw new Fault('store-damaged', `the row ${row.pk} ${row.sk} is no JSON`, { cause });
  }
}

export interface RowTools {
  readonly store: Store;
  readonly random: Random;
  /** Unix seconds. */
  now(): number;
}

export interface Written<T> {
  readonly value: T;
  /** Unix seconds; the row counts as absent from then on. */
  readonly expiresAt?: number;
}

const isAlive = (row: LooseRow | undefined, now: number): row is LooseRow =>
  row !== undefined && (row.expiresAt === undefined || row.expiresAt > now);

export async function readRows<T>(
  tools: RowTools,
  keys: readonly RowKey[],
): Promise<(T | undefined)[]> {
  const rows = await tools.store.read(keys);
  return rows.map((row) => (isAlive(row, tools.now()) ? decodeJson<T>(row) : undefined));
}

export const readOne = async <T>(tools: RowTools, key: RowKey): Promise<T | undefined> =>
  (await readRows<T>(tools, [key]))[0];

export async function listRows<T>(
  tools: RowTools,
  pk: string,
  options: RangeOptions,
): Promise<T[]> {
  const rows = await tools.store.list(pk, options);
  return rows.filter((row) => isAlive(row, tools.now())).map((row) => decodeJson<T>(row));
}

export const newNonce = (random: Random): string => toHex(random.bytes(NONCE_BYTES));

/**
 * Replaces a row by what `change` makes of it (undefined: leaves it as it is) and answers what is
 * there now. `change` may run several times. Throws Fault `store-io` if others always win.
 */
export async function updateRow<T>(
  tools: RowTools,
  key: RowKey,
  change: (now: T | undefined) => Written<T> | undefined,
): Promise<T | undefined> {
  for (let attempt = 0; attempt < LIMITS.rowTriesMax; attempt++) {
    const [row] = await tools.store.read([key]);
    const current = isAlive(row, tools.now()) ? decodeJson<T>(row) : undefined;
    const next = change(current);
    if (next === undefined) return current;
    const { expiresAt } = next;
    const result = await tools.store.transact([
      {
        op: 'put',
        ...key,
        value: encodeJson(next.value),
        nonce: newNonce(tools.random),
        ...(expiresAt === undefined ? {} : { expiresAt }),
        // A row without a nonce was put by nobody here; it is replaced only if it is none.
        if: row?.nonce === undefined ? { row: 'absent' } : { nonce: row.nonce },
      },
    ]);
    if (result.ok) return next.value;
  }
  throw new Fault('store-io', `the row ${key.pk} ${key.sk} changes all the time`);
}
