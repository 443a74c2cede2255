/**
 * What a process left that died before its commit, or lost it to another: a block that was stored to
 * extend the tip and lies nowhere, or a part of its body. `P` names the last one, and those before it
 * of which only a part was found. Owns this row: finding what it names before it is overwritten, and
 * taking it away.
 */
import type { BlockEntry } from '../consensus/types.ts';
import type { LooseRow, Snapshot, Store } from '../ports/store.ts';
import { decodeHashes, encodeHashes, PENDING_KEY } from '../store/layout.ts';
import type { BlockHash } from '../types.ts';
import { blockKeys, loadRaw, readEntries } from './block-store.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, tipOf } from './context.ts';
import { commitRemoval } from './quota.ts';
import { relist } from './relist.ts';

/** `hashes`: the newest first. */
export const pendingRow = (hashes: readonly BlockHash[]): LooseRow => ({
  ...PENDING_KEY,
  value: encodeHashes([...new Set(hashes)].slice(0, CHAIN_LIMITS.pendingMax)),
});

const readPending = async (store: Store): Promise<BlockHash[]> => {
  const [row] = await store.read([PENDING_KEY]);
  return row === undefined ? [] : decodeHashes(row.value);
};

/** The row that names this block, too, as one of which only a part is here. */
export async function partRow(store: Store, tip: BlockEntry, hash: BlockHash): Promise<LooseRow> {
  // The first is taken for whole, and so may be what stands on this one.
  return pendingRow([tip.hash, ...(await readPending(store)), hash]);
}

/**
 * Before `P` names another block: lists those that it names now and that lie nowhere, off the chain,
 * where they are found, counted and given up like any other. Answers those that are not here, or in
 * part: their writers may live, so they are named on until the host's periodic call.
 */
export async function takeUp(
  ctx: ChainContext,
  snapshot: Snapshot,
  pending: readonly BlockHash[],
): Promise<BlockHash[]> {
  const tip = tipOf(snapshot);
  const before = pending.filter((hash) => hash !== tip.hash);
  if (before.length === 0) return [];
  const entries = await readEntries(ctx.store, before);
  const parts: BlockHash[] = [];
  for (const [i, hash] of before.entries()) {
    const found = entries[i];
    if (found === undefined || found.bodyBytes === 0) parts.push(hash);
    else await relist(ctx, snapshot, [found.entry]);
  }
  return parts;
}

/** What the host's periodic call does: afterwards `P` names the tip, and what may still be finished. */
export async function clearLeftOver(ctx: ChainContext, snapshot: Snapshot): Promise<void> {
  const { store } = ctx;
  const tip = tipOf(snapshot);
  const pending = await readPending(store);
  const before = pending.filter((hash) => hash !== tip.hash);
  if (before.length === 0) return;
  const entries = await readEntries(store, before);
  // Whoever looks for the best branch finishes it.
  const isNewest = (hash: BlockHash): boolean => hash === pending[0];
  const kept: BlockHash[] = [];
  let version: number | undefined = snapshot.version;
  for (const [i, hash] of before.entries()) {
    const found = entries[i];
    if (found !== undefined && isNewest(hash) && found.entry.chainwork > tip.chainwork) {
      kept.push(hash);
    } else if (found !== undefined && (await loadRaw(store, hash)) !== undefined) {
      await relist(ctx, snapshot, [found.entry]);
    } else {
      const keys = await blockKeys(store, hash);
      if (keys.length === 0) continue;
      // Its writer may live: then it finds the version changed, and begins again.
      version = await commitRemoval(store, { version, head: snapshot.head }, keys);
      if (version === undefined) return;
    }
  }
  if (kept.length > 0 && before.length === kept.length) return;
  await store.put([pendingRow(kept.length > 0 ? kept : [tip.hash])]);
}
