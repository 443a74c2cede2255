import type { MiningStatus, Node } from '../node/types.ts';
import type { BlockHash, Verdict } from '../types.ts';
import type { WalletService } from '../wallet/types.ts';

/** What a request brings to prove who sends it; both forms may be absent. */
export interface Credentials {
  readonly bearer?: string;
  readonly user?: string;
  readonly password?: string;
}

/** What a host gives the HTTP app. The app keeps nothing in memory that matters. */
export interface AppOptions {
  readonly node: Node;
  /** Absent: the wallet rows answer `unavailable`. */
  readonly wallet?: WalletService;
  /** Whether the credentials open the rows marked T. Answering false to all closes writing. */
  readonly authorize: (credentials: Credentials) => Promise<boolean>;
  /** Which rows are served; default all. */
  readonly role?: 'all' | 'public' | 'private';
  /** `loopback`: a Host header that is not loopback is refused (DNS rebinding). */
  readonly hosts: 'loopback' | 'any';
  /** What the sender of a request cannot choose: the connection's address. */
  readonly clientKey: (request: Request, env: unknown) => string;
  /** Absent: this node does not mine. */
  readonly mining?: () => MiningStatus | Promise<MiningStatus>;
  /** Mines on command; absent: `unavailable`. */
  readonly generate?: (
    blocks: number,
    scriptPubKey: Uint8Array,
  ) => Promise<Verdict<readonly BlockHash[]>>;
  /** Longest time that a long poll is held, milliseconds. */
  readonly waitMsMax: number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Told of every answer 5xx with what caused it, for the host's log. */
  readonly report?: (error: unknown, requestId: string) => void;
  /** Prometheus text for `/metrics`; absent: the row is not there. */
  readonly metrics?: () => string;
}
