/**
 * What to do with a block that somebody offers: the cheap filters first, then the rules that need no
 * coins, then whether it may be stored. Owns the order of the questions and whom a fault is laid on;
 * stores nothing but verdicts and orphans.
 */
import { decodeBlock } from '../codec/block.ts';
import { decodeHeader, HEADER_BYTES } from '../codec/header.ts';
import { checkBlock, checkBlockContext } from '../consensus/check-block.ts';
import { checkHeader, checkHeaderContext } from '../consensus/check-header.ts';
import { BLOCK_BYTES_MAX } from '../consensus/limits.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { nowSeconds } from '../ports/clock.ts';
import type { Snapshot } from '../ports/store.ts';
import { rejectOf } from '../rejects.ts';
import {
  blockKey,
  decodeBlockRow,
  decodePending,
  decodeText,
  headerKey,
  OFF_BODIES,
  OFF_HEADERS,
  PENDING_KEY,
  type Pending,
} from '../store/layout.ts';
import type { Block, BlockHash, BlockHeader, Reject, Verdict } from '../types.ts';
import { isOnChain } from './activate-best.ts';
import { headerRow } from './block-store.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, receivedNow, tipOf } from './context.ts';
import {
  descendantsOf,
  invalidKey,
  loadTree,
  offKey,
  offRow,
  siblingsOf,
  verdictRows,
} from './off-chain.ts';
import { keepOrphan } from './orphans.ts';
import { noteOffChain } from './quota.ts';
import { relist } from './relist.ts';
import type { BlockOutcome } from './types.ts';

/** A block that passed all that can be asked without coins. */
export interface Candidate {
  readonly kind: 'candidate';
  readonly block: Block;
  readonly entry: BlockEntry;
  readonly tip: BlockEntry;
  /** It extends the tip: its coins are those of the snapshot. */
  readonly extendsTip: boolean;
  readonly headerKnown: boolean;
  /** The blocks that are being stored: see PENDING_KEY. */
  readonly pending: Pending | undefined;
}

export type Assessment =
  | Candidate
  | { readonly kind: 'answer'; readonly outcome: BlockOutcome }
  /** Its body lies off the chain already. */
  | { readonly kind: 'stored'; readonly entry: BlockEntry; readonly tip: BlockEntry };

/** What the store knows of a block and its parent. */
export interface Facts {
  readonly tip: BlockEntry;
  readonly entry?: BlockEntry;
  readonly hasBlockRow: boolean;
  /** Why the block, or its parent, is known to be invalid. */
  readonly verdict?: string;
  readonly parentVerdict?: string;
  readonly parent?: BlockEntry;
  readonly pending: Pending | undefined;
}

export async function readFacts(
  ctx: ChainContext,
  snapshot: Snapshot,
  header: Pick<BlockHeader, 'hash' | 'prevHash'>,
): Promise<Facts> {
  const { hash, prevHash } = header;
  const keysOf = (id: BlockHash) => [blockKey(id), headerKey(id), invalidKey(id)];
  const rows = await ctx.store.read([...keysOf(hash), ...keysOf(prevHash), PENDING_KEY]);
  const [block, bare, verdict, parentBlock, parentBare, parentVerdict, pending] = rows;
  const row = block ?? bare;
  const parentRow = parentBlock ?? parentBare;
  return {
    tip: tipOf(snapshot),
    hasBlockRow: block !== undefined,
    ...(row && { entry: decodeBlockRow(row.value).entry }),
    ...(verdict && { verdict: decodeText(verdict.value) }),
    ...(parentVerdict && { parentVerdict: decodeText(parentVerdict.value) }),
    ...(parentRow && { parent: decodeBlockRow(parentRow.value).entry }),
    pending: pending && decodePending(pending.value),
  };
}

const answer = (outcome: BlockOutcome): Assessment => ({ kind: 'answer', outcome });
export const rejected = (hash: BlockHash, reject: Reject): BlockOutcome => ({
  status: 'rejected',
  hash,
  reject,
});

/** The header of a block's bytes, if its proof of work holds: the cheapest filter. */
export function readOffer(
  ctx: ChainContext,
  raw: Uint8Array,
  options: { readonly proofOfWork?: boolean } = {},
): Verdict<BlockHeader> & { readonly hash?: BlockHash } {
  const header = decodeHeader(raw.subarray(0, HEADER_BYTES));
  if (!header.ok) {
    return { ok: false, reject: rejectOf('block-decode-failed', header.reject.detail) };
  }
  const { hash } = header.value;
  if (raw.length > BLOCK_BYTES_MAX) return { ok: false, reject: rejectOf('bad-blk-length'), hash };
  const work = options.proofOfWork === false ? header : checkHeader(header.value, ctx.params);
  return work.ok ? header : { ...work, hash };
}

/** Whether the body may be kept (design: cheap work buys no storage). */
async function buysStorage(
  ctx: ChainContext,
  entry: BlockEntry,
  about: { readonly tip: BlockEntry; readonly asked: boolean; readonly headerKnown: boolean },
): Promise<boolean> {
  const { tip, asked, headerKnown } = about;
  // It is the tip if it is valid, and if it is not, its body is not kept.
  if (entry.header.prevHash === tip.hash) return true;
  if (asked && headerKnown) return true;
  if (!asked && entry.chainwork < tip.chainwork) return false;
  if (entry.height <= tip.height - CHAIN_LIMITS.sideDepthMax) return false;
  return headerKnown || (await siblingsOf(ctx.store, entry)) < CHAIN_LIMITS.siblingsMax;
}

/**
 * Lays the fault on the hash, for good, and on all that stands above it. The header is kept with the
 * verdict, unless sixteen of its parent's children are: then it is only answered.
 */
export async function condemn(
  ctx: ChainContext,
  entry: BlockEntry,
  reject: Reject,
  options: { readonly headerKnown: boolean },
): Promise<void> {
  if (reject.kind !== 'consensus') return;
  const { store, telemetry } = ctx;
  const { hash } = entry;
  telemetry.log('warn', 'a block is invalid', { hash, reason: reject.reason });
  if (options.headerKnown) {
    const above = descendantsOf(await loadTree(store), hash);
    await store.put(verdictRows(above, reject.reason));
    return;
  }
  if ((await siblingsOf(store, entry)) >= CHAIN_LIMITS.siblingsMax) return;
  const off = offRow(OFF_HEADERS, entry, { bodyBytes: 0, receivedAt: receivedNow(ctx) });
  await store.put([headerRow(entry), off, ...verdictRows([hash], reject.reason)]);
  await noteOffChain(ctx, { rows: 1, bytes: 0 });
}

/** Where a block lies whose row is here; `nowhere`: left behind by a death, as if it had not come. */
async function placeOf(
  ctx: ChainContext,
  snapshot: Snapshot,
  entry: BlockEntry,
): Promise<'chain' | 'branch' | 'nowhere'> {
  if (await isOnChain(snapshot, entry)) return 'chain';
  const [row] = await ctx.store.read([offKey(OFF_BODIES, entry)]);
  return row === undefined ? 'nowhere' : 'branch';
}

/** Whether the body need not be fetched. */
export async function hasBody(
  ctx: ChainContext,
  snapshot: Snapshot,
  hash: BlockHash,
): Promise<boolean> {
  const [row] = await ctx.store.read([blockKey(hash)]);
  if (row === undefined) return false;
  return (await placeOf(ctx, snapshot, decodeBlockRow(row.value).entry)) !== 'nowhere';
}

/** All questions that need no coins, in order of what they cost. */
export async function assessBlock(
  ctx: ChainContext,
  snapshot: Snapshot,
  raw: Uint8Array,
  options: { readonly asked: boolean },
): Promise<Assessment> {
  const header = readOffer(ctx, raw);
  if (!header.ok) {
    const { hash, reject } = header;
    return answer(hash ? rejected(hash, reject) : { status: 'rejected', reject });
  }
  const { hash } = header.value;
  const facts = await readFacts(ctx, snapshot, header.value);
  if (facts.verdict !== undefined) {
    return answer(rejected(hash, rejectOf('duplicate-invalid', facts.verdict)));
  }
  if (facts.hasBlockRow && facts.entry !== undefined) {
    const place = await placeOf(ctx, snapshot, facts.entry);
    if (place === 'chain') return answer({ status: 'known', hash });
    if (place === 'branch') return { kind: 'stored', entry: facts.entry, tip: facts.tip };
  }
  if (facts.parentVerdict !== undefined) {
    return answer(rejected(hash, rejectOf('bad-prevblk', facts.parentVerdict)));
  }
  if (facts.parent === undefined) return assessOrphan(ctx, raw);
  const entry = checkHeaderContext(header.value, facts.parent, ctx.params, nowSeconds(ctx.clock));
  if (!entry.ok) return answer(rejected(hash, entry.reject));
  const found = await assessBody(
    ctx,
    raw,
    { ...facts, parent: facts.parent },
    entry.value,
    options,
  );
  if (found.kind === 'candidate' && !found.extendsTip) await relist(ctx, snapshot, [facts.parent]);
  return found;
}

async function assessOrphan(ctx: ChainContext, raw: Uint8Array): Promise<Assessment> {
  const block = decodeBlock(raw);
  if (!block.ok) return answer({ status: 'rejected', reject: block.reject });
  const { hash } = block.value.header;
  const verdict = checkBlock(block.value, ctx.params, { proofOfWork: false });
  if (!verdict.ok) return answer(rejected(hash, verdict.reject));
  await keepOrphan(ctx, block.value);
  return answer({ status: 'orphan', hash });
}

async function assessBody(
  ctx: ChainContext,
  raw: Uint8Array,
  facts: Facts & { readonly parent: BlockEntry },
  entry: BlockEntry,
  options: { readonly asked: boolean },
): Promise<Assessment> {
  const { tip, parent } = facts;
  const { hash } = entry;
  const headerKnown = facts.entry !== undefined;
  if (!(await buysStorage(ctx, entry, { tip, asked: options.asked, headerKnown }))) {
    return answer({ status: 'inconclusive', hash });
  }
  const block = decodeBlock(raw);
  if (!block.ok) return answer({ status: 'rejected', reject: block.reject });
  const alone = checkBlock(block.value, ctx.params, { proofOfWork: false });
  const verdict = alone.ok ? checkBlockContext(block.value, entry, parent) : alone;
  if (!verdict.ok) {
    await condemn(ctx, entry, verdict.reject, { headerKnown });
    return answer(rejected(hash, verdict.reject));
  }
  const extendsTip = parent.hash === tip.hash;
  const { pending } = facts;
  return {
    kind: 'candidate',
    block: block.value,
    entry,
    tip,
    extendsTip,
    headerKnown,
    pending,
  };
}
