/** Bitcoin's bounds that no network changes. */
import type { Sats } from '../types.ts';

export const BLOCK_BYTES_MAX = 1_000_000;
export const TX_BYTES_MAX = 1_000_000;
/** A Merkle tree cannot tell a transaction of this length from an inner node (BIP54). */
export const AMBIGUOUS_TX_BYTES = 64;
/**
 * Bytes that the signatures of one transaction hash. Each input signs nearly the whole transaction,
 * so that the cost grows with the square of its size: 2.3 GB at 1 MB, five seconds in JavaScript
 * though what comes before an input is hashed only once. With this a block costs a tenth of that,
 * and a transaction of the mempool (100 kB), whose keys and signatures have the usual lengths, stays
 * below it.
 */
export const SIGHASH_BYTES_MAX = 25_000_000;
export const BLOCK_SIGOPS_MAX = 20_000;
export const MONEY_MAX = 2_100_000_000_000_000 as Sats;
export const COINBASE_SCRIPT_BYTES_MIN = 2;
export const COINBASE_SCRIPT_BYTES_MAX = 100;
/** Headers whose times make the median time past. */
export const MEDIAN_TIMES = 11;
/** From height 1 (BIP34, BIP66, BIP65). */
export const BLOCK_VERSION_MIN = 4;
/** Lock times below are heights. */
export const LOCK_TIME_THRESHOLD = 500_000_000;
export const SEQUENCE_FINAL = 0xffff_ffff;
export const HALVINGS_MAX = 64;
