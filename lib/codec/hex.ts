/** Hex both ways, and the display order of hashes: Bitcoin shows their bytes reversed. */
import type { Hash } from '../types.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** Value of a character code as a hex digit, -1: none. */
const DIGITS = Int8Array.from({ length: 128 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase());
  return digit;
});
const HASH_BYTES = 32;

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i] as number];
  return text;
}

/** Undefined for what is not an even number of hex digits (either case). */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = DIGITS[text.charCodeAt(2 * i)] ?? -1;
    const low = DIGITS[text.charCodeAt(2 * i + 1)] ?? -1;
    if (high < 0 || low < 0) return undefined;
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

/** 32 bytes in wire order to 64 hex digits in display order. */
export function toDisplay(bytes: Uint8Array): Hash {
  let text = '';
  for (let i = HASH_BYTES - 1; i >= 0; i--) text += HEX[bytes[i] as number];
  return text as Hash;
}

/** 64 hex digits in display order to 32 bytes in wire order. The id was checked when it was made. */
export function fromDisplay(hash: Hash | string): Uint8Array {
  const bytes = new Uint8Array(HASH_BYTES);
  for (let i = 0; i < HASH_BYTES; i++) {
    const at = 2 * (HASH_BYTES - 1 - i);
    const high = DIGITS[hash.charCodeAt(at)] ?? 0;
    bytes[i] = high * 16 + (DIGITS[hash.charCodeAt(at + 1)] ?? 0);
  }
  return bytes;
}

/** A hash as users write it: 64 hex digits, lower case. */
export const isHash = (text: unknown): text is Hash =>
  typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);

/** Same length and bytes; not in constant time. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
