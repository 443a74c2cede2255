/** Addresses and WIF keys: base58check (by bs58check) around a version byte. */
import bs58check from 'bs58check';
import { refuse } from '../rejects.ts';
import type { Verdict } from '../types.ts';

const HASH160_BYTES = 20;
const KEY_BYTES = 32;
const COMPRESSED_MARK = 1;
/** Longest text that may be one: base58 decoding takes time by the square of the length. */
const TEXT_CHARS_MAX = 112;
/** Order of the curve: keys lie in 1 .. n - 1. */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

export interface ParsedAddress {
  readonly version: number;
  /** 20 bytes. */
  readonly hash160: Uint8Array;
}

export interface ParsedWif {
  readonly version: number;
  /** 32 bytes, big-endian. */
  readonly key: Uint8Array;
  readonly compressed: boolean;
}

/** Payload of a base58check text, undefined when it is none. */
export function decodeBase58Check(text: string): Uint8Array | undefined {
  if (text.length > TEXT_CHARS_MAX) return undefined;
  return bs58check.decodeUnsafe(text);
}

export const encodeBase58Check = (payload: Uint8Array): string => bs58check.encode(payload);

/** `version`: one byte, e.g. 0x00 or 0x6f. */
export function encodeAddress(hash160: Uint8Array, version: number): string {
  const payload = new Uint8Array(1 + HASH160_BYTES);
  payload[0] = version;
  payload.set(hash160, 1);
  return bs58check.encode(payload);
}

/** Any version: whether it is this network's is the caller's question. Rejects: `invalid-address`. */
export function parseAddress(text: string): Verdict<ParsedAddress> {
  const payload = decodeBase58Check(text);
  if (payload?.length !== 1 + HASH160_BYTES) {
    return refuse('invalid-address', 'an address is base58check of a version and 20 bytes');
  }
  return { ok: true, value: { version: payload[0] as number, hash160: payload.slice(1) } };
}

/** A compressed key's WIF. */
export function encodeWif(key: Uint8Array, version: number): string {
  const payload = new Uint8Array(2 + KEY_BYTES);
  payload[0] = version;
  payload.set(key, 1);
  payload[1 + KEY_BYTES] = COMPRESSED_MARK;
  return bs58check.encode(payload);
}

/** Rejects: `invalid-wif`, also for a key that is 0 or not below the curve's order. */
export function parseWif(text: string): Verdict<ParsedWif> {
  const payload = decodeBase58Check(text);
  const compressed = payload?.length === 2 + KEY_BYTES;
  if (payload === undefined || !(compressed || payload.length === 1 + KEY_BYTES)) {
    return refuse('invalid-wif', 'a WIF is base58check of a version and 32 bytes');
  }
  if (compressed && payload[1 + KEY_BYTES] !== COMPRESSED_MARK) {
    return refuse('invalid-wif', 'the mark of a compressed key is 01');
  }
  const key = payload.slice(1, 1 + KEY_BYTES);
  if (!isPrivateKey(key)) return refuse('invalid-wif', 'the key is not on the curve');
  return { ok: true, value: { version: payload[0] as number, key, compressed } };
}

/** 32 bytes that lie in 1 .. n - 1. */
export function isPrivateKey(key: Uint8Array): boolean {
  let number = 0n;
  for (const byte of key) number = number * 256n + BigInt(byte);
  return key.length === KEY_BYTES && number > 0n && number < CURVE_ORDER;
}
