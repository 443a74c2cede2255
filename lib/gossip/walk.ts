/**
 * Walking a header chain that has too little work yet to buy storage: checked batch by batch, of
 * which one bounded record a peer remains (position, work, the last times, a SHA-256 a batch). If the
 * chain has enough at its end, it is fetched again, must hash the same, and only then is stored.
 */
import { decodeHeader, fromHex, toHex } from '../codec/index.ts';
import { checkHeader, checkHeaderContext } from '../consensus/check-header.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { sha256 } from '../crypto/hash.ts';
import { assert } from '../faults.ts';
import type { BlockHash, BlockHeader } from '../types.ts';
import { type GossipContext, heightMax } from './context.ts';
import { LIMITS } from './limits.ts';
import { encodeJson, ROWS, readOne } from './rows.ts';
import { pointsForBlock } from './scores.ts';

const DIGEST_CHARS = 64;

export interface WalkRow {
  /** The stored block that the chain stands on. */
  readonly start: BlockHash;
  /** Entry of the last header that was walked, or stored when fetching again. */
  readonly position: {
    readonly header: string;
    readonly height: number;
    readonly work: string;
    readonly times: readonly number[];
    readonly windowStartTime: number;
  };
  /** One after the other, in hex. */
  readonly digests: string;
  /** Headers of the last batch. */
  readonly lastCount: number;
  /** Batches that were fetched again and stored; undefined while walking. */
  readonly stored?: number;
}

const walkKey = (peerId: string) => ({ pk: ROWS.walks, sk: peerId });

export const readWalk = (ctx: GossipContext, peerId: string): Promise<WalkRow | undefined> =>
  readOne<WalkRow>(ctx, walkKey(peerId));

export const dropWalk = (ctx: GossipContext, peerId: string): Promise<void> =>
  ctx.store.remove([walkKey(peerId)]);

const writeWalk = (ctx: GossipContext, peerId: string, row: WalkRow): Promise<void> =>
  ctx.store.put([
    {
      ...walkKey(peerId),
      value: encodeJson(row),
      expiresAt: ctx.now() + LIMITS.banSeconds,
    },
  ]);

const positionOf = (entry: BlockEntry): WalkRow['position'] => ({
  header: toHex(entry.header.raw),
  height: entry.height,
  work: entry.chainwork.toString(16),
  times: entry.times,
  windowStartTime: entry.windowStartTime,
});

function entryOf({ position }: WalkRow): BlockEntry {
  const header = decodeHeader(fromHex(position.header) ?? new Uint8Array(0));
  assert(header.ok, 'the header of our own record decodes');
  return {
    hash: header.value.hash,
    header: header.value,
    height: position.height,
    chainwork: BigInt(`0x${position.work}`),
    times: position.times,
    windowStartTime: position.windowStartTime,
  };
}

function digestOf(headers: readonly BlockHeader[]): string {
  const bytes = new Uint8Array(80 * headers.length);
  for (const [i, header] of headers.entries()) bytes.set(header.raw, 80 * i);
  return toHex(sha256(bytes));
}

const batchesOf = (row: WalkRow): number => row.digests.length / DIGEST_CHARS;

export type WalkStep =
  /** Ask for headers after `from`. */
  | { readonly status: 'more'; readonly from: BlockHash }
  /** All is stored, or the chain is not worth it. */
  | { readonly status: 'done' }
  /** The peer's fault, or its chain changed meanwhile (no points). */
  | { readonly status: 'failed'; readonly points: number; readonly reason: string };

const failed = (points: number, reason: string): WalkStep => ({ status: 'failed', points, reason });

/** Where a walk goes on; undefined: there is none. */
export function walkFrom(row: WalkRow): BlockHash {
  return row.stored === 0 ? row.start : entryOf(row).hash;
}

/** Begins with the first batch, which stands on a stored block and was found to have little work. */
export async function beginWalk(
  ctx: GossipContext,
  peerId: string,
  headers: readonly BlockHeader[],
): Promise<WalkStep> {
  const [first] = headers;
  const parent = first && (await ctx.chain.entry(first.prevHash));
  if (parent === undefined) return { status: 'done' };
  const row = { start: parent.hash, position: positionOf(parent), digests: '', lastCount: 0 };
  return walkBatch(ctx, peerId, row, headers);
}

/** Takes the next batch of the first way, or of the second. */
export const continueWalk = (
  ctx: GossipContext,
  peerId: string,
  row: WalkRow,
  headers: readonly BlockHeader[],
): Promise<WalkStep> =>
  row.stored === undefined
    ? walkBatch(ctx, peerId, row, headers)
    : storeBatch(ctx, peerId, row, headers);

async function walkBatch(
  ctx: GossipContext,
  peerId: string,
  row: WalkRow,
  headers: readonly BlockHeader[],
): Promise<WalkStep> {
  const [first] = headers;
  let entry = entryOf(row);
  if (first === undefined) return endOfWalk(ctx, peerId, row, entry);
  if (first.prevHash !== entry.hash) {
    await dropWalk(ctx, peerId);
    return failed(0, 'its chain changed during the walk');
  }
  const highest = heightMax(ctx);
  for (const header of headers) {
    const alone = checkHeader(header, ctx.params);
    const placed = alone.ok ? checkHeaderContext(header, entry, ctx.params, ctx.now()) : alone;
    if (!placed.ok || entry.height >= highest) {
      await dropWalk(ctx, peerId);
      if (placed.ok) return failed(0, 'more blocks than seconds allow');
      return failed(pointsForBlock(placed.reject), placed.reject.reason);
    }
    entry = placed.value as BlockEntry;
  }
  const next: WalkRow = {
    ...row,
    position: positionOf(entry),
    digests: row.digests + digestOf(headers),
    lastCount: headers.length,
  };
  await writeWalk(ctx, peerId, next);
  if (headers.length < LIMITS.headersMax || batchesOf(next) >= LIMITS.walkBatchesMax) {
    return endOfWalk(ctx, peerId, next, entry);
  }
  return { status: 'more', from: entry.hash };
}

async function endOfWalk(
  ctx: GossipContext,
  peerId: string,
  row: WalkRow,
  entry: BlockEntry,
): Promise<WalkStep> {
  const tip = await ctx.chain.tip();
  if (entry.chainwork < ctx.chain.storageThreshold(tip.entry)) {
    await dropWalk(ctx, peerId);
    return { status: 'done' };
  }
  await writeWalk(ctx, peerId, { ...row, stored: 0 });
  return { status: 'more', from: row.start };
}

async function storeBatch(
  ctx: GossipContext,
  peerId: string,
  row: WalkRow,
  headers: readonly BlockHeader[],
): Promise<WalkStep> {
  const index = row.stored ?? 0;
  const isLast = index === batchesOf(row) - 1;
  // The chain may have grown since: what came behind the walk is no part of it.
  const batch = isLast ? headers.slice(0, row.lastCount) : headers;
  const wanted = row.digests.slice(index * DIGEST_CHARS, (index + 1) * DIGEST_CHARS);
  if (digestOf(batch) !== wanted) {
    await dropWalk(ctx, peerId);
    return failed(LIMITS.malformedPoints, 'headers that are not those of the walk');
  }
  const outcome = await ctx.chain.acceptHeaders(batch, { proven: true });
  if (outcome.status !== 'stored') {
    await dropWalk(ctx, peerId);
    return failed(0, `a walked chain is not stored: ${outcome.status}`);
  }
  if (isLast) {
    await dropWalk(ctx, peerId);
    return { status: 'done' };
  }
  await writeWalk(ctx, peerId, { ...row, stored: index + 1, position: positionOf(outcome.last) });
  return { status: 'more', from: outcome.last.hash };
}
