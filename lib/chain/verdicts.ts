/**
 * What an operator sees of branches and says about them: getchaintips, invalidateblock,
 * reconsiderblock.
 */
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import type { Snapshot, Store } from '../ports/store.ts';
import { withSnapshot } from '../ports/store.ts';
import { UNPARKED } from '../store/layout.ts';
import type { BlockHash } from '../types.ts';
import { activateBest, disconnectTo, isOnChain, isParked } from './activate-best.ts';
import { readEntry } from './block-store.ts';
import { commitDraft, joinChanges } from './commit-draft.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, tipOf } from './context.ts';
import { Fold } from './fold.ts';
import type { OffNode, OffTree } from './off-chain.ts';
import { descendantsOf, invalidKey, loadTree, pathOf, trimPath, verdictRows } from './off-chain.ts';
import type { ChainChange, ChainTipInfo } from './types.ts';

function statusOf(
  ctx: ChainContext,
  tree: OffTree,
  tip: BlockEntry,
  branch: { readonly path: readonly OffNode[]; readonly forkHeight: number },
): ChainTipInfo['status'] {
  const { path } = branch;
  if (path.some((node) => tree.invalid.has(node.hash))) return 'invalid';
  const isBetter = (path[0]?.chainwork ?? 0n) > tip.chainwork;
  if (isBetter && isParked(ctx, tree, branch, tip)) return 'parked';
  if (!path.every((node) => node.hasBody)) return 'headers-only';
  return path.every((node) => node.validated) ? 'valid-fork' : 'valid-headers';
}

/** The tip, and every block off the best chain that has no child. */
export async function listTips(ctx: ChainContext): Promise<readonly ChainTipInfo[]> {
  return withSnapshot(ctx.store, async (snapshot) => {
    const tip = tipOf(snapshot);
    const tree = await loadTree(ctx.store);
    const parents = new Set([...tree.nodes.values()].map((node) => node.prevHash));
    const tips: ChainTipInfo[] = [
      { hash: tip.hash, height: tip.height, branchLength: 0, status: 'active' },
    ];
    for (const node of tree.nodes.values()) {
      if (parents.has(node.hash) || node.hash === tip.hash) continue;
      const branch = await trimPath(snapshot, pathOf(tree, node.hash));
      if (branch === undefined || branch.path.length === 0) continue;
      const { hash, height } = node;
      const status = statusOf(ctx, tree, tip, branch);
      tips.push({ hash, height, branchLength: height - branch.forkHeight, status });
    }
    return tips.sort((a, b) => b.height - a.height);
  });
}

/** Takes the chain back below the block, which has its verdict already. */
async function retreat(ctx: ChainContext, block: BlockEntry): Promise<ChainChange | undefined> {
  for (let tries = 0; tries < CHAIN_LIMITS.commitTriesMax; tries++) {
    const result = await withSnapshot(ctx.store, async (snapshot) => {
      if (!(await isOnChain(snapshot, block))) return 'off' as const;
      const tip = tipOf(snapshot);
      const fold = new Fold(ctx, snapshot);
      const top = await disconnectTo(ctx, fold, tip, block.height - 1);
      const folded = await fold.finish();
      if (!folded.ok) return 'off' as const;
      const move = { from: tip, to: top, forkHeight: top.height };
      // Verdicts on what stands above the block too, before it is off the chain.
      const off = folded.draft.disconnected.map(({ entry }) => entry.hash);
      await ctx.store.put(verdictRows(off, 'rejected'));
      return commitDraft(ctx, snapshot, folded.draft, move);
    });
    if (result === 'off') return undefined;
    if (result !== undefined) return result;
  }
  throw new Fault('commit-contention', 'other writers moved the tip again and again');
}

/** Treats the block and its descendants as invalid. The genesis block stays. */
export async function invalidate(
  ctx: ChainContext,
  hash: BlockHash,
): Promise<ChainChange | undefined> {
  const found = await readEntry(ctx.store, hash);
  if (found === undefined || found.entry.height === 0) return undefined;
  const above = descendantsOf(await loadTree(ctx.store), hash);
  await ctx.store.put(verdictRows(above, 'rejected'));
  const back = await retreat(ctx, found.entry);
  // Nothing was put on by the first move, so the second may take off whatever it must.
  const forward = await activateBest(ctx);
  return forward === undefined ? back : joinChanges(back, forward);
}

async function ancestorsWithVerdict(
  store: Store,
  snapshot: Snapshot,
  tree: OffTree,
  hash: BlockHash,
): Promise<BlockHash[]> {
  const found: BlockHash[] = [];
  const branch = await trimPath(snapshot, pathOf(tree, hash));
  for (const node of branch?.path ?? []) if (tree.invalid.has(node.hash)) found.push(node.hash);
  const [own] = await store.read([invalidKey(hash)]);
  return own === undefined ? found : [...found, hash];
}

/** Takes back verdicts on the block, its ancestors and descendants, and its parked state. */
export async function reconsider(
  ctx: ChainContext,
  hash: BlockHash,
): Promise<ChainChange | undefined> {
  const { store } = ctx;
  const found = await readEntry(store, hash);
  if (found === undefined) return undefined;
  const tree = await loadTree(store);
  const above = descendantsOf(tree, hash);
  const below = await withSnapshot(store, (snapshot) =>
    ancestorsWithVerdict(store, snapshot, tree, hash),
  );
  await store.put([{ pk: UNPARKED, sk: hash, value: new Uint8Array(0) }]);
  await store.remove([...new Set([...above, ...below])].map(invalidKey));
  return activateBest(ctx);
}
