/**
 * Block headers, 80 bytes:
 *
 *   version i32 | previous hash 32 | Merkle root 32 | time u32 | bits u32 | nonce u32
 */
import { hash256 } from '../crypto/hash.ts';
import type { BlockHash, BlockHeader, Hash, Verdict } from '../types.ts';
import { fromDisplay, toDisplay } from './hex.ts';
import { ByteReader } from './reader.ts';
import { decoded } from './verdict.ts';
import { ByteWriter } from './writer.ts';

export const HEADER_BYTES = 80;
export type HeaderFields = Omit<BlockHeader, 'raw' | 'hash'>;

/** Hash of an 80-byte header. */
export const headerHash = (raw: Uint8Array): BlockHash =>
  toDisplay(hash256(raw)) as string as BlockHash;

/** Throws DecodeError. */
export function readHeader(from: ByteReader): BlockHeader {
  const raw = from.take(HEADER_BYTES);
  const fields = new ByteReader(raw);
  return {
    version: fields.i32(),
    prevHash: toDisplay(fields.hash()) as string as BlockHash,
    merkleRoot: toDisplay(fields.hash()) as Hash,
    time: fields.u32(),
    bits: fields.u32(),
    nonce: fields.u32(),
    raw,
    hash: headerHash(raw),
  };
}

/** Rejects: `header-decode-failed`, `stack-trailing-bytes`. */
export function decodeHeader(raw: Uint8Array): Verdict<BlockHeader> {
  return decoded('header-decode-failed', () => {
    const from = new ByteReader(raw);
    const header = readHeader(from);
    from.end();
    return header;
  });
}

export const encodeHeader = (fields: HeaderFields): Uint8Array =>
  new ByteWriter(HEADER_BYTES)
    .u32(fields.version)
    .bytes(fromDisplay(fields.prevHash))
    .bytes(fromDisplay(fields.merkleRoot))
    .u32(fields.time)
    .u32(fields.bits)
    .u32(fields.nonce)
    .done();

export function makeHeader(fields: HeaderFields): BlockHeader {
  const { version, prevHash, merkleRoot, time, bits, nonce } = fields;
  const raw = encodeHeader(fields);
  return { version, prevHash, merkleRoot, time, bits, nonce, raw, hash: headerHash(raw) };
}
