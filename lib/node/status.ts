/** What a node says of itself. Reads only. */
import type { Chain } from '../chain/types.ts';
import type { Gossip } from '../gossip/types.ts';
import type { Mempool } from '../mempool/types.ts';
import type { ChainParams } from '../params/chain-params.ts';
import type { NodeStatus } from './types.ts';
import { VERSION } from './version.ts';

/** Difficulty 1 has this mantissa and 29 bytes (Core's GetDifficulty). A figure to show, no rule. */
const DIFFICULTY_MANTISSA = 0xffff;
const DIFFICULTY_BYTES = 29;

export const difficultyOf = (bits: number): number =>
  (DIFFICULTY_MANTISSA / (bits & 0xffffff)) * 256 ** (DIFFICULTY_BYTES - (bits >>> 24));

export async function readStatus(of: {
  readonly params: ChainParams;
  readonly name: string;
  readonly chain: Chain;
  readonly mempool: Mempool;
  readonly gossip: Gossip;
  readonly startedAt: number;
}): Promise<NodeStatus> {
  const { params, name, chain, mempool, gossip, startedAt } = of;
  const [{ entry }, info, { syncing, headers }, peers] = await Promise.all([
    chain.tip(),
    mempool.info(),
    gossip.progress(),
    gossip.peers(),
  ]);
  const { bits, time } = entry.header;
  return {
    name,
    version: VERSION,
    network: params.name,
    genesis: params.genesisHash,
    height: entry.height,
    tip: entry.hash,
    tipTime: time,
    chainwork: entry.chainwork.toString(16).padStart(64, '0'),
    bits: bits.toString(16).padStart(8, '0'),
    difficulty: difficultyOf(bits),
    headers,
    syncing,
    mempool: { count: info.count, bytes: info.bytes },
    peers: peers.filter((peer) => !peer.banned && peer.lastSeen > 0).length,
    startedAt,
  };
}
