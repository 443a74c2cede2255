/** Reading one transaction out of a stored block, without the rest of it. */
import { decodeTx } from '../codec/tx.ts';
import { Fault } from '../faults.ts';
import type { RowKey, Store } from '../ports/store.ts';
import type { TxRow } from '../store/layout.ts';
import {
  BODY_HEAD_BYTES,
  blockKey,
  bodyChunkKey,
  CHUNK_BYTES,
  decodeBlockRow,
} from '../store/layout.ts';
import type { Tx } from '../types.ts';

/** The transaction, or undefined when its block's body is gone. */
export async function readTx(store: Store, place: TxRow): Promise<Tx | undefined> {
  const { blockHash, offset, bytes } = place;
  const chunkOf = (at: number): number => Math.floor((at - BODY_HEAD_BYTES) / CHUNK_BYTES);
  const first = chunkOf(offset);
  const last = chunkOf(offset + bytes - 1);
  const keys: RowKey[] = [];
  for (let i = first; i <= last; i++) {
    keys.push(i < 0 ? blockKey(blockHash) : bodyChunkKey(blockHash, i));
  }
  const rows = await store.read(keys);
  const start = first < 0 ? 0 : BODY_HEAD_BYTES + first * CHUNK_BYTES;
  const parts = rows.map((row, i) => {
    if (row === undefined) return undefined;
    return first + i < 0 ? decodeBlockRow(row.value).bodyHead : row.value;
  });
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0));
  let at = 0;
  for (const part of parts) {
    if (part === undefined) return undefined;
    joined.set(part, at);
    at += part.length;
  }
  const tx = decodeTx(joined.slice(offset - start, offset - start + bytes));
  if (!tx.ok) throw new Fault('store-damaged', `a transaction of ${blockHash} does not decode`);
  return tx.value;
}
