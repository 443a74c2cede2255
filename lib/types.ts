/**
 * The values that every layer speaks of. Owns names, units and brands; holds no behaviour but the
 * two makers of a Verdict. Imports nothing.
 */
declare const brand: unique symbol;
type Brand<T, B extends string> = T & { readonly [brand]: B };

/** 64 lower-case hex digits, display order (the hash's bytes reversed). */
export type Hash = Brand<string, 'Hash'>;
export type Txid = Brand<string, 'Txid'>;
export type BlockHash = Brand<string, 'BlockHash'>;
/** SHA-256 of a scriptPubKey in byte order, as Esplora and Electrum name a script. */
export type ScriptHash = Brand<string, 'ScriptHash'>;
/** `txid:vout`. */
export type OutpointKey = Brand<string, 'OutpointKey'>;
/** An integer amount in base units that was checked to lie in 0..21e14. */
export type Sats = Brand<number, 'Sats'>;
export type Height = number;
/** Whole seconds since 1970. */
export type UnixSeconds = number;

export interface Outpoint {
  readonly txid: Txid;
  readonly vout: number;
}

export interface TxIn {
  readonly prevout: Outpoint;
  readonly scriptSig: Uint8Array;
  /** Unsigned 32 bit. */
  readonly sequence: number;
}

export interface TxOut {
  /** The wire's signed 64 bits, exact and unchecked; `checkTransaction` holds it to 0..21e14. */
  readonly value: bigint;
  readonly scriptPubKey: Uint8Array;
}

export interface Tx {
  /** Signed 32 bit, as Bitcoin shows it. BIP68 reads it as unsigned. */
  readonly version: number;
  readonly inputs: readonly TxIn[];
  readonly outputs: readonly TxOut[];
  /** Unsigned 32 bit. */
  readonly lockTime: number;
  /** The bytes as received: ids and sizes come from these, never from a re-encoding. */
  readonly raw: Uint8Array;
  readonly txid: Txid;
}

export interface BlockHeader {
  /** Signed 32 bit. */
  readonly version: number;
  readonly prevHash: BlockHash;
  readonly merkleRoot: Hash;
  readonly time: UnixSeconds;
  /** nBits, unsigned 32 bit. */
  readonly bits: number;
  /** Unsigned 32 bit. */
  readonly nonce: number;
  /** The 80 bytes as received. */
  readonly raw: Uint8Array;
  readonly hash: BlockHash;
}

export interface Block {
  readonly header: BlockHeader;
  readonly txs: readonly Tx[];
  readonly raw: Uint8Array;
}

/** An unspent output with what spending it depends on. */
export interface Coin {
  readonly value: Sats;
  readonly scriptPubKey: Uint8Array;
  readonly height: Height;
  readonly coinbase: boolean;
}

/** One signature that a transaction needs. All encodings were checked before it was made. */
export interface SignatureCheck {
  /**
   * 65 bytes (04), on the curve, or 33 bytes (02/03) with x below the field's prime: whether such an
   * x has a point is left to the Verifier, under which no signature holds for one that has none.
   */
  readonly publicKey: Uint8Array;
  /** The 32 bytes that are signed (double SHA-256), in byte order. */
  readonly digest: Uint8Array;
  /** 64 bytes, r then s, big-endian, 0 < r < n, 0 < s <= n/2. */
  readonly signature: Uint8Array;
}

/**
 * Whose fault a reject is and what to do with it.
 * consensus: penalise, remember the id as invalid. mutated: penalise, do not remember the id.
 * missing: ask for the parent. early: retry later. policy: no penalty. known: success without news.
 */
export type RejectKind = 'consensus' | 'mutated' | 'missing' | 'early' | 'policy' | 'known';

/** A rule was broken by something that came from outside. A value, never thrown. */
export interface Reject {
  /** A key of REJECTS in rejects.ts; Bitcoin's spelling. */
  readonly reason: string;
  readonly kind: RejectKind;
  readonly detail?: string;
}

export type Verdict<T = void> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reject: Reject };

export function valid(): Verdict;
export function valid<T>(value: T): Verdict<T>;
export function valid<T>(value?: T): Verdict<T | undefined> {
  return { ok: true, value };
}

export const toOutpointKey = (txid: Txid, vout: number): OutpointKey =>
  `${txid}:${vout}` as OutpointKey;
