/**
 * Questions: getheaders, getblocks, getdata, mempool. Owns what we tell and how much of it; changes
 * nothing.
 */
import type { BlockHash } from '../types.ts';
import type { GossipContext } from './context.ts';
import { LIMITS } from './limits.ts';
import type { InvItem } from './messages.ts';
import { hasRoom, say, type Turn } from './turn.ts';

/** Bodies read at a time. */
const READ_AHEAD = 8;

interface Locator {
  readonly locator: readonly BlockHash[];
  readonly stop?: BlockHash;
}

export async function onGetHeaders(
  ctx: GossipContext,
  turn: Turn,
  { locator, stop }: Locator,
): Promise<void> {
  if (!hasRoom(turn)) return;
  const { headersMax, headersPerQueueMessage } = LIMITS;
  const limit = turn.identity.peer?.kind === 'sqs' ? headersPerQueueMessage : headersMax;
  const headers = await ctx.chain.headersAfter(locator, stop, limit);
  say(turn, { type: 'headers', headers });
}

export async function onGetBlocks(
  ctx: GossipContext,
  turn: Turn,
  { locator, stop }: Locator,
): Promise<void> {
  if (!hasRoom(turn)) return;
  const headers = await ctx.chain.headersAfter(locator, stop, LIMITS.blocksPerInv);
  const items = headers.map(({ hash }) => ({ kind: 'block', hash }) as const);
  if (items.length > 0) say(turn, { type: 'inv', items });
}

/** What does not fit is left out, not said to be missing: the other side asks again. */
export async function onGetData(
  ctx: GossipContext,
  turn: Turn,
  items: readonly InvItem[],
): Promise<void> {
  const missing: InvItem[] = [];
  for (let at = 0; at < items.length && hasRoom(turn) && turn.lookUps > 0; at += READ_AHEAD) {
    const part = items.slice(at, at + Math.min(READ_AHEAD, turn.lookUps));
    turn.lookUps -= part.length;
    const raws = await Promise.all(part.map((item) => rawOf(ctx, item)));
    for (const [i, item] of part.entries()) {
      const raw = raws[i];
      // What is too large for a queue is fetched from our URL.
      const isTooLarge =
        turn.identity.peer?.kind === 'sqs' &&
        !turn.identity.reply &&
        (raw?.length ?? 0) > LIMITS.pushBytesMax;
      if (raw === undefined || isTooLarge) missing.push(item);
      else say(turn, { type: item.kind === 'tx' ? 'tx' : 'block', raw });
    }
  }
  if (missing.length > 0) say(turn, { type: 'notfound', items: missing });
}

async function rawOf(ctx: GossipContext, item: InvItem): Promise<Uint8Array | undefined> {
  if (item.kind === 'block') return ctx.chain.blockRaw(item.hash);
  return item.kind === 'tx' ? (await ctx.mempool.get(item.hash))?.tx.raw : undefined;
}

/** The feed of transactions for who polls: ids, and where to go on next time. */
export async function onMempool(ctx: GossipContext, turn: Turn, cursor: string): Promise<void> {
  if (!hasRoom(turn)) return;
  const feed = await ctx.mempool.feed(cursor, LIMITS.feedPage);
  const items = feed.txids.map((hash) => ({ kind: 'tx', hash }) as const);
  if (items.length > 0) say(turn, { type: 'inv', items: items.slice(0, LIMITS.invMax) });
  say(turn, { type: 'mempool', cursor: feed.cursor });
}
