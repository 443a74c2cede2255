/** Signs digests with keys that it never gives away; asynchronous because a KMS may do it. */
export interface Signer {
  /** Compressed public key (33 bytes) of a P2PKH address it holds, else undefined. */
  publicKey(address: string): Promise<Uint8Array | undefined>;
  /** 64 bytes r||s, low S, over a 32-byte digest. */
  sign(address: string, digest: Uint8Array): Promise<Uint8Array>;
}
