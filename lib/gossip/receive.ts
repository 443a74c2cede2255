/**
 * What comes in: judged by its shape, its network and its sender before anything is done with it,
 * then handled in order. Owns the refusals of a request.
 */
import { isLoopback } from './address.ts';
import { type GossipContext, toEnvelopes } from './context.ts';
import { checkEnvelopes } from './envelope.ts';
import { canReach, exchange } from './exchange.ts';
import { handleAll } from './handle.ts';
import { LIMITS } from './limits.ts';
import { decodeMessage, type Message } from './messages.ts';
import {
  listPeers,
  type PeerRow,
  putSession,
  readSender,
  type SessionRow,
  sessionIdOf,
  updatePeer,
  urlScoreKey,
} from './peers.ts';
import { readOne } from './rows.ts';
import { addPoints, isBanned, type ScoreRow, scoreKeyOf, scoreRowKey } from './scores.ts';
import { type Identity, newTurn, type Turn } from './turn.ts';
import type { Gossip, Sender } from './types.ts';

type Answer = Awaited<ReturnType<Gossip['receive']>>;

interface Known {
  readonly identity: Identity;
  readonly score: ScoreRow | undefined;
}

async function identify(ctx: GossipContext, sender: Sender, from: string): Promise<Known> {
  const sessionId = sessionIdOf(from);
  const asSession = scoreKeyOf(sender, { name: from, ...(sessionId && { sessionId }) });
  const asStranger = scoreKeyOf(sender, { name: from });
  const [{ session, scores }, peer] = await Promise.all([
    readSender(ctx, sessionId, [asSession, asStranger]),
    sender.transport === 'http' ? undefined : peerOf(ctx, sender),
  ]);
  const scoreKey = session === undefined ? asStranger : asSession;
  return {
    identity: {
      scoreKey,
      origin: peer?.address ?? (session?.claimedUrl || from),
      name: from,
      loopback: sender.transport === 'http' && isLoopback(sender.key),
      ...(session && { session, sessionName: from }),
      ...(peer && { peer }),
      reply: sender.reply === true,
    },
    score: await worse(ctx, session, session === undefined ? scores[1] : scores[0]),
  };
}

/** Who says to be at a URL whose answers got it banned is that peer: an honest one would not. */
async function worse(
  ctx: GossipContext,
  session: SessionRow | undefined,
  own: ScoreRow | undefined,
): Promise<ScoreRow | undefined> {
  if (isBanned(own) || session === undefined || session.claimedUrl === '') return own;
  const claimed = await readOne<ScoreRow>(ctx, scoreRowKey(urlScoreKey(session.claimedUrl)));
  return isBanned(claimed) ? claimed : own;
}

/** The peer whose queue or in-process address the sender's key is. */
const peerOf = async (ctx: GossipContext, sender: Sender): Promise<PeerRow | undefined> =>
  (await listPeers(ctx)).find(({ address }) => address === sender.key);

/**
 * On loopback a handshake is open to all, or a name could be used up by somebody else; what comes
 * under the session that it gives is judged by that.
 */
const isGreeting = (known: Known, messages: readonly (Message | undefined)[]): boolean =>
  known.identity.loopback &&
  known.identity.session === undefined &&
  messages.every((message) => message?.type === 'version');

export async function receive(
  ctx: GossipContext,
  values: readonly unknown[],
  sender: Sender,
): Promise<Answer> {
  const checked = checkEnvelopes(values, ctx.params.genesisHash);
  if (!checked.ok) return checked;
  const { from = '' } = checked.envelopes[0] ?? {};
  const messages: (Message | undefined)[] = [];
  let fault: string | undefined;
  for (const { type, payload } of checked.envelopes) {
    const decoded = decodeMessage(type, payload);
    if (decoded.ok) messages.push(decoded.message);
    else fault ??= decoded.detail;
  }
  const known = await identify(ctx, sender, from);
  if (isBanned(known.score) && !isGreeting(known, messages)) {
    return { ok: false, code: 'banned', detail: `refused for: ${known.score?.reason ?? ''}` };
  }
  if (fault !== undefined) {
    const offence = { points: LIMITS.malformedPoints, reason: fault.slice(0, 200) };
    await addPoints(ctx, known.identity.scoreKey, offence);
    return { ok: false, code: 'invalid-request', detail: fault };
  }
  const turn = newTurn(known.identity);
  await handleAll(ctx, turn, messages);
  return finish(ctx, turn);
}

/** All sends are done when this resolves. */
async function finish(ctx: GossipContext, turn: Turn): Promise<Answer> {
  const { identity } = turn;
  if (turn.accepted.length > 0) await ctx.relayTxs(turn.accepted, identity.origin);
  if (identity.session !== undefined && turn.news.tip !== undefined) {
    await putSession(ctx, { ...identity.session, ...claimNews(turn), lastSeen: ctx.now() });
  }
  if (turn.refusal !== undefined) return { ok: false, ...turn.refusal };
  const { peer } = identity;
  if (peer !== undefined) await noteSender(ctx, peer, turn.news);
  if (peer?.kind === 'sqs') {
    await answerQueue(ctx, peer, turn.replies);
    return { ok: true, replies: [] };
  }
  return { ok: true, replies: toEnvelopes(ctx, turn.replies, ctx.name) };
}

/** Its key is its own queue or place, so this is its word: it lives, and is due if it was given up. */
async function noteSender(ctx: GossipContext, peer: PeerRow, news: Turn['news']): Promise<void> {
  const now = ctx.now();
  const isLost = peer.failures > 0 && peer.nextAt > now;
  if (!isLost && now - peer.lastSeen < LIMITS.touchSeconds) return;
  await updatePeer(ctx, peer.id, ({ nextAt }) => ({
    ...news,
    lastSeen: now,
    nextAt: isLost ? Math.min(nextAt, now) : nextAt,
  }));
}

const QUESTIONS: ReadonlySet<string> = new Set(['getdata', 'getheaders', 'mempool']);

/**
 * A queue has no way back: what we have to say goes to the sender's own. What we want to know is
 * asked of its URL, which answers at once and whatever the size.
 */
async function answerQueue(
  ctx: GossipContext,
  peer: PeerRow,
  replies: readonly Message[],
): Promise<void> {
  const canAsk = canReach(ctx, peer, 'ask');
  const asks = replies.filter(({ type }) => canAsk && QUESTIONS.has(type));
  const tells = replies.filter((reply) => !asks.includes(reply));
  if (asks.length > 0) await exchange(ctx, peer, asks);
  if (tells.length > 0 && canReach(ctx, peer, 'tell')) {
    await exchange(ctx, peer, tells, { way: 'tell' });
  }
}

const claimNews = ({ news }: Turn) => ({
  height: news.height ?? 0,
  tip: news.tip ?? '',
  work: news.work ?? '',
});
