/** Base58 without a checksum, by scure. Never throws for a text from outside. */
import { base58 } from '@scure/base';

/** Decoding takes time by the square of the length. Extended keys, the longest that matter, have 112. */
const TEXT_CHARS_MAX = 512;

export const encodeBase58 = (bytes: Uint8Array): string => base58.encode(bytes);

/** Undefined for other characters (a space too), and for more than 512 of them. */
export function decodeBase58(text: string): Uint8Array | undefined {
  if (text.length > TEXT_CHARS_MAX) return undefined;
  try {
    return base58.decode(text);
  } catch {
    return undefined;
  }
}
