/**
 * Catching up, first half: headers from one peer, by 2,000, until it has no more. Owns the way of
 * the headers (stored at once, or walked first) and blame for wrong ones.
 */
import type { BlockHash, BlockHeader } from '../types.ts';
import type { GossipContext } from './context.ts';
import { request } from './exchange.ts';
import { LIMITS } from './limits.ts';
import { type PeerRow, peerFailed, urlScoreKey } from './peers.ts';
import { addPoints, pointsForBlock } from './scores.ts';
import { beginWalk, continueWalk, readWalk, type WalkStep, walkFrom } from './walk.ts';

export type HeadersEnd =
  /** The peer has no more that is worth having. */
  | 'done'
  /** Time is up. */
  | 'more'
  | 'failed';

async function ask(
  ctx: GossipContext,
  peer: PeerRow,
  locator: readonly BlockHash[],
): Promise<readonly BlockHeader[] | undefined> {
  const answer = await request(ctx, peer, [{ type: 'getheaders', locator }]);
  if (!answer.ok) return undefined;
  return answer.messages.find((reply) => reply.type === 'headers')?.headers ?? [];
}

async function blame(
  ctx: GossipContext,
  peer: PeerRow,
  offence: { readonly points: number; readonly reason: string },
): Promise<'failed'> {
  if (offence.points > 0) await addPoints(ctx, urlScoreKey(peer.url), offence);
  await peerFailed(ctx, peer);
  return 'failed';
}

type Step =
  | { readonly next: readonly BlockHash[] }
  | { readonly end: HeadersEnd }
  | { readonly walk: WalkStep };

/** Takes one answer in; says where to go on. */
async function take(
  ctx: GossipContext,
  peer: PeerRow,
  headers: readonly BlockHeader[],
): Promise<Step> {
  const walk = await readWalk(ctx, peer.id);
  if (walk !== undefined) return { walk: await continueWalk(ctx, peer.id, walk, headers) };
  if (headers.length === 0) return { end: 'done' };
  const outcome = await ctx.chain.acceptHeaders(headers);
  switch (outcome.status) {
    case 'stored': {
      if (headers.length < LIMITS.headersMax) return { end: 'done' };
      return { next: await ctx.chain.locator(outcome.last.hash) };
    }
    case 'low-work':
      return { walk: await beginWalk(ctx, peer.id, headers) };
    case 'orphan': {
      const reason = 'headers that do not answer the question';
      return { end: await blame(ctx, peer, { points: LIMITS.malformedPoints, reason }) };
    }
    case 'rejected': {
      const { reject } = outcome;
      // What is before a header of the near future was stored.
      if (reject.kind === 'early') return { end: 'done' };
      const points = pointsForBlock(reject);
      return { end: await blame(ctx, peer, { points, reason: reject.reason }) };
    }
  }
}

/** `renew`: keeps the sync's lease; false: another has it now. */
export async function fetchHeaders(
  ctx: GossipContext,
  peer: PeerRow,
  until: { readonly deadlineMs: number; readonly renew: () => Promise<boolean> },
): Promise<HeadersEnd> {
  const walk = await readWalk(ctx, peer.id);
  let locator: readonly BlockHash[] =
    walk === undefined
      ? await ctx.chain.locator((await ctx.chain.bestHeader()).hash)
      : [walkFrom(walk)];
  // A peer cannot have more batches than the height bound allows; this one is for a peer that repeats.
  let before = '';
  for (;;) {
    if (ctx.clock.nowMs() >= until.deadlineMs || !(await until.renew())) return 'more';
    const headers = await ask(ctx, peer, locator);
    if (headers === undefined) return 'failed';
    const last = headers.at(-1)?.hash ?? '';
    const step = await take(ctx, peer, headers);
    if ('end' in step) return step.end;
    if ('next' in step) {
      if (last === before) return 'done';
      before = last;
      locator = step.next;
    } else if (step.walk.status === 'more') locator = [step.walk.from];
    else return step.walk.status === 'done' ? 'done' : blame(ctx, peer, step.walk);
  }
}
