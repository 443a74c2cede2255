/** The three hashes of Bitcoin. Bytes in, bytes out; display order is the codec's. */
import { ripemd160 } from '@noble/hashes/legacy.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';

export const sha256 = (bytes: Uint8Array): Uint8Array => nobleSha256(bytes);
/** SHA-256 twice: ids of blocks and transactions, what is signed. */
export const hash256 = (bytes: Uint8Array): Uint8Array => nobleSha256(nobleSha256(bytes));
/** RIPEMD-160 of SHA-256: what an address names. */
export const hash160 = (bytes: Uint8Array): Uint8Array => ripemd160(nobleSha256(bytes));
/** A SHA-256 under way: of what came so far, a copy may go on by itself. */
export type Sha256 = ReturnType<typeof startSha256>;
export const startSha256 = () => nobleSha256.create();
