/**
 * The handling of messages: which handler a message goes to, and what a request ends with. Owns the
 * order; each handler is idempotent, for messages come twice, late and out of order.
 */
import type { GossipContext } from './context.ts';
import { onAddr, onPing, onVerack, onVersion } from './handle-hello.ts';
import { askBodies, onBlock, onHeaders, onInv, onNotFound, onTx } from './handle-news.ts';
import { onGetBlocks, onGetData, onGetHeaders, onMempool } from './handle-questions.ts';
import { LIMITS } from './limits.ts';
import type { Message } from './messages.ts';
import { listPeers } from './peers.ts';
import { say, type Turn } from './turn.ts';

async function dispatch(ctx: GossipContext, turn: Turn, message: Message): Promise<void> {
  switch (message.type) {
    case 'version':
      return onVersion(ctx, turn, message);
    case 'verack':
      return onVerack(ctx, turn, message);
    case 'addr':
      return onAddr(ctx, turn, message.urls);
    case 'inv':
      return onInv(ctx, turn, message.items);
    case 'getheaders':
      return onGetHeaders(ctx, turn, message);
    case 'getblocks':
      return onGetBlocks(ctx, turn, message);
    case 'getdata':
      return onGetData(ctx, turn, message.items);
    case 'headers':
      return onHeaders(ctx, turn, message.headers);
    case 'block':
      return onBlock(ctx, turn, message.raw);
    case 'tx':
      return onTx(ctx, turn, message.raw);
    case 'notfound':
      return onNotFound(ctx, turn, message.items);
    case 'ping':
      return onPing(turn, message.nonce);
    case 'pong':
      return;
    case 'mempool':
      return turn.identity.reply
        ? onFeedCursor(turn, message.cursor)
        : onMempool(ctx, turn, message.cursor);
  }
}

/** Where to go on in the peer's feed; a full page is followed by the next one at once. */
function onFeedCursor(turn: Turn, cursor: string): void {
  turn.news = { ...turn.news, cursor };
  const fetched = turn.replies.flatMap((reply) => (reply.type === 'getdata' ? reply.items : []));
  if (fetched.length >= LIMITS.feedPage) say(turn, { type: 'mempool', cursor });
}

/** Handles a sender's messages in order, until it is to blame for one. */
export async function handleAll(
  ctx: GossipContext,
  turn: Turn,
  messages: readonly (Message | undefined)[],
): Promise<void> {
  for (const message of messages) {
    if (turn.stopped) return;
    // A type that we do not know is passed over.
    if (message !== undefined) await dispatch(ctx, turn, message);
  }
  if (turn.wantsBodies && !turn.stopped) {
    await askBodies(ctx, turn, { syncCanDoIt: await canBeCalled(ctx, turn) });
  }
}

async function canBeCalled(ctx: GossipContext, turn: Turn): Promise<boolean> {
  const { peer, reply, origin } = turn.identity;
  if (reply || peer !== undefined) return true;
  const peers = await listPeers(ctx);
  return peers.some((known) => known.address === origin && known.failures === 0);
}
