/**
 * Talking to a peer: sends, handles what comes back, answers that, until nothing is left to say.
 * Owns the bounds of what we post and what a peer's failure costs it; called by whoever has news.
 */
import { Fault } from '../faults.ts';
import { type Envelope, refusalCode } from '../ports/transport.ts';
import { isLoopbackUrl, kindOf } from './address.ts';
import { type GossipContext, toEnvelopes } from './context.ts';
import { checkEnvelopes } from './envelope.ts';
import { handleAll } from './handle.ts';
import { LIMITS } from './limits.ts';
import { bytesOf, decodeMessage, type Message } from './messages.ts';
import { type PeerRow, peerAnswered, peerFailed, urlScoreKey } from './peers.ts';
import { addPoints } from './scores.ts';
import { newTurn, type Turn } from './turn.ts';

/** `ask`: where replies come at once. `tell`: where news go (a queue, where the peer has one). */
export type Way = 'ask' | 'tell';

const addressOf = (peer: PeerRow, way: Way): string => (way === 'ask' ? peer.url : peer.address);

export const canReach = (ctx: GossipContext, peer: PeerRow, way: Way): boolean =>
  addressOf(peer, way) !== '' && ctx.byKind.has(kindOf(addressOf(peer, way)));

/** Requests that the other side takes: by count and by bytes. */
function toPosts(messages: readonly Message[]): Message[][] {
  const posts: Message[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const size = bytesOf(message);
    let post = posts.at(-1);
    const isFull = post?.length === LIMITS.envelopesMax || bytes + size > LIMITS.postBytesMax;
    if (post === undefined || isFull) {
      post = [];
      posts.push(post);
      bytes = 0;
    }
    bytes += size;
    post.push(message);
  }
  return posts;
}

export type Answer =
  | { readonly ok: true; readonly messages: readonly Message[] }
  /** `code`: with which the peer refused us, if it did. */
  | { readonly ok: false; readonly code?: string };

/**
 * Sends, and answers the decoded replies. Not ok: it could not be reached, refused us or answered
 * rubbish, which is noted. Throws nothing for what the peer did.
 */
export async function request(
  ctx: GossipContext,
  peer: PeerRow,
  messages: readonly Message[],
  way: Way = 'ask',
): Promise<Answer> {
  const address = addressOf(peer, way);
  const transport = ctx.byKind.get(kindOf(address));
  if (transport === undefined) return { ok: false };
  const publicOnly = peer.origin === 'learned' && !isLoopbackUrl(address);
  const replies: Envelope[] = [];
  try {
    for (const post of toPosts(messages)) {
      const envelopes = toEnvelopes(ctx, post, nameFor(ctx, peer, way));
      replies.push(...(await transport.send(address, envelopes, { publicOnly })));
    }
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'transport') throw error;
    const code = refusalCode(error);
    // Who was learned from strangers comes and goes.
    if (peer.origin !== 'learned') ctx.telemetry.metric('SendsFailed', 1);
    await peerFailed(ctx, peer, { refused: code === 'banned' || code === 'wrong-network' });
    return { ok: false, ...(code !== undefined && { code }) };
  }
  return decodeReplies(ctx, peer, replies);
}

/** On a queue who we are is told by our role, and on an emulator's by our name. */
const nameFor = (ctx: GossipContext, peer: PeerRow, way: Way): string =>
  way === 'tell' && peer.kind === 'sqs' ? ctx.name : peer.session || ctx.name;

async function decodeReplies(
  ctx: GossipContext,
  peer: PeerRow,
  replies: readonly Envelope[],
): Promise<Answer> {
  const messages: Message[] = [];
  for (let at = 0; at < replies.length; at += LIMITS.envelopesMax) {
    const part = replies.slice(at, at + LIMITS.envelopesMax);
    const checked = checkEnvelopes(part, ctx.params.genesisHash);
    if (!checked.ok) return malformed(ctx, peer, checked.detail);
    for (const { type, payload } of checked.envelopes) {
      const decoded = decodeMessage(type, payload);
      if (!decoded.ok) return malformed(ctx, peer, decoded.detail);
      if (decoded.message !== undefined) messages.push(decoded.message);
    }
  }
  return { ok: true, messages };
}

async function malformed(ctx: GossipContext, peer: PeerRow, reason: string): Promise<Answer> {
  await addPoints(ctx, urlScoreKey(peer.url), { points: LIMITS.malformedPoints, reason });
  await peerFailed(ctx, peer);
  return { ok: false };
}

const hashesAsked = (messages: readonly Message[]): Set<string> =>
  new Set(
    messages.flatMap((message) =>
      message.type === 'getdata' ? message.items.map(({ hash }) => hash) : [],
    ),
  );

export interface Exchanged {
  /** False: not reached, or not to be trusted any more. */
  readonly ok: boolean;
  /** Why the two cannot be peers, if that is so. */
  readonly refusal?: { readonly code: string; readonly detail: string };
}

/**
 * A whole conversation with a peer. `nextAt`: when it is called again, if all goes well; `then`: what
 * is known of it then.
 */
export async function exchange(
  ctx: GossipContext,
  peer: PeerRow,
  first: readonly Message[],
  options: { readonly way?: Way; readonly nextAt?: number; readonly then?: Partial<PeerRow> } = {},
): Promise<Exchanged> {
  const { way = 'ask' } = options;
  let out = first;
  let news: Partial<PeerRow> = {};
  for (let round = 0; out.length > 0 && round < LIMITS.roundsMax; round++) {
    const answer = await request(ctx, { ...peer, ...news }, out, way);
    if (!answer.ok) {
      const { code } = answer;
      return { ok: false, ...(code && { refusal: { code, detail: `it answers: ${code}` } }) };
    }
    const turn = newTurn(identityOf(peer), {
      hashes: hashesAsked(out),
      headers: out.some(({ type }) => type === 'getheaders'),
    });
    turn.news = news;
    await handleAll(ctx, turn, answer.messages);
    news = turn.news;
    if (turn.accepted.length > 0) await ctx.relayTxs(turn.accepted, peer.address);
    if (turn.stopped) {
      await peerFailed(ctx, peer, { refused: turn.refusal !== undefined });
      return { ok: false, ...(turn.refusal && { refusal: turn.refusal }) };
    }
    out = turn.replies;
  }
  await noteAlive(ctx, peer, news, options);
  return { ok: true };
}

const identityOf = (peer: PeerRow): Turn['identity'] => ({
  scoreKey: urlScoreKey(peer.url),
  origin: peer.address,
  name: peer.name,
  loopback: isLoopbackUrl(peer.url),
  peer,
  reply: true,
});

/** Written when there is something to write, or when the row says too little of the present. */
async function noteAlive(
  ctx: GossipContext,
  peer: PeerRow,
  news: Partial<PeerRow>,
  options: { readonly way?: Way; readonly nextAt?: number; readonly then?: Partial<PeerRow> },
): Promise<void> {
  const { nextAt, then = {} } = options;
  // A queue takes what it is sent, whether or not anybody reads it.
  const isHeard = options.way !== 'tell' || peer.kind !== 'sqs';
  const isOld = ctx.now() - peer.lastSeen >= LIMITS.touchSeconds || peer.failures > 0;
  if (nextAt === undefined && !(isHeard && isOld) && Object.keys(news).length === 0) return;
  await peerAnswered(ctx, peer, { ...then, ...news, ...(nextAt !== undefined && { nextAt }) });
}
