/**
 * Makes the best complete and valid branch the tip. Owns the choice of the branch, the fold of it
 * and the verdicts on what turns out invalid; the commit itself is commit-draft.ts.
 */
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import type { Snapshot } from '../ports/store.ts';
import { withSnapshot } from '../ports/store.ts';
import {
  blockKey,
  decodeBlockRow,
  decodeHeightRow,
  heightKey,
  OFF_BODIES,
  OFF_HEADERS,
} from '../store/layout.ts';
import type { BlockHash, Height, Reject } from '../types.ts';
import { headerRow, loadBlock, readEntry } from './block-store.ts';
import { commitDraft, joinChanges, tidyAfter } from './commit-draft.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, receivedNow, tipOf } from './context.ts';
import { Fold } from './fold.ts';
import { partRow, readPending } from './left-over.ts';

import type { OffNode, OffTree } from './off-chain.ts';
import {
  bodiesAbove,
  descendantsOf,
  loadTree,
  offKey,
  offRow,
  pathOf,
  trimPath,
  verdictRows,
} from './off-chain.ts';
import { relist } from './relist.ts';
import type { ChainChange } from './types.ts';

/** A branch off the snapshot's best chain. */
export interface Branch {
  /** Newest first. */
  readonly path: readonly OffNode[];
  readonly forkHeight: Height;
}

/**
 * The block that was stored last to extend the tip, and its ancestors down to what is otherwise
 * known, when a death came before its commit.
 */
async function pendingNodes(ctx: ChainContext, tip: BlockEntry): Promise<OffNode[]> {
  const { store } = ctx;
  const nodes: OffNode[] = [];
  for (let hash = (await readPending(store))?.newest; hash !== undefined && hash !== tip.hash; ) {
    const found = await readEntry(store, hash);
    if (found === undefined || found.bodyBytes === 0) break;
    const { entry, bodyBytes } = found;
    if (nodes.length === 0 && entry.chainwork <= tip.chainwork) break;
    if (entry.height <= tip.height - CHAIN_LIMITS.sideDepthMax) break;
    const { height, chainwork } = entry;
    const { prevHash } = entry.header;
    const place = { hash, prevHash, height, chainwork, bodyBytes };
    nodes.push({ ...place, hasBody: true, validated: false, receivedAt: 0 });
    if (height <= tip.height) break;
    hash = prevHash;
  }
  return nodes;
}

/** Hashes whose whole way down to the best chain has bodies and no verdict. */
function completeNodes(tree: OffTree): Set<BlockHash> {
  const complete = new Set<BlockHash>();
  const byWork = [...tree.nodes.values()].sort((a, b) => (a.chainwork < b.chainwork ? -1 : 1));
  for (const node of byWork) {
    const ground = !tree.nodes.has(node.prevHash) || complete.has(node.prevHash);
    if (node.hasBody && ground && !tree.invalid.has(node.hash)) complete.add(node.hash);
  }
  return complete;
}

/** Most work first; of equal ones the one whose last body came first. */
const byPrecedence = (a: OffNode, b: OffNode): number => {
  if (a.chainwork !== b.chainwork) return a.chainwork > b.chainwork ? -1 : 1;
  return a.receivedAt - b.receivedAt || (a.hash < b.hash ? -1 : 1);
};

/** Whether the branch forks deeper than the operator's limit and nobody has allowed it. */
export function isParked(
  ctx: ChainContext,
  tree: OffTree,
  branch: Branch,
  tip: BlockEntry,
): boolean {
  const { reorgLimit } = ctx.params;
  if (reorgLimit === 0 || tip.height - branch.forkHeight <= reorgLimit) return false;
  return !branch.path.some((node) => tree.unparked.has(node.hash));
}

/** Once a branch and process, not at every look. */
function alarmParked({ hints, telemetry }: ChainContext, hash: BlockHash, branch: Branch): void {
  if (hints.alarmed === hash) return;
  hints.alarmed = hash;
  telemetry.log('warn', 'a better branch forks deeper than the reorg limit: parked', {
    hash,
    forkHeight: branch.forkHeight,
  });
}

/**
 * The best branch with more work than the tip that is complete, not known invalid, not parked. Listed
 * anew: what a process that tidied late took off the list is back, and it is looked at no second time.
 */
async function chooseBranch(
  ctx: ChainContext,
  snapshot: Snapshot,
  tip: BlockEntry,
  isListedAnew = false,
): Promise<Branch | undefined> {
  const [above, pending] = await Promise.all([
    bodiesAbove(ctx.store, tip.chainwork),
    pendingNodes(ctx, tip),
  ]);
  if (above.length === 0 && pending.length === 0) return undefined;
  const loaded = await loadTree(ctx.store, { bodiesOnly: true });
  const nodes = new Map(loaded.nodes);
  for (const node of pending)
    if (nodes.get(node.hash)?.hasBody !== true) nodes.set(node.hash, node);
  const tree: OffTree = { ...loaded, nodes };
  const complete = completeNodes(tree);
  const candidates = [...complete]
    .flatMap((hash) => nodes.get(hash) ?? [])
    .filter((node) => node.chainwork > tip.chainwork)
    .sort(byPrecedence);
  const groundless = new Set<BlockHash>();
  for (const candidate of candidates) {
    const path = pathOf(tree, candidate.hash);
    const root = path.at(-1)?.prevHash;
    if (root === undefined || groundless.has(root)) continue;
    const branch = await trimPath(snapshot, path);
    if (branch === undefined) {
      groundless.add(root);
      const ground = isListedAnew ? undefined : await readEntry(ctx.store, root);
      if (ground !== undefined && (await relist(ctx, snapshot, [ground.entry]))) {
        return chooseBranch(ctx, snapshot, tip, true);
      }
    } else if (branch.path.length > 0) {
      if (!isParked(ctx, tree, branch, tip)) return branch;
      alarmParked(ctx, candidate.hash, branch);
      groundless.add(root);
    }
  }
  return undefined;
}

/** Takes the tip's blocks off down to `forkHeight`; answers the block that is the top then. */
export async function disconnectTo(
  ctx: ChainContext,
  fold: Fold,
  tip: BlockEntry,
  forkHeight: Height,
): Promise<BlockEntry> {
  let top = tip;
  while (top.height > forkHeight) {
    const stored = await loadBlock(ctx.store, top.hash);
    if (stored === undefined) throw new Fault('store-damaged', `block ${top.hash} is missing`);
    await fold.disconnect(stored);
    const parent = await readEntry(ctx.store, top.header.prevHash);
    if (parent === undefined)
      throw new Fault('store-damaged', `a parent of ${top.hash} is missing`);
    top = parent.entry;
  }
  return top;
}

type Step =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'conflict' }
  /** Something turned out invalid or missing, and was marked: choose again. */
  | { readonly kind: 'again' }
  | { readonly kind: 'moved'; readonly change: ChainChange; readonly more: boolean };

/** A block's verdict, and its descendants'. */
async function condemnBranch(ctx: ChainContext, hash: BlockHash, reject: Reject): Promise<void> {
  const tree = await loadTree(ctx.store);
  ctx.telemetry.log('warn', 'a block is invalid', { hash, reason: reject.reason });
  await ctx.store.put(verdictRows(descendantsOf(tree, hash), reject.reason));
}

/** A block of which no more than a part is here. */
async function wantAgain(ctx: ChainContext, tip: BlockEntry, node: OffNode): Promise<void> {
  const { store } = ctx;
  const [row] = await store.read([blockKey(node.hash)]);
  const pending = await readPending(store);
  // The newest is taken for whole, and so is what it stands on.
  const parts = pending && [{ hash: pending.newest, at: receivedNow(ctx) }, ...pending.parts];
  const named = partRow(ctx, { newest: tip.hash, parts: parts ?? [] }, tip, node.hash);
  if (row === undefined) {
    await store.put([named]);
    await store.remove([offKey(OFF_BODIES, node)]);
    return;
  }
  // Its chunks are gone from under its row, which would list it again and again.
  const { entry } = decodeBlockRow(row.value);
  const bare = offRow(OFF_HEADERS, entry, { bodyBytes: 0, receivedAt: receivedNow(ctx) });
  await store.put([named, headerRow(entry), bare]);
  await store.remove([offKey(OFF_BODIES, node), blockKey(node.hash)]);
}

/** Folds the branch and commits it, as far as one commit should reach. */
async function takeBranch(
  ctx: ChainContext,
  snapshot: Snapshot,
  tip: BlockEntry,
  branch: Branch,
): Promise<Step> {
  const fold = new Fold(ctx, snapshot);
  const fork = await disconnectTo(ctx, fold, tip, branch.forkHeight);
  const nodes = [...branch.path].reverse();
  let top = fork;
  for (const node of nodes) {
    const stored = await loadBlock(ctx.store, node.hash);
    if (stored === undefined) {
      // Its body was given up meanwhile, or a death came while it was put: it is wanted again.
      await wantAgain(ctx, tip, node);
      return { kind: 'again' };
    }
    const validated = node.validated && stored.undo !== undefined;
    const reject = await fold.connect(stored.block, stored.entry, top, { validated });
    if (reject !== undefined) {
      await condemnBranch(ctx, node.hash, reject);
      return { kind: 'again' };
    }
    top = stored.entry;
    // Never a commit to less work than before; above that, windows that one call can hold.
    const isWindow = fold.changes.size >= CHAIN_LIMITS.windowChangesMax;
    if (isWindow && top.chainwork > tip.chainwork) break;
  }
  const folded = await fold.finish();
  if (!folded.ok) {
    await condemnBranch(ctx, folded.entry.hash, folded.reject);
    return { kind: 'again' };
  }
  const move = { from: tip, to: top, forkHeight: branch.forkHeight };
  const change = await commitDraft(ctx, snapshot, folded.draft, move);
  if (change === undefined) return { kind: 'conflict' };
  await tidyAfter(ctx.store, folded.draft.connected);
  return { kind: 'moved', change, more: top.hash !== nodes.at(-1)?.hash };
}

/**
 * Makes the best complete valid branch the tip, in one commit or, if it is long, in several, each
 * to more work than the one before. `sofar`: a move that was made already and goes into the answer.
 * Throws Fault `commit-contention` after ten conflicts.
 */
export async function activateBest(
  ctx: ChainContext,
  sofar?: ChainChange,
): Promise<ChainChange | undefined> {
  let done = sofar;
  let conflicts = 0;
  for (let rounds = 0; rounds < CHAIN_LIMITS.invalidBranchesMax; ) {
    const step = await withSnapshot(ctx.store, async (snapshot): Promise<Step> => {
      const tip = tipOf(snapshot);
      // Somebody else moved on from where we were: what we did is reported first.
      if (done !== undefined && done.to.hash !== tip.hash) return { kind: 'nothing' };
      const chosen = await chooseBranch(ctx, snapshot, tip);
      if (chosen === undefined) return { kind: 'nothing' };
      if (done !== undefined && chosen.forkHeight < tip.height) return { kind: 'nothing' };
      return takeBranch(ctx, snapshot, tip, chosen);
    });
    if (step.kind === 'nothing') return done;
    if (step.kind === 'again') rounds++;
    if (step.kind === 'conflict' && ++conflicts >= CHAIN_LIMITS.commitTriesMax) {
      if (done !== undefined) return done;
      throw new Fault('commit-contention', 'other writers moved the tip again and again');
    }
    if (step.kind === 'moved') {
      done = joinChanges(done, step.change);
      if (!step.more) return done;
    }
  }
  return done;
}

/** Whether the block is on the snapshot's best chain. */
export async function isOnChain(snapshot: Snapshot, entry: BlockEntry): Promise<boolean> {
  const row = await snapshot.get(heightKey(entry.height));
  return row !== undefined && decodeHeightRow(row.value).hash === entry.hash;
}
