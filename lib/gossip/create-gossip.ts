/**
 * The gossip of a node: puts the parts together. All state is in the store, any number of processes
 * may hold a Gossip on one store, and each may end at any moment. Owns the peers that the
 * configuration and the operator name.
 */
import { kindOf, normalizeUrl } from './address.ts';
import { announceBlock, announceTxs, createRetelling, listeners } from './announce.ts';
import { type GossipContext, type GossipOptions, makeContext } from './context.ts';
import { shakeHands } from './handshake.ts';
import { tick } from './housekeeping.ts';
import { giveUpLeases } from './leases.ts';
import { type LineNetwork, type PeerFault, parsePeerLine, peerFault } from './peer-line.ts';
import {
  configurePeers,
  newPeer,
  type PeerRow,
  type Place,
  peerKey,
  putPeer,
  removeById,
} from './peers.ts';
import { receive } from './receive.ts';
import { idOf, readOne } from './rows.ts';
import { showPeer, showPeers } from './show-peers.ts';
import { giveUpSync, progress, sync } from './sync.ts';
import type { Gossip } from './types.ts';

export type PlaceVerdict = { readonly ok: true; readonly place: Place } | PeerFault;

/** A peer as configured: a URL, an in-process address, or the JSON line of a node with a queue. */
export function parsePeer(text: string, network: LineNetwork): PlaceVerdict {
  const peer = text.trim();
  if (peer.startsWith('{')) {
    const parsed = parsePeerLine(peer, network);
    if (!parsed.ok) return parsed;
    const { url, queue = url, name } = parsed.line;
    return { ok: true, place: { address: queue, url, name } };
  }
  const isHttp = kindOf(peer) === 'http';
  const isName = /^[A-Za-z0-9:._-]{1,200}$/.test(peer) && kindOf(peer) === 'local';
  const url = isHttp ? normalizeUrl(peer) : isName ? peer : undefined;
  if (url === undefined) return peerFault('a peer is a URL or a line');
  return { ok: true, place: { address: url, url, name: '' } };
}

/** `peers`: URLs, in-process addresses or lines. What is none of these is passed over, with a warning. */
export async function createGossip(
  options: GossipOptions & { readonly peers: readonly string[] },
): Promise<Gossip> {
  const ctx: GossipContext = makeContext(options, (txids, except) =>
    announceTxs(ctx, txids, except),
  );
  await configure(ctx, options.peers);
  const retell = createRetelling(ctx);
  return {
    receive: (envelopes, sender) => receive(ctx, envelopes, sender),
    listeners: (except = '') => listeners(ctx, except),
    announceBlock: (hash, except = '', known) => announceBlock(ctx, hash, except, known),
    announceTxs: (txids, except = '') => announceTxs(ctx, txids, except),
    peers: () => showPeers(ctx),
    addPeer: (address) => addPeer(ctx, address),
    removePeer: (id) => removeById(ctx, id),
    sync: (deadlineMs) => sync(ctx, deadlineMs),
    takeOver: async () => {
      await giveUpSync(ctx);
      await giveUpLeases(ctx);
    },
    progress: () => progress(ctx),
    tick: () => tick(ctx, retell),
  };
}

async function configure(ctx: GossipContext, texts: readonly string[]): Promise<void> {
  const places: Place[] = [];
  for (const text of texts) {
    const parsed = parsePeer(text, ctx.params);
    if (!parsed.ok) {
      ctx.telemetry.log('warn', 'a configured peer is passed over', { reason: parsed.detail });
    } else if (!isSelf(ctx, parsed.place)) places.push(parsed.place);
  }
  await configurePeers(ctx, places);
}

const isSelf = (ctx: GossipContext, place: Place): boolean =>
  ctx.url !== '' && place.url === ctx.url;

type Added = Awaited<ReturnType<Gossip['addPeer']>>;

const refusedAs = (
  code: 'wrong-network' | 'unreachable' | 'invalid-request',
  detail: string,
): Added => ({ ok: false, code, detail });

async function addPeer(ctx: GossipContext, text: string): Promise<Added> {
  const parsed = parsePeer(text, ctx.params);
  if (!parsed.ok) return parsed;
  const { place } = parsed;
  if (isSelf(ctx, place)) return refusedAs('invalid-request', 'this is the node itself');
  if (!ctx.byKind.has(kindOf(place.url))) {
    return refusedAs('invalid-request', 'this node has no way to such an address');
  }
  const id = idOf(place.address);
  const before = await readOne<PeerRow>(ctx, peerKey(id));
  const row = (await putPeer(ctx, place, 'added')) ?? newPeer(place, 'added', ctx.now());
  const greeted = await shakeHands(ctx, row);
  const after = await readOne<PeerRow>(ctx, peerKey(id));
  if (!greeted.ok || after === undefined || after.lastHandshake === 0) {
    // What was no peer before does not become one by failing.
    if (before === undefined) await ctx.store.remove([peerKey(id)]);
    const { refusal } = greeted;
    if (refusal?.code === 'wrong-network' || refusal?.code === 'invalid-request') {
      return refusedAs(refusal.code, refusal.detail);
    }
    return refusedAs('unreachable', `${place.address} does not answer as a node of this network`);
  }
  return { ok: true, peer: await showPeer(ctx, after) };
}
