/**
 * The whole way of a block that is offered: assess it, connect it if it extends the tip, else store
 * it off the chain and let the best branch win. Owns the effects; the questions are assess-block.ts.
 */
import { decodeBlock } from '../codec/block.ts';
import { checkBlock } from '../consensus/check-block.ts';
import { checkHeaderContext } from '../consensus/check-header.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import { nowSeconds } from '../ports/clock.ts';
import type { LooseRow, Snapshot } from '../ports/store.ts';
import { withSnapshot } from '../ports/store.ts';
import { refuse, rejectOf } from '../rejects.ts';
import { OFF_BODIES, type Pending } from '../store/layout.ts';
import type { BlockHash, Reject, Verdict } from '../types.ts';
import { valid } from '../types.ts';
import { activateBest, isOnChain } from './activate-best.ts';
import { adopt, storeOff } from './adopt.ts';
import type { Candidate } from './assess-block.ts';
import { assessBlock, condemn, readFacts, readOffer, rejected } from './assess-block.ts';
import { bodyRows, loadRaw, type NewBody, putBodies } from './block-store.ts';
import { commitDraft, tidyAfter } from './commit-draft.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, receivedNow, tipOf } from './context.ts';
import { Fold } from './fold.ts';
import { pendingRow, takeUp } from './left-over.ts';
import { offRow, readVerdict } from './off-chain.ts';
import { dropOrphans } from './orphans.ts';
import { relist } from './relist.ts';
import type { BlockOutcome } from './types.ts';

/** `settle`: all is stored, the best branch is to be found. */
type Step =
  | { readonly kind: 'outcome'; readonly outcome: BlockOutcome }
  | { readonly kind: 'settle'; readonly entry: BlockEntry }
  | { readonly kind: 'conflict' };

const outcomeStep = (outcome: BlockOutcome): Step => ({ kind: 'outcome', outcome });

/**
 * Stores the bodies but for the rows by which they count as here: those are the answer. `pending`:
 * what `P` names; the row lets the next caller finish what a death interrupts.
 */
export async function putChunks(
  ctx: ChainContext,
  snapshot: Snapshot,
  bodies: readonly NewBody[],
  pending: Pending | undefined,
): Promise<LooseRow[]> {
  const { store } = ctx;
  const top = bodies.at(-1);
  if (top === undefined) return [];
  const own = new Set(bodies.map(({ entry }) => entry.hash));
  const parts = (await takeUp(ctx, snapshot, pending)).filter(({ hash }) => !own.has(hash));
  const named = [pendingRow({ newest: top.entry.hash, parts })];
  const { chunks, heads } = bodyRows(bodies);
  if (chunks.length === 0) return [...named, ...heads];
  // Named first: a death on the way must not leave chunks that nobody knows of.
  await store.put([...named, ...chunks]);
  return heads;
}

/** Connects a block that extends the tip. Nothing of it is stored before it is known to be valid. */
async function connectDirect(
  ctx: ChainContext,
  snapshot: Snapshot,
  candidate: Candidate,
): Promise<Step> {
  const { block, entry, tip, headerKnown } = candidate;
  const fold = new Fold(ctx, snapshot);
  const reject = await fold.connect(block, entry, tip);
  const folded = reject === undefined ? await fold.finish() : undefined;
  if (folded === undefined || !folded.ok) {
    const found = (folded?.reject ?? reject) as Reject;
    await condemn(ctx, entry, found, { headerKnown });
    return outcomeStep(rejected(entry.hash, found));
  }
  const rows = await putChunks(ctx, snapshot, [{ entry, block }], candidate.pending);
  const move = { from: tip, to: entry, forkHeight: tip.height };
  const change = await commitDraft(ctx, snapshot, folded.draft, move, rows);
  if (change === undefined) {
    // Somebody was faster. The block is valid and paid for: it stays, off the chain.
    const about = { bodyBytes: block.raw.length, receivedAt: receivedNow(ctx) };
    const listed = [offRow(OFF_BODIES, entry, about)];
    // Or somebody took us for dead, and took away what was stored of it (left-over.ts).
    const isWhole = (await loadRaw(ctx.store, entry.hash)) !== undefined;
    await (isWhole ? ctx.store.put(listed) : putBodies(ctx.store, [{ entry, block }], listed));
    return { kind: 'conflict' };
  }
  if (headerKnown) await tidyAfter(ctx.store, [entry]);
  return outcomeStep({ status: 'tip', hash: entry.hash, change });
}

async function tryAccept(
  ctx: ChainContext,
  snapshot: Snapshot,
  raw: Uint8Array,
  options: { readonly asked: boolean },
): Promise<Step> {
  const found = await assessBlock(ctx, snapshot, raw, options);
  if (found.kind === 'answer') return outcomeStep(found.outcome);
  const { entry, tip } = found;
  if (found.kind === 'stored') {
    if (entry.chainwork > tip.chainwork) return { kind: 'settle', entry };
    return outcomeStep({ status: 'known', hash: entry.hash });
  }
  if (found.extendsTip) return connectDirect(ctx, snapshot, found);
  await storeOff(ctx, found);
  return { kind: 'settle', entry };
}

/** Who met a better block while it was being stored took it for given up, and off the list. */
function listAgain(ctx: ChainContext, entry: BlockEntry): Promise<boolean> {
  return withSnapshot(ctx.store, async (snapshot) => {
    if (entry.chainwork <= tipOf(snapshot).chainwork) return false;
    return relist(ctx, snapshot, [entry]);
  });
}

/** The best branch wins; what that means for this block. */
async function settle(ctx: ChainContext, entry: BlockEntry): Promise<BlockOutcome> {
  const { hash } = entry;
  let change = await activateBest(ctx);
  if (change === undefined && (await listAgain(ctx, entry))) change = await activateBest(ctx);
  const verdict = await readVerdict(ctx.store, hash);
  if (verdict !== undefined) return rejected(hash, rejectOf(verdict.detail ?? verdict.reason));
  if (change !== undefined) return { status: 'tip', hash, change };
  return { status: 'side', hash };
}

/** Bodies that came before this block and wait on it are connected with it. */
async function withWaiting(
  ctx: ChainContext,
  outcome: Extract<BlockOutcome, { status: 'tip' }>,
): Promise<BlockOutcome> {
  const change = await activateBest(ctx, outcome.change);
  return { ...outcome, change: change ?? outcome.change };
}

/** Throws Fault `commit-contention` when other writers were faster ten times. */
export async function acceptBlock(
  ctx: ChainContext,
  raw: Uint8Array,
  options: { readonly asked: boolean },
): Promise<BlockOutcome> {
  for (let tries = 0; tries < CHAIN_LIMITS.commitTriesMax; tries++) {
    const step = await withSnapshot(ctx.store, (view) => tryAccept(ctx, view, raw, options));
    if (step.kind === 'outcome' && step.outcome.status === 'tip') {
      await adopt(ctx, [step.outcome.hash]);
      return withWaiting(ctx, step.outcome);
    }
    if (step.kind === 'outcome') {
      if (step.outcome.status === 'orphan' && (await isParentHere(ctx, raw))) {
        await dropOrphans(ctx.store, [step.outcome]);
        continue;
      }
      // Stored by this very call, before a conflict.
      const { status, hash } = step.outcome;
      const wasOurs = tries > 0 && status === 'known' && hash !== undefined;
      if (!wasOurs || (await isConnected(ctx, hash))) return step.outcome;
      const change = (await adopt(ctx, [hash])) ? await activateBest(ctx) : undefined;
      return change === undefined ? { status: 'side', hash } : { status: 'tip', hash, change };
    }
    if (step.kind === 'settle') {
      await adopt(ctx, [step.entry.hash]);
      return settle(ctx, step.entry);
    }
  }
  throw new Fault('commit-contention', 'other writers moved the tip again and again');
}

/** Whether the parent came while its child was being kept as an orphan. */
async function isParentHere(ctx: ChainContext, raw: Uint8Array): Promise<boolean> {
  const header = readOffer(ctx, raw, { proofOfWork: false });
  if (!header.ok) return false;
  const { parent } = await withSnapshot(ctx.store, (view) => readFacts(ctx, view, header.value));
  return parent !== undefined;
}

async function isConnected(ctx: ChainContext, hash: BlockHash): Promise<boolean> {
  return withSnapshot(ctx.store, async (snapshot) => {
    const facts = await readFacts(ctx, snapshot, { hash, prevHash: hash });
    return facts.entry !== undefined && isOnChain(snapshot, facts.entry);
  });
}

/** Checks on the tip, proof of work aside; stores nothing (BIP23's proposal). */
export async function proposeBlock(ctx: ChainContext, raw: Uint8Array): Promise<Verdict> {
  const header = readOffer(ctx, raw, { proofOfWork: false });
  if (!header.ok) return { ok: false, reject: header.reject };
  return withSnapshot(ctx.store, async (snapshot) => {
    const { tip, verdict, entry: known } = await readFacts(ctx, snapshot, header.value);
    if (verdict !== undefined) return refuse('duplicate-invalid', verdict);
    if (known !== undefined) {
      return refuse((await isOnChain(snapshot, known)) ? 'duplicate' : 'duplicate-inconclusive');
    }
    if (header.value.prevHash !== tip.hash) return refuse('inconclusive-not-best-prevblk');
    const block = decodeBlock(raw);
    if (!block.ok) return block;
    const alone = checkBlock(block.value, ctx.params, { proofOfWork: false });
    if (!alone.ok) return alone;
    const now = nowSeconds(ctx.clock);
    const entry = checkHeaderContext(header.value, tip, ctx.params, now);
    if (!entry.ok) return entry;
    const fold = new Fold(ctx, snapshot);
    const reject = await fold.connect(block.value, entry.value, tip);
    if (reject !== undefined) return { ok: false, reject };
    const folded = await fold.finish();
    return folded.ok ? valid() : { ok: false, reject: folded.reject };
  });
}
