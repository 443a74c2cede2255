/**
 * What a keystore remembers, as one value, and the ways it may change. Owns the record's form; keeps
 * nothing and seals nothing.
 *
 *   { "format": 1, "addressVersion": 0, "phrase": "...", "next": 2,
 *     "keys": [ ["1Abc...", 0], ["1Def...", 1], ["1Ghi...", "<64 hex>"] ] }
 *
 * A number is the last step of m/44'/1'/0'/0/i, hex is an imported key; oldest first.
 */
import { encodeAddress, fromHex, isPrivateKey, toHex } from '../codec/index.ts';
import { publicKey } from '../crypto/ecdsa.ts';
import { hash160 } from '../crypto/hash.ts';

const FORMAT = 1;
const INDEX_LIMIT = 2 ** 31;

export interface KeyEntry {
  readonly address: string;
  /** Index of the phrase's address, or 32 bytes that were imported. */
  readonly secret: number | Uint8Array;
}

export interface KeyRing {
  readonly addressVersion: number;
  readonly phrase?: string;
  /** Index of the next new address. */
  readonly next: number;
  /** By address; oldest first. */
  readonly keys: ReadonlyMap<string, KeyEntry>;
}

/** Private key of an index, of this ring's phrase. */
export type Branch = (index: number) => Uint8Array;

export const emptyRing = (addressVersion: number): KeyRing => ({
  addressVersion,
  next: 0,
  keys: new Map(),
});

export const addressOfKey = (key: Uint8Array, addressVersion: number): string =>
  encodeAddress(hash160(publicKey(key)), addressVersion);

const withEntry = (ring: KeyRing, entry: KeyEntry): ReadonlyMap<string, KeyEntry> =>
  new Map([...ring.keys, [entry.address, entry]]);

/** The next address that the ring does not hold yet: an imported key may have been one of them. */
export function addNext(
  ring: KeyRing,
  branch: Branch,
): { readonly ring: KeyRing; readonly address: string; readonly index: number } {
  for (let index = ring.next; index < INDEX_LIMIT; index++) {
    const address = addressOfKey(branch(index), ring.addressVersion);
    if (ring.keys.has(address)) continue;
    const keys = withEntry(ring, { address, secret: index });
    return { ring: { ...ring, keys, next: index + 1 }, address, index };
  }
  throw new Error('assertion failed: a wallet with 2^31 addresses');
}

/** The phrase's first `count` addresses, by index; those that are missing are added. */
export function addFirst(
  ring: KeyRing,
  branch: Branch,
  count: number,
): { readonly ring: KeyRing; readonly addresses: readonly string[] } {
  const keys = new Map(ring.keys);
  const addresses: string[] = [];
  for (let index = 0; index < count; index++) {
    const address = addressOfKey(branch(index), ring.addressVersion);
    if (!keys.has(address)) keys.set(address, { address, secret: index });
    addresses.push(address);
  }
  return { ring: { ...ring, keys, next: Math.max(ring.next, count) }, addresses };
}

/** The same ring if the key is in it. */
export function addImported(
  ring: KeyRing,
  key: Uint8Array,
): { readonly ring: KeyRing; readonly address: string } {
  const address = addressOfKey(key, ring.addressVersion);
  if (ring.keys.has(address)) return { ring, address };
  return { ring: { ...ring, keys: withEntry(ring, { address, secret: key }) }, address };
}

export function encodeRing(ring: KeyRing): Uint8Array {
  const { addressVersion, phrase, next } = ring;
  const keys = [...ring.keys.values()].map(({ address, secret }) => [
    address,
    typeof secret === 'number' ? secret : toHex(secret),
  ]);
  return new TextEncoder().encode(
    JSON.stringify({ format: FORMAT, addressVersion, phrase, next, keys }),
  );
}

/** `newer`: written by a later release. Undefined: not a ring. */
export function decodeRing(bytes: Uint8Array): KeyRing | 'newer' | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { format, addressVersion, phrase, next, keys } = value as Record<string, unknown>;
  if (typeof format === 'number' && format > FORMAT) return 'newer';
  if (format !== FORMAT || !isByte(addressVersion) || !isIndex(next)) return undefined;
  if (phrase !== undefined && typeof phrase !== 'string') return undefined;
  const entries = decodeEntries(keys);
  if (entries === undefined) return undefined;
  return { addressVersion, next, keys: entries, ...(phrase !== undefined && { phrase }) };
}

const isByte = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255;
const isIndex = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= INDEX_LIMIT;

function decodeEntries(keys: unknown): ReadonlyMap<string, KeyEntry> | undefined {
  if (!Array.isArray(keys)) return undefined;
  const entries = new Map<string, KeyEntry>();
  for (const key of keys as unknown[]) {
    if (!Array.isArray(key) || key.length !== 2) return undefined;
    const [address, kept] = key as unknown[];
    const secret = typeof kept === 'string' ? fromHex(kept) : kept;
    if (typeof address !== 'string' || entries.has(address)) return undefined;
    if (secret instanceof Uint8Array ? !isPrivateKey(secret) : !isIndex(secret)) return undefined;
    entries.set(address, { address, secret: secret as number | Uint8Array });
  }
  return entries;
}
