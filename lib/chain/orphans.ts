/**
 * Blocks whose parent is unknown: at most 16, an hour each, so that blocks may come in any order.
 * Owns their rows (`Q`), not what becomes of them (adopt.ts).
 */
import { nowSeconds } from '../ports/clock.ts';
import type { LooseRow, RowKey, Store } from '../ports/store.ts';
import { decodeOrphan, encodeOrphan, ORPHANS, orphanChunkKey } from '../store/layout.ts';
import type { Block, BlockHash } from '../types.ts';
import { chunkRows, joinChunks } from './block-store.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, receivedNow } from './context.ts';

export interface Orphan {
  readonly hash: BlockHash;
  readonly prevHash: BlockHash;
  readonly bodyBytes: number;
  readonly receivedAt: number;
}

const orphanKey = (hash: BlockHash): RowKey => ({ pk: ORPHANS, sk: hash });

/** Oldest first. */
export async function listOrphans(store: Store): Promise<Orphan[]> {
  const rows = await store.list(ORPHANS);
  return rows
    .map((row) => ({ hash: row.sk as BlockHash, ...decodeOrphan(row.value) }))
    .sort((a, b) => a.receivedAt - b.receivedAt);
}

/** Keeps the block; the oldest make room. */
export async function keepOrphan(ctx: ChainContext, block: Block): Promise<void> {
  const { store } = ctx;
  const { hash, prevHash } = block.header;
  const others = (await listOrphans(store)).filter((orphan) => orphan.hash !== hash);
  await dropOrphans(
    store,
    others.slice(0, Math.max(0, others.length + 1 - CHAIN_LIMITS.orphansMax)),
  );
  const value = encodeOrphan({
    prevHash,
    bodyBytes: block.raw.length,
    receivedAt: receivedNow(ctx),
  });
  const row: LooseRow = { ...orphanKey(hash), value };
  // The row by which its chunks are found goes first; before they are all here it counts for nothing.
  await store.put([row]);
  // Others may make room of it meanwhile, and then nothing names its chunks: they go by themselves.
  const expiresAt = nowSeconds(ctx.clock) + CHAIN_LIMITS.orphanBytesSeconds;
  const chunks = chunkRows(block.raw, 0, (i) => orphanChunkKey(hash, i));
  await store.put(chunks.map((chunk) => ({ ...chunk, expiresAt })));
}

/** The bytes, undefined when they are not wholly here. */
export async function loadOrphan(store: Store, orphan: Orphan): Promise<Uint8Array | undefined> {
  const raw = joinChunks(new Uint8Array(0), await store.list(orphanChunkKey(orphan.hash, 0).pk));
  return raw.length === orphan.bodyBytes ? raw : undefined;
}

export async function dropOrphans(
  store: Store,
  orphans: readonly Pick<Orphan, 'hash'>[],
): Promise<void> {
  if (orphans.length === 0) return;
  // The bytes first: a death in between leaves the row by which the next call finds them.
  for (const { hash } of orphans) {
    const chunks = await store.list(orphanChunkKey(hash, 0).pk);
    if (chunks.length > 0) await store.remove(chunks.map(({ pk, sk }) => ({ pk, sk })));
  }
  await store.remove(orphans.map(({ hash }) => orphanKey(hash)));
}

/** Answers those whose time is not up. */
export async function expireOrphans({ store, clock }: ChainContext): Promise<Orphan[]> {
  const oldest = clock.nowMs() - CHAIN_LIMITS.orphanSeconds * 1000;
  const orphans = await listOrphans(store);
  const isOld = ({ receivedAt }: Orphan): boolean => receivedAt < oldest;
  await dropOrphans(store, orphans.filter(isOld));
  return orphans.filter((orphan) => !isOld(orphan));
}

/** Orphans of these blocks and theirs, parents first; those of the blocks that are orphans too among them. */
export function orphansOf(orphans: readonly Orphan[], of: readonly BlockHash[]): Orphan[] {
  const family = new Map<BlockHash, Orphan>();
  const parents = [...of];
  for (let i = 0; i < parents.length; i++) {
    for (const orphan of orphans) {
      if (orphan.prevHash !== parents[i] || family.has(orphan.hash)) continue;
      family.set(orphan.hash, orphan);
      parents.push(orphan.hash);
    }
  }
  return [...family.values()];
}
