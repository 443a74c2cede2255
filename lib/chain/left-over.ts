/**
 * What a process left that died before its commit, or lost it to another: a block that was stored to
 * extend the tip and lies nowhere, or a part of its body. `P` names the last one. Owns finding it
 * before its name is overwritten, and taking it away.
 */
import type { Snapshot } from '../ports/store.ts';
import { decodeHash, encodeHash, OFF_BODIES, PENDING_KEY } from '../store/layout.ts';
import type { BlockHash } from '../types.ts';
import { isOnChain } from './activate-best.ts';
import { blockKeys, readEntry } from './block-store.ts';
import type { ChainContext } from './context.ts';
import { receivedNow, tipOf } from './context.ts';
import { offRow } from './off-chain.ts';
import { commitRemoval } from './quota.ts';

/**
 * Lists a block that lies nowhere off the chain, where it is found, counted and given up like any
 * other. `pending`: what `P` names. True: its body is here, so nothing is left to be done.
 */
export async function listLeftOver(
  ctx: ChainContext,
  snapshot: Snapshot,
  pending: BlockHash,
): Promise<boolean> {
  const found = await readEntry(ctx.store, pending);
  if (found === undefined || found.bodyBytes === 0) return false;
  const { entry, bodyBytes } = found;
  if (await isOnChain(snapshot, entry)) return true;
  await ctx.store.put([offRow(OFF_BODIES, entry, { bodyBytes, receivedAt: receivedNow(ctx) })]);
  ctx.hints.offRows++;
  return true;
}

/** What the host's periodic call does: afterwards `P` names the tip. */
export async function clearLeftOver(ctx: ChainContext, snapshot: Snapshot): Promise<void> {
  const { store } = ctx;
  const tip = tipOf(snapshot);
  const [row] = await store.read([PENDING_KEY]);
  const pending = row && decodeHash(row.value);
  if (pending === undefined || pending === tip.hash) return;
  const found = await readEntry(store, pending);
  // Whoever looks for the best branch finishes it.
  if (found !== undefined && found.entry.chainwork > tip.chainwork) return;
  if (!(await listLeftOver(ctx, snapshot, pending))) {
    const keys = await blockKeys(store, pending);
    // Its writer may live: then it finds the version changed, and begins again.
    if (keys.length > 0 && (await commitRemoval(store, snapshot, keys)) === undefined) return;
  }
  await store.put([{ ...PENDING_KEY, value: encodeHash(tip.hash) }]);
}
