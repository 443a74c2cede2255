import type { ChainChange } from '../chain/types.ts';
import type { Coin, OutpointKey, Sats, Tx, Txid, Verdict } from '../types.ts';

/** The policy of one node; never a ground for blame. */
export interface MempoolPolicy {
  /** Least fee rate, sats per 1,000 bytes. */
  readonly minRelayFeeRate: number;
  readonly dustSats: number;
  readonly txBytesMin: number;
  readonly txBytesMax: number;
  readonly ancestorsMax: number;
  readonly descendantsMax: number;
  readonly chainBytesMax: number;
  readonly replacementsMax: number;
  readonly bytesMax: number;
  readonly expirySeconds: number;
  readonly orphansMax: number;
}

export interface MempoolEntry {
  readonly tx: Tx;
  readonly txid: Txid;
  readonly feeSats: Sats;
  readonly bytes: number;
  /** Unix seconds. */
  readonly addedAt: number;
  readonly nonce: string;
  /** Unconfirmed parents, by txid. */
  readonly parents: readonly Txid[];
}

export type TxOutcome =
  | {
      readonly status: 'accepted';
      readonly entry: MempoolEntry;
      readonly replaced: readonly Txid[];
      /** No other was known to wait on this tip: said once too often rather than once too seldom. */
      readonly first: boolean;
      /** Orphans that waited for it and came in with it, parents first. */
      readonly also?: readonly MempoolEntry[];
    }
  /** In the mempool or in the chain already. */
  | { readonly status: 'known'; readonly txid: Txid }
  /** An input is unknown: kept a while; `missing` are the parents' ids. */
  | { readonly status: 'orphan'; readonly txid: Txid; readonly missing: readonly Txid[] }
  | {
      readonly status: 'rejected';
      readonly txid?: Txid;
      readonly reject: import('../types.ts').Reject;
    };

export interface MempoolInfo {
  readonly count: number;
  readonly bytes: number;
  readonly feeSats: Sats;
  /** sat per byte, the floor in force. */
  readonly minFeeRateSatVb: number;
}

export interface TemplateTx {
  readonly entry: MempoolEntry;
  readonly sigops: number;
  /** 1-based indexes of the template's transactions that must come before (BIP22). */
  readonly depends: readonly number[];
}

export interface Mempool {
  readonly policy: MempoolPolicy;
  /** `local`: handed in by our own user; a missing parent is then a reject, not an orphan. */
  accept(raw: Uint8Array, options?: { local?: boolean }): Promise<TxOutcome>;
  /** testmempoolaccept: all checks, nothing written. */
  test(raw: Uint8Array): Promise<Verdict<{ txid: Txid; feeSats: Sats; bytes: number }>>;
  get(txid: Txid): Promise<MempoolEntry | undefined>;
  /** Alive entries, oldest first. */
  list(options?: { after?: Txid; limit?: number }): Promise<readonly MempoolEntry[]>;
  info(): Promise<MempoolInfo>;
  /** Number that changes whenever an entry enters or leaves: for template caches and long polls. `recent`: as Chain.tip. */
  sequence(options?: { recent?: boolean }): Promise<string>;
  /** Outputs of unconfirmed transactions, for wallets and for building on them. */
  coin(outpoint: OutpointKey): Promise<Coin | undefined>;
  /** Unconfirmed transactions that pay to or spend from the script with this hash. */
  byScript(script: string): Promise<readonly MempoolEntry[]>;
  /** Txids that entered since the feed cursor, for peers that poll. '' starts at now minus 10 minutes. */
  feed(cursor: string, limit: number): Promise<{ txids: readonly Txid[]; cursor: string }>;
  /** Ancestor fee-rate order within size and sigops left; parents first. */
  select(options: { bytesMax: number; sigopsMax: number }): Promise<readonly TemplateTx[]>;
  /** After a commit: drops what was confirmed or died, takes back what a reorganisation returned, retries orphans. */
  reconcile(change: ChainChange): Promise<{ accepted: readonly MempoolEntry[] }>;
  /** Expiry, size cap, dead rows, orphans. */
  tick(): Promise<void>;
}
