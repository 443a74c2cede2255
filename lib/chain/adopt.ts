/**
 * Bodies off the chain: storing one, and taking in the orphans whose parent has come. Whichever way a
 * parent comes, its orphans are looked for after it was stored, as whoever keeps an orphan looks for
 * the parent after that: one of the two sees the other. Who dies in between, the tick makes up for.
 */
import type { RowKey, Snapshot } from '../ports/store.ts';
import { withSnapshot } from '../ports/store.ts';
import { blockKey, headerKey, OFF_BODIES, OFF_HEADERS } from '../store/layout.ts';
import type { BlockHash } from '../types.ts';
import { assessBlock, type Candidate } from './assess-block.ts';
import { putBodies } from './block-store.ts';
import type { ChainContext } from './context.ts';
import { receivedNow } from './context.ts';
import { partRow } from './left-over.ts';
import { offKey, offRow } from './off-chain.ts';
import { dropOrphans, listOrphans, loadOrphan, type Orphan, orphansOf } from './orphans.ts';
import { noteOffChain } from './quota.ts';

/** Stores the body off the chain, with all that says so. */
export async function storeOff(ctx: ChainContext, candidate: Candidate): Promise<void> {
  const { block, entry, pending, tip } = candidate;
  const bodyBytes = block.raw.length;
  const row = offRow(OFF_BODIES, entry, { bodyBytes, receivedAt: receivedNow(ctx) });
  await putBodies(ctx.store, [{ entry, block }], [row], [partRow(ctx, pending, tip, entry.hash)]);
  if (candidate.headerKnown) {
    const keys: RowKey[] = [offKey(OFF_HEADERS, entry), headerKey(entry.hash)];
    await ctx.store.remove(keys);
  }
  await noteOffChain(ctx, { rows: 1, bytes: bodyBytes });
}

/**
 * Takes in what waited for these blocks, as far as the rules let it in. True: something did, so the
 * best branch may be another.
 */
export async function adopt(ctx: ChainContext, parents: readonly BlockHash[]): Promise<boolean> {
  return takeIn(ctx, orphansOf(await listOrphans(ctx.store), parents));
}

/** The same for any parent that is here: what a process that died after storing it left waiting. */
export async function adoptWaiting(
  ctx: ChainContext,
  orphans: readonly Orphan[],
): Promise<boolean> {
  const parents = [...new Set(orphans.map(({ prevHash }) => prevHash))];
  if (parents.length === 0) return false;
  const rows = await ctx.store.read(parents.map(blockKey));
  const here = parents.filter((_, i) => rows[i] !== undefined);
  return takeIn(ctx, orphansOf(orphans, here));
}

async function takeIn(ctx: ChainContext, family: readonly Orphan[]): Promise<boolean> {
  if (family.length === 0) return false;
  const settled = await withSnapshot(ctx.store, (view) => storeFamily(ctx, view, family));
  await dropOrphans(ctx.store, settled);
  return settled.length > 0;
}

/** Parents first. Answers those that need not wait any longer. */
async function storeFamily(
  ctx: ChainContext,
  snapshot: Snapshot,
  family: readonly Orphan[],
): Promise<Orphan[]> {
  const settled: Orphan[] = [];
  for (const orphan of family) {
    const raw = await loadOrphan(ctx.store, orphan);
    // Its writer may be at it, and looks for the parent when it is whole.
    if (raw === undefined) continue;
    const found = await assessBlock(ctx, snapshot, raw, { asked: true });
    if (found.kind === 'candidate') await storeOff(ctx, found);
    if (found.kind !== 'answer' || found.outcome.status !== 'orphan') settled.push(orphan);
  }
  return settled;
}
