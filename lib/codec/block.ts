/** Blocks: header, count, transactions. */
import type { Block, BlockHeader, Tx, Verdict } from '../types.ts';
import { HEADER_BYTES, readHeader } from './header.ts';
import { ByteReader } from './reader.ts';
import { hasWitnessMarker, readTx, TX_BYTES_MIN, witnessError } from './tx.ts';
import { decoded } from './verdict.ts';
import { ByteWriter, compactSizeBytes } from './writer.ts';

/**
 * Rejects: `block-decode-failed`, `stack-trailing-bytes`, `stack-witness`. The block's parts are
 * views of the array it is given, which must not change any more.
 */
export function decodeBlock(raw: Uint8Array): Verdict<Block> {
  return decoded('block-decode-failed', () => {
    const from = new ByteReader(raw);
    const header = readHeader(from);
    const txs = new Array<Tx>(from.count(TX_BYTES_MIN));
    let isWitness = false;
    try {
      for (let i = 0; i < txs.length; i++) {
        isWitness ||= hasWitnessMarker(from.bytes, from.at);
        txs[i] = readTx(from);
      }
      from.end();
    } catch (error) {
      throw isWitness ? witnessError(error) : error;
    }
    return { header, txs, raw: from.bytes };
  });
}

export function encodeBlock(header: BlockHeader, txs: readonly Tx[]): Uint8Array {
  const bytes = txs.reduce(
    (sum, tx) => sum + tx.raw.length,
    HEADER_BYTES + compactSizeBytes(txs.length),
  );
  const to = new ByteWriter(bytes).bytes(header.raw).compactSize(txs.length);
  for (const tx of txs) to.bytes(tx.raw);
  return to.done();
}

export const makeBlock = (header: BlockHeader, txs: readonly Tx[]): Block => ({
  header,
  txs,
  raw: encodeBlock(header, txs),
});
