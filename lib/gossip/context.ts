/** What the parts of gossip are given, and who we are to others. Owns no behaviour but that. */
import type { BlockOutcome, Chain } from '../chain/types.ts';
import { toHex } from '../codec/hex.ts';
import type { Mempool, TxOutcome } from '../mempool/types.ts';
import type { ChainParams } from '../params/chain-params.ts';
import { genesisBlock } from '../params/genesis.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { Store } from '../ports/store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Envelope, Transport } from '../ports/transport.ts';
import type { Txid } from '../types.ts';
import { type Kind, normalizeUrl } from './address.ts';
import { LIMITS } from './limits.ts';
import { encodePayload, type Message } from './messages.ts';
import { ROWS, type RowTools, readOne, updateRow } from './rows.ts';

/** The ways into the node; each does what follows from it (mempool, events), as its comment says. */
export interface NodeDoors {
  /** Announces what moved the tip, but not to `from`. */
  acceptBlock(raw: Uint8Array, options: { asked: boolean; from: string }): Promise<BlockOutcome>;
  /** A window of a sync: announces nothing. */
  acceptBlocks(raws: readonly Uint8Array[]): Promise<readonly BlockOutcome[]>;
  /** Announces nothing: gossip does, many at a time. */
  admitTx(raw: Uint8Array): Promise<TxOutcome>;
}

export interface GossipOptions extends NodeDoors {
  readonly params: ChainParams;
  readonly store: Store;
  readonly chain: Chain;
  readonly mempool: Mempool;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly transports: readonly Transport[];
  readonly name: string;
  /** Where peers reach us, or ''. */
  readonly url: string;
}

export interface GossipContext extends GossipOptions, RowTools {
  /** Tells peers of transactions that were new to us, but not where they came from. */
  relayTxs(txids: readonly Txid[], except: string): Promise<void>;
  readonly byKind: ReadonlyMap<Kind, Transport>;
  readonly pollSeconds: number;
  readonly handshakeSeconds: number;
}

export function makeContext(
  options: GossipOptions,
  relayTxs: GossipContext['relayTxs'],
): GossipContext {
  const { spacing } = options.params.retarget;
  const { pollSecondsMax, handshakeSpacings, handshakeSecondsMax } = LIMITS;
  return {
    ...options,
    relayTxs,
    name: nameOf(options.name),
    url: normalizeUrl(options.url) ?? '',
    now: () => Math.floor(options.clock.nowMs() / 1000),
    byKind: new Map(options.transports.map((transport) => [transport.kind, transport])),
    pollSeconds: Math.max(1, Math.min(pollSecondsMax, Math.floor(spacing / 3))),
    handshakeSeconds: Math.min(handshakeSecondsMax, handshakeSpacings * spacing),
  };
}

/** As `from` bears it: short and printable. */
const nameOf = (name: string): string =>
  name.replace(/[^\x21-\x7e]/g, '-').slice(0, LIMITS.nameCharsMax) || 'stackchain';

export const toEnvelopes = (
  ctx: GossipContext,
  messages: readonly Message[],
  from: string,
): Envelope[] =>
  messages.map((message) => ({
    v: 1,
    network: ctx.params.genesisHash,
    from,
    type: message.type,
    payload: encodePayload(message),
  }));

const SELF_BYTES = 16;
/** It never changes: read once a process. */
const selfIds = new WeakMap<GossipContext, string>();

/** This node's own mark, made once: by it we know when we have called ourselves. */
export async function selfId(ctx: GossipContext): Promise<string> {
  const id = selfIds.get(ctx) ?? (await readSelfId(ctx));
  selfIds.set(ctx, id);
  return id;
}

async function readSelfId(ctx: GossipContext): Promise<string> {
  const key = { pk: ROWS.self, sk: 'id' };
  const known = await readOne<string>(ctx, key);
  if (known !== undefined) return known;
  const made = toHex(ctx.random.bytes(SELF_BYTES));
  return (await updateRow<string>(ctx, key, (now) => (now ? undefined : { value: made }))) ?? made;
}

/** What we say of ourselves. */
export async function ownVersion(ctx: GossipContext): Promise<Message> {
  const [{ entry }, node] = await Promise.all([ctx.chain.tip(), selfId(ctx)]);
  return {
    type: 'version',
    name: ctx.name,
    genesis: ctx.params.genesisHash,
    height: entry.height,
    tip: entry.hash,
    work: workText(entry.chainwork),
    url: ctx.url,
    node,
  };
}

export const workText = (chainwork: bigint): string => chainwork.toString(16).padStart(64, '0');

/** No chain can be higher: the median time rule lets six blocks share a second. */
export function heightMax(ctx: GossipContext): number {
  const { time } = genesisBlock(ctx.params).header;
  return 6 * (ctx.now() + ctx.params.maxFutureSeconds - time);
}
