import type {
  BlockHash,
  BlockHeader,
  Coin,
  Height,
  OutpointKey,
  Sats,
  SignatureCheck,
  Txid,
  UnixSeconds,
} from '../types.ts';

/**
 * A header in its place. It carries the times that checking its child needs, so that one read of
 * the parent is all the context that a header wants.
 */
export interface BlockEntry {
  readonly hash: BlockHash;
  readonly header: BlockHeader;
  readonly height: Height;
  /** Sum of 2^256 / (target + 1) from genesis to here. */
  readonly chainwork: bigint;
  /** Header times of the last 11 blocks or fewer, oldest first, this block's last. */
  readonly times: readonly UnixSeconds[];
  /** Time of the first block of the retarget window that this block is in (retarget `bitcoin`), else 0. */
  readonly windowStartTime: UnixSeconds;
}

/** The coins that a block may spend. Synchronous: the caller has read them before. */
export interface CoinView {
  coin(outpoint: OutpointKey): Coin | undefined;
  /** Median time past of the block at `height` on the chain that is being checked (BIP68 time locks only). */
  medianTimePast(height: Height): UnixSeconds;
}

export interface CreatedCoin {
  readonly outpoint: OutpointKey;
  readonly txid: Txid;
  readonly vout: number;
  readonly coin: Coin;
}

export interface SpentCoin {
  readonly outpoint: OutpointKey;
  readonly coin: Coin;
  readonly spender: Txid;
  readonly vin: number;
}

/** What connecting a block does. Created and spent inside the block are both listed. */
export interface BlockEffects {
  /** In block order; OP_RETURN outputs never become coins. */
  readonly created: readonly CreatedCoin[];
  /** In block order, input by input, coinbase skipped: this is the undo data. */
  readonly spent: readonly SpentCoin[];
  readonly fees: Sats;
  /** Must all hold before the block counts. */
  readonly signatureChecks: readonly SignatureCheck[];
}
