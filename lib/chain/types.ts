import type { BlockEntry } from '../consensus/types.ts';
import type { CellState, Snapshot } from '../ports/store.ts';
import type {
  Block,
  BlockHash,
  BlockHeader,
  Coin,
  Height,
  Outpoint,
  Reject,
  Sats,
  ScriptHash,
  Tx,
  Txid,
  Verdict,
} from '../types.ts';

/** What became of a block that was offered. */
export type BlockOutcome =
  /** The chain moved: the block is the tip, or part of the branch that is now best. */
  | { readonly status: 'tip'; readonly hash: BlockHash; readonly change: ChainChange }
  /** Stored on a branch with no more work than the tip's, or its ancestors' bodies are not all here. */
  | { readonly status: 'side' | 'known' | 'orphan' | 'inconclusive'; readonly hash: BlockHash }
  /** hash is absent when the bytes are no block. blame: whether the sender is at fault. */
  | { readonly status: 'rejected'; readonly hash?: BlockHash; readonly reject: Reject };

/** A move of the tip that was committed. Blocks oldest first in `connected`, newest first in `disconnected`. */
export interface ChainChange {
  readonly version: number;
  readonly from: BlockEntry;
  readonly to: BlockEntry;
  readonly disconnected: readonly BlockHash[];
  readonly connected: readonly BlockHash[];
  /** Transactions of the disconnected blocks, newest 20 MB, no coinbases, parents first. */
  readonly returned: readonly Uint8Array[];
  /** Ids of all non-coinbase transactions of the connected blocks. */
  readonly confirmed: readonly Txid[];
}

export interface ChainTip {
  readonly entry: BlockEntry;
  /** The store's version. */
  readonly version: number;
}

export interface LocatedTx {
  readonly tx: Tx;
  readonly blockHash: BlockHash;
  readonly height: Height;
  /** Index within the block. */
  readonly position: number;
}

export interface AddressCoin {
  readonly outpoint: Outpoint;
  readonly coin: Coin;
  /** Mempool transaction that claims it, if any (a claim may be stale: see mempool). */
  readonly claim?: string;
}

export interface AddressTotals {
  readonly txCount: number;
  readonly fundedCount: number;
  readonly fundedSats: Sats;
  readonly spentCount: number;
  readonly spentSats: Sats;
}

export interface HistoryItem {
  readonly txid: Txid;
  readonly height: Height;
  readonly position: number;
}

/** Consistent reads of one version. */
export interface ChainView {
  readonly snapshot: Snapshot;
  readonly tip: ChainTip;
  /** Hash of the best chain's block at this height. */
  hashAt(height: Height): Promise<BlockHash | undefined>;
  /** Median time past at a height of the best chain. */
  medianTimeAt(height: Height): Promise<number | undefined>;
  isOnBestChain(entry: BlockEntry): Promise<boolean>;
  /** Coins with their cells for the inputs' prevouts; the row is found by the script that the scriptSig reveals. */
  coinsOf(tx: Tx): Promise<InputCell[]>;
  locate(txid: Txid): Promise<LocatedTx | undefined>;
  /** Whether a block of the best chain holds it: `locate` without reading it. */
  isConfirmed(txid: Txid): Promise<boolean>;
  /** A transaction whose block was taken off the best chain, while its body is kept: never a 404 before the mempool has it. */
  disconnectedTx(txid: Txid): Promise<Tx | undefined>;
  outspend(outpoint: Outpoint): Promise<{ txid: Txid; vin: number; height: Height } | undefined>;
  addressCoins(
    script: ScriptHash,
    options?: { after?: string; limit?: number },
  ): Promise<AddressCoin[]>;
  addressTotals(script: ScriptHash): Promise<AddressTotals>;
  /** Newest first. `after`: the txid where the page before ended. */
  addressHistory(
    script: ScriptHash,
    options?: { after?: Txid; limit?: number },
  ): Promise<HistoryItem[]>;
}

/** One input's coin row as a snapshot shows it; coin absent: spent, or never made. */
export interface InputCell {
  readonly pk: string;
  readonly sk: string;
  readonly cell: CellState;
  readonly coin?: Coin;
}

export interface ChainTipInfo {
  readonly hash: BlockHash;
  readonly height: Height;
  readonly branchLength: number;
  /** As Core's getchaintips, and `parked`. */
  readonly status:
    | 'active'
    | 'valid-fork'
    | 'valid-headers'
    | 'headers-only'
    | 'invalid'
    | 'parked';
}

export type HeadersOutcome =
  /** All known or stored; `last` is the newest of them. */
  | { readonly status: 'stored'; readonly added: number; readonly last: BlockEntry }
  /** Valid but too little work to buy storage. */
  | { readonly status: 'low-work' }
  /** The first header's parent is not known. */
  | { readonly status: 'orphan' }
  | { readonly status: 'rejected'; readonly reject: Reject };

export interface Chain {
  /** Puts block 0 in an empty store; afterwards does nothing. Throws Fault `store-foreign` if the store holds another genesis. */
  init(): Promise<void>;
  /** `recent`: as it is or was a moment ago, at half the price; for asking whether it moved. */
  tip(options?: { recent?: boolean }): Promise<ChainTip>;
  /** Runs on one snapshot; again if it grew too old. */
  view<T>(read: (view: ChainView) => Promise<T>): Promise<T>;
  /** Any stored header, on the best chain or not. */
  entry(hash: BlockHash): Promise<BlockEntry | undefined>;
  hasBody(hash: BlockHash): Promise<boolean>;
  blockRaw(hash: BlockHash): Promise<Uint8Array | undefined>;
  block(hash: BlockHash): Promise<Block | undefined>;
  /** Coins that the block spent, in order, once it was connected. */
  undo(hash: BlockHash): Promise<readonly Coin[] | undefined>;
  /**
   * The whole way of a block. `asked`: it was requested or authenticated, so it may be kept although
   * it is behind the tip; otherwise it must have at least the tip's work.
   */
  acceptBlock(raw: Uint8Array, options: { asked: boolean }): Promise<BlockOutcome>;
  /** As acceptBlock for a run of consecutive blocks, connected in one commit (sync windows). Stops at the first that is refused. */
  acceptBlocks(raws: readonly Uint8Array[]): Promise<readonly BlockOutcome[]>;
  /** Checks without storing or connecting (getblocktemplate's proposal): on the current tip, proof of work not needed. */
  proposeBlock(raw: Uint8Array): Promise<Verdict>;
  /**
   * Consecutive headers, at most 2,000. Stored only when their chain passes the work threshold, or
   * when `proven`: the caller has walked a chain that does, and these are a part of it.
   */
  acceptHeaders(
    headers: readonly BlockHeader[],
    options?: { proven?: boolean },
  ): Promise<HeadersOutcome>;
  /** Work a chain must have before its headers buy storage. */
  storageThreshold(tip: BlockEntry): bigint;
  /** Makes the best complete valid branch the tip. Heals a death between storing and connecting. */
  activateBest(): Promise<ChainChange | undefined>;
  /** Hashes from the tip back, dense then doubling, genesis last. */
  locator(from?: BlockHash): Promise<readonly BlockHash[]>;
  /** Headers of the best chain after the newest hash of the locator that is on it. */
  headersAfter(
    locator: readonly BlockHash[],
    stop: BlockHash | undefined,
    limit: number,
  ): Promise<readonly BlockHeader[]>;
  /** Bodies wanted next: on the best header chain, above what is connected, lowest first. */
  missingBodies(limit: number): Promise<readonly BlockHash[]>;
  /** Best header known, by work, valid as far as known. */
  bestHeader(): Promise<BlockEntry>;
  tips(): Promise<readonly ChainTipInfo[]>;
  /** Takes back a remembered verdict or a parked state, for this block and its descendants. */
  reconsider(hash: BlockHash): Promise<ChainChange | undefined>;
  invalidate(hash: BlockHash): Promise<ChainChange | undefined>;
  /**
   * Housekeeping: quota of what is off the main chain, orphans, expired rows. Answers a move of the tip
   * when orphans that were left waiting made one.
   */
  tick(): Promise<ChainChange | undefined>;
  /**
   * Says of the data that this release wrote them, once every host runs it: releases that do not know
   * its version refuse them from then on. False: they said so already.
   */
  raiseSchema(): Promise<boolean>;
  /** For tests and reports: bytes and rows kept off the main chain. */
  offChainUsage(): Promise<{ headers: number; bytes: number }>;
}
