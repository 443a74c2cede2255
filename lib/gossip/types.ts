import type { BlockEntry } from '../consensus/types.ts';
import type { Envelope } from '../ports/transport.ts';
import type { BlockHash, Txid } from '../types.ts';
import type { PeerRow } from './peers.ts';

/** A peer as `GET /v1/peers` shows it. */
export interface PeerInfo {
  /** Stable, opaque, safe in a URL path. */
  readonly id: string;
  /** URL, queue ARN, or '' for one that only calls us. */
  readonly address: string;
  readonly transport: 'http' | 'sqs' | 'local';
  readonly height: number;
  readonly tip: string;
  /** Misbehaviour points; at 100 it is banned. */
  readonly score: number;
  readonly banned: boolean;
  /** Unix seconds, 0 = never. */
  readonly lastSeen: number;
}

/** Where an envelope came from: what the sender cannot choose. */
export interface Sender {
  readonly transport: 'http' | 'sqs' | 'local';
  /** Remote IP for http posts, role id for sqs, peer address for replies to our own request. */
  readonly key: string;
  /** True for a reply to a request of ours: the peer is `key`, and blocks in it were asked for. */
  readonly reply?: boolean;
}

export type HandleResult = 'ack' | 'retry-later';

/** What whoever announces has at hand, so that nothing need be read before the first send. */
export interface KnownBlock {
  /** From `listeners()`. */
  readonly peers?: Promise<readonly PeerRow[]>;
  readonly entry?: BlockEntry;
  readonly raw?: Uint8Array;
}

export interface Gossip {
  /** Handles envelopes of one sender in order and answers its replies. Refuses (reject `banned`, `wrong-network`, `invalid-request`) before any work. */
  receive(
    envelopes: readonly unknown[],
    sender: Sender,
  ): Promise<
    | { ok: true; replies: readonly Envelope[] }
    | { ok: false; code: 'banned' | 'wrong-network' | 'invalid-request'; detail: string }
  >;
  /** Who would be told of a block now; to be read while it is still being connected. */
  listeners(except?: string): Promise<readonly PeerRow[]>;
  announceBlock(hash: BlockHash, except?: string, known?: KnownBlock): Promise<void>;
  announceTxs(txids: readonly Txid[], except?: string): Promise<void>;
  peers(): Promise<readonly PeerInfo[]>;
  /** Shakes hands at once. A network other than ours is a reject. */
  addPeer(
    address: string,
  ): Promise<
    | { ok: true; peer: PeerInfo }
    | { ok: false; code: 'wrong-network' | 'unreachable' | 'invalid-request'; detail: string }
  >;
  removePeer(id: string): Promise<boolean>;
  /** Headers-first catch-up with whoever has more work, until `deadlineMs`. True while there is more to do. */
  sync(deadlineMs: number): Promise<boolean>;
  /**
   * Gives up what processes before this one have leased: the sync, and what they asked for. For a host
   * that knows that none of them lives.
   */
  takeOver(): Promise<void>;
  /** Whether headers are ahead of bodies, and how far. */
  progress(): Promise<{ syncing: boolean; headers: number }>;
  /** Periodic: handshakes, polls, re-announcements, missed announcements, catch-up. */
  tick(): Promise<void>;
}
