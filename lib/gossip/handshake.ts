/**
 * Calling a peer: the handshake and the poll of who is not told by itself. Owns what is asked and how
 * often.
 */
import type { BlockHash } from '../types.ts';
import { blockNews } from './announce.ts';
import { type GossipContext, ownVersion, workText } from './context.ts';
import { canReach, type Exchanged, exchange } from './exchange.ts';
import { LIMITS } from './limits.ts';
import type { Message } from './messages.ts';
import { type PeerRow, peerKey } from './peers.ts';
import { readOne } from './rows.ts';

export const isHandshakeDue = (ctx: GossipContext, peer: PeerRow): boolean =>
  peer.lastHandshake === 0 ||
  peer.failures > 0 ||
  ctx.now() - peer.lastHandshake >= ctx.handshakeSeconds;

/** Who we are, and who are you. */
export async function shakeHands(ctx: GossipContext, peer: PeerRow): Promise<Exchanged> {
  const nextAt = ctx.now();
  return exchange(ctx, peer, [await ownVersion(ctx)], { nextAt });
}

const getHeaders = async (ctx: GossipContext): Promise<Message> => {
  const best: BlockHash = (await ctx.chain.bestHeader()).hash;
  return { type: 'getheaders', locator: await ctx.chain.locator(best) };
};

/** A peer is due: shakes hands if it is time, asks for what is new. `asks`: it is one that is polled. */
export async function call(
  ctx: GossipContext,
  peer: PeerRow,
  options: { readonly asks: boolean },
): Promise<void> {
  let row = peer;
  const isFirst = isHandshakeDue(ctx, peer);
  if (isFirst) {
    if (!(await shakeHands(ctx, peer)).ok) return;
    row = (await readOne<PeerRow>(ctx, peerKey(peer.id))) ?? peer;
  }
  const isPolled = options.asks && !row.push;
  const messages = [await getHeaders(ctx)];
  // One that is told may have missed what was said while it, or its peer, was not there.
  if (isPolled || isFirst) messages.push({ type: 'mempool', cursor: row.cursor });
  const nextAt = ctx.now() + (isPolled ? ctx.pollSeconds : ctx.handshakeSeconds);
  const called = await exchange(ctx, row, messages, { nextAt });
  if (called.ok) await offerTip(ctx, row);
}

/** A peer that is behind us missed something: it asks for the rest itself. */
async function offerTip(ctx: GossipContext, peer: PeerRow): Promise<void> {
  // On a queue an offer that was not needed would cost both sides: only a tick's own news go there.
  if (peer.tip === '' || peer.kind === 'sqs' || !canReach(ctx, peer, 'ask')) return;
  if (ctx.now() - peer.lastHandshake > LIMITS.touchSeconds) return;
  const { entry } = await ctx.chain.tip();
  if (peer.work >= workText(entry.chainwork)) return;
  const news = await blockNews(ctx, entry.hash);
  if (news !== undefined) await exchange(ctx, peer, [news]);
}
