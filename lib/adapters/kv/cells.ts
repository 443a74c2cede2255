/**
 * How the cells of a row lie in a sorted map: one region a kind of cell, told by the first
 * character, the keys within it `partition NUL sort`. Owns these bytes and nothing else.
 *
 *   !format                       the marker: which program's data this is, and its format
 *   !head                         version (6 bytes), head value
 *   c<partition>\0<sort>          chain cell: version (6 bytes), value
 *   k<partition>\0<sort>          claim cell: expiry (8 bytes, 0: none), claim
 *   l<partition>\0<sort>          loose cell: expiry (8 bytes), nonce's length (2 bytes), nonce, value
 *   x<expiry, 16 digits>\0<cell>  index of what expires; the value names the claim it is about
 *
 * Numbers are big-endian. Keys hold 21..7e only, so NUL ends them without changing their order.
 */
import type { LooseRow, RowKey } from '../../ports/store.ts';
import type { KvRange, KvWrite } from './kv.ts';

export const FORMAT_KEY = '!format';
export const HEAD_KEY = '!head';
export const CHAIN = 'c';
export const CLAIM = 'k';
export const LOOSE = 'l';
const EXPIRY = 'x';
export const CLAIM_REGION = { from: 'k', to: 'l' } as const;

/** Bytes before the value in a chain cell and in the head. */
export const VERSION_BYTES = 6;
const TIME_BYTES = 8;
const EXPIRY_DIGITS = 16;
/** Sorts after every character of a key. */
const LAST = '\x7f';

export const chainKey = (key: RowKey): string => `c${key.pk}\0${key.sk}`;
export const claimKey = (key: RowKey): string => `k${key.pk}\0${key.sk}`;
export const looseKey = (key: RowKey): string => `l${key.pk}\0${key.sk}`;

/** The sort key of a cell of this partition. */
export const sortKeyOf = (cell: string, pk: string): string => cell.slice(pk.length + 2);

export function partitionRange(
  region: string,
  pk: string,
  options: { prefix?: string; after?: string; reverse?: boolean; limit: number },
): KvRange {
  const { prefix = '', after, reverse = false, limit } = options;
  const base = `${region}${pk}\0`;
  let from = base + prefix;
  let to = base + prefix + LAST;
  if (after !== undefined && reverse && base + after < to) to = base + after;
  if (after !== undefined && !reverse && `${base}${after}\0` > from) from = `${base}${after}\0`;
  return { from, to, reverse, limit };
}

function writeVersion(to: Uint8Array, at: number, version: number): void {
  let rest = version;
  for (let i = VERSION_BYTES - 1; i >= 0; i--) {
    to[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

export function readVersion(cell: Uint8Array): number {
  let version = 0;
  for (let i = 0; i < VERSION_BYTES; i++) version = version * 256 + (cell[i] ?? 0);
  return version;
}

/** Not a Buffer, whose methods differ, but the same bytes. */
export const valueAfter = (cell: Uint8Array, count: number): Uint8Array =>
  new Uint8Array(cell.buffer, cell.byteOffset + count, cell.length - count);

/** Writes version and value of many cells into one allocation. */
export class VersionedCells {
  readonly #slab: Uint8Array;
  readonly #version: number;
  #used = 0;

  constructor(version: number, values: Iterable<Uint8Array | undefined>) {
    let size = 0;
    for (const value of values) if (value !== undefined) size += value.length + VERSION_BYTES;
    this.#slab = new Uint8Array(size);
    this.#version = version;
  }

  add(value: Uint8Array): Uint8Array {
    const start = this.#used;
    this.#used += value.length + VERSION_BYTES;
    writeVersion(this.#slab, start, this.#version);
    this.#slab.set(value, start + VERSION_BYTES);
    return this.#slab.subarray(start, this.#used);
  }
}

function startWithTime(size: number, expiresAt: number | undefined): Uint8Array {
  const cell = new Uint8Array(TIME_BYTES + size);
  new DataView(cell.buffer).setBigUint64(0, BigInt(expiresAt ?? 0));
  return cell;
}

function readTime(cell: Uint8Array): number {
  return Number(new DataView(cell.buffer, cell.byteOffset, TIME_BYTES).getBigUint64(0));
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

export interface ClaimCell {
  readonly claim: string;
  /** Unix seconds, 0: none. */
  readonly expiresAt: number;
}

export function encodeClaim(claim: string, expiresAt?: number): Uint8Array {
  const cell = startWithTime(claim.length, expiresAt);
  cell.set(asciiBytes(claim), TIME_BYTES);
  return cell;
}

export function decodeClaim(cell: Uint8Array): ClaimCell {
  return { claim: ascii(cell.subarray(TIME_BYTES)), expiresAt: readTime(cell) };
}

export function encodeLoose(row: Omit<LooseRow, 'pk' | 'sk'>): Uint8Array {
  const nonce = asciiBytes(row.nonce ?? '');
  const valueAt = TIME_BYTES + 2 + nonce.length;
  const cell = startWithTime(2 + nonce.length + row.value.length, row.expiresAt);
  new DataView(cell.buffer).setUint16(TIME_BYTES, nonce.length);
  cell.set(nonce, TIME_BYTES + 2);
  cell.set(row.value, valueAt);
  return cell;
}

export function decodeLoose(key: RowKey, cell: Uint8Array): LooseRow {
  const view = new DataView(cell.buffer, cell.byteOffset, cell.length);
  const valueAt = TIME_BYTES + 2 + view.getUint16(TIME_BYTES);
  const expiresAt = readTime(cell);
  const nonce = ascii(cell.subarray(TIME_BYTES + 2, valueAt));
  return {
    pk: key.pk,
    sk: key.sk,
    value: valueAfter(cell, valueAt),
    ...(nonce !== '' && { nonce }),
    ...(expiresAt !== 0 && { expiresAt }),
  };
}

export const expiryKey = (expiresAt: number, cell: string): string =>
  `${EXPIRY}${String(expiresAt).padStart(EXPIRY_DIGITS, '0')}\0${cell}`;

/** All index entries of times before `now`. */
export const expiredRange = (now: number, limit: number): KvRange => ({
  from: EXPIRY,
  to: expiryKey(now, ''),
  limit,
});

export const expiryOf = (key: string): { expiresAt: number; cell: string } => ({
  expiresAt: Number(key.slice(1, 1 + EXPIRY_DIGITS)),
  cell: key.slice(2 + EXPIRY_DIGITS),
});

/** Index entry that has the sweep look at a claim; time 0: its row just left the chain. */
export const claimMark = (expiresAt: number, cell: string, claim: string): KvWrite => ({
  type: 'put',
  key: expiryKey(expiresAt, cell),
  value: asciiBytes(claim),
});
export const decodeMark = ascii;
