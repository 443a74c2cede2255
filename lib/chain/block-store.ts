/**
 * Blocks as loose rows: entries, bodies in chunks, undo data. Rows are content-addressed and never
 * change, so any write may be repeated. A body counts as here once its block row is, which is
 * written after its chunks and removed before them.
 */
import { decodeBlock } from '../codec/block.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import type { LooseRow, RowKey, Store } from '../ports/store.ts';
import { revealedScript } from '../script/p2pkh.ts';
import {
  BODY_HEAD_BYTES,
  blockKey,
  bodyChunkKey,
  CHUNK_BYTES,
  decodeBlockRow,
  decodeUndo,
  encodeBlockRow,
  encodeHeaderRow,
  encodeUndo,
  headerKey,
  undoChunkKey,
} from '../store/layout.ts';
import type { Block, BlockHash, Coin } from '../types.ts';

/** A block read back whole. */
export interface StoredBlock {
  readonly entry: BlockEntry;
  readonly block: Block;
  /** Present once the block was connected. */
  readonly undo?: readonly Coin[];
}

/** Entries of the hashes, with or without a body, in one read. */
export async function readEntries(
  store: Store,
  hashes: readonly BlockHash[],
): Promise<({ entry: BlockEntry; bodyBytes: number } | undefined)[]> {
  const keys = hashes.flatMap((hash) => [blockKey(hash), headerKey(hash)]);
  const rows = await store.read(keys);
  return hashes.map((_, i) => {
    const row = rows[2 * i] ?? rows[2 * i + 1];
    return row === undefined ? undefined : decodeBlockRow(row.value);
  });
}

export async function readEntry(
  store: Store,
  hash: BlockHash,
): Promise<{ entry: BlockEntry; bodyBytes: number } | undefined> {
  return (await readEntries(store, [hash]))[0];
}

/** Chunks of `bytes` from `start` on. */
export function chunkRows(
  bytes: Uint8Array,
  start: number,
  keyAt: (index: number) => RowKey,
): LooseRow[] {
  const rows: LooseRow[] = [];
  for (let at = start, index = 0; at < bytes.length; at += CHUNK_BYTES, index++) {
    rows.push({ ...keyAt(index), value: bytes.slice(at, at + CHUNK_BYTES) });
  }
  return rows;
}

export interface NewBody {
  readonly entry: BlockEntry;
  readonly block: Block;
}

/** Rows of bodies: all `chunks` must be durable before `heads` are written. */
export function bodyRows(bodies: readonly NewBody[]): { chunks: LooseRow[]; heads: LooseRow[] } {
  const chunks: LooseRow[] = [];
  const heads: LooseRow[] = [];
  for (const { entry, block } of bodies) {
    const { hash } = entry;
    chunks.push(...chunkRows(block.raw, BODY_HEAD_BYTES, (i) => bodyChunkKey(hash, i)));
    const value = encodeBlockRow(entry, { raw: block.raw, txCount: block.txs.length });
    heads.push({ ...blockKey(hash), value });
  }
  return { chunks, heads };
}

/**
 * Stores bodies with `extra` rows that tell where they lie; three writes at most, for the rows of one may
 * land in any order. `named`: goes before the chunks, if there are any, so that a death in between leaves
 * none that nobody knows of. Where they lie is said before they count as here, for the same reason.
 */
export async function putBodies(
  store: Store,
  bodies: readonly NewBody[],
  extra: readonly LooseRow[] = [],
  named: readonly LooseRow[] = [],
): Promise<void> {
  const { chunks, heads } = bodyRows(bodies);
  if (chunks.length > 0) await store.put([...named, ...chunks]);
  if (extra.length > 0) await store.put(extra);
  await store.put(heads);
}

export const headerRow = (entry: BlockEntry): LooseRow => ({
  ...headerKey(entry.hash),
  value: encodeHeaderRow(entry),
});

/** None for a block that spends nothing. */
export function undoRows(hash: BlockHash, coins: readonly Coin[]): LooseRow[] {
  return chunkRows(encodeUndo(coins), 0, (i) => undoChunkKey(hash, i));
}

export function joinChunks(head: Uint8Array, chunks: readonly LooseRow[]): Uint8Array {
  const total = chunks.reduce((sum, row) => sum + row.value.length, head.length);
  const joined = new Uint8Array(total);
  joined.set(head);
  let at = head.length;
  for (const { value } of chunks) {
    joined.set(value, at);
    at += value.length;
  }
  return joined;
}

/** The body's bytes with the entry, or undefined when it is not (wholly) here. */
export async function loadRaw(
  store: Store,
  hash: BlockHash,
): Promise<{ entry: BlockEntry; raw: Uint8Array; undo: Uint8Array } | undefined> {
  const rows = await store.list(blockKey(hash).pk);
  const head = rows.find((row) => row.sk === blockKey(hash).sk);
  if (head === undefined) return undefined;
  const { entry, bodyBytes, bodyHead } = decodeBlockRow(head.value);
  const raw = joinChunks(
    bodyHead,
    rows.filter((row) => row.sk.startsWith('body#')),
  );
  if (raw.length !== bodyBytes) return undefined;
  const undo = joinChunks(
    new Uint8Array(0),
    rows.filter((row) => row.sk.startsWith('undo#')),
  );
  return { entry, raw, undo };
}

/** Scripts that the inputs show, coinbase skipped: in a connected block all of them do. */
function revealedScripts(block: Block): Uint8Array[] {
  return block.txs.slice(1).flatMap((tx) =>
    tx.inputs.map((input) => {
      const script = revealedScript(input.scriptSig);
      if (script === undefined) throw new Fault('store-damaged', 'a connected input shows no key');
      return script;
    }),
  );
}

export async function loadBlock(store: Store, hash: BlockHash): Promise<StoredBlock | undefined> {
  const stored = await loadRaw(store, hash);
  if (stored === undefined) return undefined;
  const block = decodeBlock(stored.raw);
  if (!block.ok) throw new Fault('store-damaged', `block ${hash} does not decode`);
  const { entry, undo } = stored;
  const spends = block.value.txs.length > 1;
  if (spends && undo.length === 0) return { entry, block: block.value };
  const coins = spends ? readUndo(undo, block.value) : [];
  return { entry, block: block.value, ...(coins && { undo: coins }) };
}

/** Undefined: its rows are here in part. A death came while they were put, before the commit. */
function readUndo(undo: Uint8Array, block: Block): Coin[] | undefined {
  const scripts = revealedScripts(block);
  try {
    return decodeUndo(undo, scripts);
  } catch (error) {
    if (error instanceof Fault && error.code === 'store-damaged') return undefined;
    throw error;
  }
}

/** Keys of all rows of a block: its own, the body's, the undo data's. */
export async function blockKeys(store: Store, hash: BlockHash): Promise<RowKey[]> {
  const rows = await store.list(blockKey(hash).pk);
  return rows.map(({ pk, sk }) => ({ pk, sk }));
}
