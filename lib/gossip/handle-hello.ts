/**
 * Handshakes and addresses: version, verack, addr, ping. Owns who becomes a session and what we
 * learn of where others are.
 */
import { isLoopback, isLoopbackUrl, learnableUrl } from './address.ts';
import { type GossipContext, heightMax, ownVersion, selfId, workText } from './context.ts';
import { noteHeadersAsked } from './leases.ts';
import { LIMITS } from './limits.ts';
import type { Message, VersionFields } from './messages.ts';
import {
  type Claim,
  learnPeers,
  listPeers,
  makeRoomForSession,
  newSessionName,
  type PeerRow,
  peerKey,
  putSession,
  sessionIdOf,
  updatePeer,
} from './peers.ts';
import { idOf } from './rows.ts';
import { say, type Turn } from './turn.ts';

/** Whether its claims are possible at all. */
async function claimFault(
  ctx: GossipContext,
  version: VersionFields,
): Promise<Turn['refusal'] | undefined> {
  const { genesisHash } = ctx.params;
  if (version.genesis !== '' && version.genesis !== genesisHash) {
    return { code: 'wrong-network', detail: `this network is ${genesisHash}` };
  }
  if (version.node !== '' && version.node === (await selfId(ctx))) {
    return { code: 'invalid-request', detail: 'this node called itself' };
  }
  if (version.height > heightMax(ctx)) {
    return { code: 'invalid-request', detail: 'no chain of this network can be so high' };
  }
  return undefined;
}

const claimOf = ({ name, height, tip, work }: VersionFields): Claim => ({
  name,
  height,
  tip,
  work,
});

export async function onVersion(
  ctx: GossipContext,
  turn: Turn,
  version: VersionFields,
): Promise<void> {
  const fault = await claimFault(ctx, version);
  const { identity } = turn;
  if (fault !== undefined) {
    turn.refusal = fault;
    turn.stopped = true;
    // We need not call ourselves again.
    if (version.node !== '' && identity.peer !== undefined && fault.code === 'invalid-request') {
      await forgetIfSelf(ctx, identity.peer, version);
    }
    return;
  }
  if (identity.reply) {
    const { peer } = identity;
    // The name of one with a queue stands in its line, and tells its messages from others'.
    const name = peer?.kind === 'sqs' ? peer.name : version.name;
    turn.news = { ...turn.news, ...claimOf(version), name, lastHandshake: ctx.now() };
    return;
  }
  await welcome(ctx, turn, version);
}

async function forgetIfSelf(
  ctx: GossipContext,
  peer: PeerRow,
  version: VersionFields,
): Promise<void> {
  if (version.node === (await selfId(ctx))) await ctx.store.remove([peerKey(peer.id)]);
}

/** Somebody calls us: a session, our own version, and where others are. */
async function welcome(ctx: GossipContext, turn: Turn, version: VersionFields): Promise<void> {
  const { identity } = turn;
  const isNear = identity.loopback;
  const claimedUrl = identity.peer?.url ?? learnableUrl(version.url, { loopback: isNear }) ?? '';
  let session = identity.sessionName;
  if (session === undefined) {
    await makeRoomForSession(ctx);
    session = newSessionName(ctx);
  }
  const id = sessionIdOf(session) ?? idOf(session);
  const scoreKey = identity.loopback ? `session:${id}` : identity.scoreKey;
  await putSession(ctx, {
    ...claimOf(version),
    id,
    scoreKey,
    claimedUrl,
    lastSeen: ctx.now(),
  });
  const peers = await listPeers(ctx);
  const known = peers.find((peer) => peer.address === claimedUrl || peer.url === claimedUrl);
  const push = known !== undefined && isCalled(known);
  say(turn, await ownVersion(ctx));
  say(turn, { type: 'verack', session, push });
  const urls = addressesFor(peers, { loopback: isNear, except: claimedUrl });
  if (urls.length > 0) say(turn, { type: 'addr', urls });
  if (claimedUrl !== '' && known === undefined) await learnPeers(ctx, [claimedUrl]);
  // It lives, or somebody says so: the next tick will see.
  if (known !== undefined && known.failures > 0) {
    await updatePeer(ctx, known.id, () => ({ nextAt: ctx.now() }));
  }
  if (known !== undefined) return;
  // Who cannot be called must be asked while it calls.
  const { entry } = await ctx.chain.tip();
  if (version.work > workText(entry.chainwork)) {
    await noteHeadersAsked(ctx, scoreKey);
    say(turn, { type: 'getheaders', locator: await ctx.chain.locator() });
  }
}

/** A peer that gets what is new from us without asking. */
const isCalled = (peer: PeerRow): boolean =>
  peer.failures === 0 && (peer.lastSeen > 0 || peer.origin !== 'learned');

/** Peers that answered us, as far as they are of use to the other side. */
const addressesFor = (
  peers: readonly PeerRow[],
  options: { readonly loopback: boolean; readonly except: string },
): string[] =>
  peers
    .filter((peer) => peer.lastSeen > 0 && peer.failures === 0 && peer.url !== options.except)
    .flatMap((peer) => learnableUrl(peer.url, options) ?? [])
    .slice(0, LIMITS.addressesMax);

export function onVerack(
  ctx: GossipContext,
  turn: Turn,
  verack: { readonly session: string; readonly push: boolean },
): void {
  // Only who we called can tell us under which name it knows us.
  if (!turn.identity.reply) return;
  const { session, push } = verack;
  turn.news = { ...turn.news, session, push, lastHandshake: ctx.now() };
}

export async function onAddr(
  ctx: GossipContext,
  turn: Turn,
  urls: readonly string[],
): Promise<void> {
  const { loopback, peer } = turn.identity;
  const isNear = loopback || (peer !== undefined && isLoopbackUrl(peer.url));
  // Loopback is of use only to who runs there too.
  const here = ctx.url === '' || isLoopback(new URL(ctx.url).hostname);
  const learned = urls.flatMap((url) => learnableUrl(url, { loopback: isNear && here }) ?? []);
  const others = learned.filter((url) => url !== ctx.url);
  if (others.length > 0) await learnPeers(ctx, others);
}

export function onPing(turn: Turn, nonce: Uint8Array): void {
  say(turn, { type: 'pong', nonce } satisfies Message);
}
