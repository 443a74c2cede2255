import type { BlockOutcome, Chain } from '../chain/types.ts';
import type { Gossip, PeerInfo } from '../gossip/types.ts';
import type { Mempool, MempoolPolicy, TxOutcome } from '../mempool/types.ts';
import type { Template } from '../mining/types.ts';
import type { ChainParams } from '../params/chain-params.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { Store } from '../ports/store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Transport } from '../ports/transport.ts';
import type { Verifier } from '../ports/verifier.ts';
import type { BlockHash, Verdict } from '../types.ts';

export interface NodeOptions {
  readonly params: ChainParams;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly verifier: Verifier;
  readonly transports?: readonly Transport[];
  readonly telemetry?: Telemetry;
  readonly policy?: Partial<MempoolPolicy>;
  /** Shown to peers and in GET /v1/node. */
  readonly name?: string;
  /** URL at which peers reach this node; absent: nobody can. */
  readonly url?: string;
  /** Peers known from the start besides the network file's: URLs, or lines of nodes with a queue. */
  readonly peers?: readonly string[];
  /**
   * Told when a transaction enters a mempool that was empty, as far as this process knows, so that a
   * host can wake a miner that sleeps: once too often rather than once too seldom. `peer`: others have
   * it already, or had it in a block.
   */
  readonly onWaiting?: (from: 'user' | 'peer') => void;
}

export interface NodeStatus {
  readonly name: string;
  readonly version: string;
  readonly network: string;
  readonly genesis: BlockHash;
  readonly height: number;
  readonly tip: BlockHash;
  readonly tipTime: number;
  readonly chainwork: string;
  readonly bits: string;
  readonly difficulty: number;
  readonly headers: number;
  readonly syncing: boolean;
  readonly mempool: { readonly count: number; readonly bytes: number };
  readonly peers: number;
  readonly startedAt: number;
}

/** What the node's miner is doing, as `GET /v1/node` shows it. */
export interface MiningStatus {
  readonly active: boolean;
  /** Hashes per second. */
  readonly hashRate: number;
  readonly address: string | null;
}

/** Something that changed in this process; a hint, never the truth: hosts use it to wake long polls. */
export type NodeEvent =
  | { readonly type: 'tip'; readonly hash: BlockHash; readonly height: number }
  | { readonly type: 'tx'; readonly txid: string };

/** The node: rules and ports, no host. */
export interface Node {
  readonly params: ChainParams;
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly chain: Chain;
  readonly mempool: Mempool;
  readonly gossip: Gossip;
  /** acceptBlock, then mempool.reconcile and announcements. `from`: not announced back to it. */
  acceptBlock(raw: Uint8Array, options: { asked: boolean; from?: string }): Promise<BlockOutcome>;
  acceptTx(raw: Uint8Array, options?: { local?: boolean; from?: string }): Promise<TxOutcome>;
  /** reject `early` (`clock`) when our clock is behind the chain's median time. */
  template(): Promise<Verdict<Template>>;
  /**
   * Changes whenever template() would: `<tip hash><mempool sequence>`. Two small reads; `recent`: as
   * Chain.tip.
   */
  templateId(options?: { recent?: boolean }): Promise<string>;
  status(): Promise<NodeStatus>;
  /** Everything periodic; the host calls it, every second locally, every five minutes in a stack. */
  tick(): Promise<void>;
  on(listener: (event: NodeEvent) => void): () => void;
  close(): Promise<void>;
}
export type { PeerInfo };
