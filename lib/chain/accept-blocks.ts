/**
 * A sync window: a run of blocks above the tip, connected in one commit (or several, when it changes
 * more rows than one should). Coins that are made and spent inside it are never written. Owns this
 * fast lane; a run that does not extend the tip goes the way of single blocks.
 */
import { decodeBlock } from '../codec/block.ts';
import { checkBlock } from '../consensus/check-block.ts';
import { checkHeaderContext } from '../consensus/check-header.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import { nowSeconds } from '../ports/clock.ts';
import type { Snapshot } from '../ports/store.ts';
import { withSnapshot } from '../ports/store.ts';
import { rejectOf } from '../rejects.ts';
import {
  decodePending,
  decodeText,
  OFF_HEADERS,
  PENDING_KEY,
  type Pending,
} from '../store/layout.ts';
import type { Block, BlockHash, BlockHeader, Reject } from '../types.ts';
import { acceptBlock, putChunks } from './accept-block.ts';
import { activateBest } from './activate-best.ts';
import { adopt } from './adopt.ts';
import { condemn, readOffer, rejected } from './assess-block.ts';
import { commitDraft, tidyAfter } from './commit-draft.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, tipOf } from './context.ts';
import { Fold } from './fold.ts';
import { invalidKey, offKey } from './off-chain.ts';
import type { BlockOutcome, ChainChange } from './types.ts';

interface Offer {
  readonly raw: Uint8Array;
  readonly header: BlockHeader;
  /** Why it is known to be invalid. */
  readonly verdict: string | undefined;
}

interface Failure {
  readonly header: BlockHeader;
  readonly reject: Reject;
  /** Present when the body, in its place, broke a rule: the hash is to blame. */
  readonly entry?: BlockEntry;
}

interface Window {
  readonly fold: Fold;
  readonly blocks: { readonly block: Block; readonly entry: BlockEntry }[];
  failure?: Failure;
}

type Step =
  | {
      readonly kind: 'outcomes';
      readonly outcomes: readonly BlockOutcome[];
      readonly stop: boolean;
    }
  | {
      readonly kind: 'connected';
      readonly hashes: readonly BlockHash[];
      /** Absent when the first block was refused. */
      readonly change: ChainChange | undefined;
      readonly failure: Failure | undefined;
    }
  | { readonly kind: 'conflict' }
  /** The run does not extend the tip. */
  | { readonly kind: 'elsewhere' }
  /** A signature of this block of the run fails: all before it can be connected. */
  | { readonly kind: 'shorter'; readonly count: number; readonly failure: Failure };

/** The leading blocks that stand one above the other, proof of work checked. */
function consecutive(ctx: ChainContext, raws: readonly Uint8Array[]): Omit<Offer, 'verdict'>[] {
  const offers: Omit<Offer, 'verdict'>[] = [];
  for (const raw of raws) {
    const header = readOffer(ctx, raw);
    const last = offers.at(-1)?.header.hash;
    if (!header.ok || (last !== undefined && header.value.prevHash !== last)) break;
    offers.push({ raw, header: header.value });
  }
  return offers;
}

/** Checks one block and puts it on the fold. */
async function addBlock(
  ctx: ChainContext,
  window: Window,
  offer: Offer,
  parent: BlockEntry,
): Promise<Failure | undefined> {
  const { header, raw, verdict: known } = offer;
  if (known !== undefined) return { header, reject: rejectOf('duplicate-invalid', known) };
  const entry = checkHeaderContext(header, parent, ctx.params, nowSeconds(ctx.clock));
  if (!entry.ok) return { header, reject: entry.reject };
  const block = decodeBlock(raw);
  if (!block.ok) return { header, reject: block.reject };
  const alone = checkBlock(block.value, ctx.params, { proofOfWork: false });
  if (!alone.ok) return { header, reject: alone.reject, entry: entry.value };
  const reject = await window.fold.connect(block.value, entry.value, parent);
  if (reject !== undefined) return { header, reject, entry: entry.value };
  window.blocks.push({ block: block.value, entry: entry.value });
  return undefined;
}

async function foldWindow(
  ctx: ChainContext,
  snapshot: Snapshot,
  tip: BlockEntry,
  offers: readonly Offer[],
): Promise<Window> {
  const window: Window = { fold: new Fold(ctx, snapshot), blocks: [] };
  let parent = tip;
  for (const offer of offers) {
    const failure = await addBlock(ctx, window, offer, parent);
    if (failure !== undefined) {
      window.failure = failure;
      break;
    }
    parent = window.blocks.at(-1)?.entry ?? parent;
    if (window.fold.changes.size >= CHAIN_LIMITS.windowChangesMax) break;
  }
  return window;
}

async function blame(ctx: ChainContext, { entry, reject }: Failure): Promise<void> {
  if (entry === undefined) return;
  const [row] = await ctx.store.read([offKey(OFF_HEADERS, entry)]);
  await condemn(ctx, entry, reject, { headerKnown: row !== undefined });
}

async function connectWindow(
  ctx: ChainContext,
  snapshot: Snapshot,
  offers: readonly Offer[],
  pending: Pending | undefined,
): Promise<Step> {
  const tip = tipOf(snapshot);
  if (offers[0]?.header.prevHash !== tip.hash) return { kind: 'elsewhere' };
  const window = await foldWindow(ctx, snapshot, tip, offers);
  const folded = await window.fold.finish();
  if (!folded.ok) {
    const { entry, reject, index } = folded;
    const failure = { header: entry.header, reject, entry };
    return { kind: 'shorter', count: index, failure };
  }
  const { blocks, failure } = window;
  const top = blocks.at(-1)?.entry;
  if (top === undefined) return { kind: 'connected', hashes: [], change: undefined, failure };
  const rows = await putChunks(ctx, snapshot, blocks, pending);
  const move = { from: tip, to: top, forkHeight: tip.height };
  const change = await commitDraft(ctx, snapshot, folded.draft, move, rows);
  if (change === undefined) return { kind: 'conflict' };
  const entries = blocks.map(({ entry }) => entry);
  await tidyAfter(ctx.store, entries);
  return { kind: 'connected', hashes: entries.map(({ hash }) => hash), change, failure };
}

/** Outcomes of a window; what waits on its blocks is connected with it. */
async function concluded(
  ctx: ChainContext,
  step: Extract<Step, { kind: 'connected' }>,
): Promise<Step> {
  const { hashes, failure } = step;
  const outcomes: BlockOutcome[] = [];
  if (step.change !== undefined) {
    await adopt(ctx, hashes);
    const change = (await activateBest(ctx, step.change)) ?? step.change;
    for (const hash of hashes) outcomes.push({ status: 'tip', hash, change });
  }
  if (failure !== undefined) {
    await blame(ctx, failure);
    outcomes.push(rejected(failure.header.hash, failure.reject));
  }
  return { kind: 'outcomes', outcomes, stop: failure !== undefined };
}

/** A block that does not extend the tip: known on the chain, or one for the slow lane. */
async function acceptElsewhere(ctx: ChainContext, offer: Uint8Array): Promise<Step> {
  const outcome = await acceptBlock(ctx, offer, { asked: true });
  const goesOn = ['tip', 'side', 'known'].includes(outcome.status);
  return { kind: 'outcomes', outcomes: [outcome], stop: !goesOn };
}

/** The next blocks of the run, as many as one commit takes. */
async function acceptSome(ctx: ChainContext, raws: readonly Uint8Array[]): Promise<Step> {
  const bare = consecutive(ctx, raws);
  const [named, ...verdicts] = await ctx.store.read([
    PENDING_KEY,
    ...bare.map(({ header }) => invalidKey(header.hash)),
  ]);
  const pending = named && decodePending(named.value);
  let offers: Offer[] = bare.map((offer, i) => {
    const row = verdicts[i];
    return { ...offer, verdict: row === undefined ? undefined : decodeText(row.value) };
  });
  let failure: Failure | undefined;
  for (let tries = 0; tries < CHAIN_LIMITS.commitTriesMax; ) {
    if (offers.length === 0 && failure !== undefined) {
      await blame(ctx, failure);
      const outcomes = [rejected(failure.header.hash, failure.reject)];
      return { kind: 'outcomes', outcomes, stop: true };
    }
    const now = offers;
    const step = await withSnapshot(ctx.store, (view) => connectWindow(ctx, view, now, pending));
    if (step.kind === 'elsewhere') return acceptElsewhere(ctx, raws[0] as Uint8Array);
    if (step.kind === 'outcomes') return step;
    if (step.kind === 'connected') return concluded(ctx, step);
    if (step.kind === 'conflict') tries++;
    else {
      // Which block it was is found out once more when the run gets there: the rest comes first.
      offers = offers.slice(0, step.count);
      failure = step.failure;
    }
  }
  throw new Fault('commit-contention', 'other writers moved the tip again and again');
}

/**
 * Outcomes of the blocks, up to the first that is refused. Those of one commit bear the same
 * `change`, the same object.
 */
export async function acceptBlocks(
  ctx: ChainContext,
  raws: readonly Uint8Array[],
): Promise<readonly BlockOutcome[]> {
  const outcomes: BlockOutcome[] = [];
  while (outcomes.length < raws.length) {
    const step = await acceptSome(ctx, raws.slice(outcomes.length));
    if (step.kind !== 'outcomes') break;
    outcomes.push(...step.outcomes);
    if (step.stop) break;
  }
  return outcomes;
}
