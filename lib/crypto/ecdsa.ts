/** Keys and signing on secp256k1, by noble. Verifying is the Verifier port's. */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import * as secp from '@noble/secp256k1';

secp.hashes.sha256 = sha256;
secp.hashes.hmacSha256 = (key, message) => hmac(sha256, key, message);

/** Compressed key (33 bytes) of a private key (32 bytes, big-endian, 1 .. n - 1). */
export const publicKey = (key: Uint8Array): Uint8Array => secp.getPublicKey(key, true);

/** 64 bytes, r then s, low S, deterministic (RFC 6979), over a 32-byte digest. */
export const sign = (digest: Uint8Array, key: Uint8Array): Uint8Array =>
  secp.sign(digest, key, { prehash: false, lowS: true });
