import type { Signer } from '../ports/signer.ts';
import type { Outpoint, Sats, Tx, Txid, Verdict } from '../types.ts';

/** Keys of one data directory, all new ones from one BIP39 phrase. */
export interface Keystore extends Signer {
  /** Next address of m/44'/1'/0'/0/i. Makes the phrase with the first. */
  newAddress(): Promise<{ readonly address: string; readonly path: string }>;
  /** Newest first. */
  addresses(): Promise<readonly string[]>;
  has(address: string): Promise<boolean>;
  importWif(wif: string): Promise<Verdict<string>>;
  exportWif(address: string): Promise<string | undefined>;
  phrase(): Promise<string | undefined>;
  /** Refused (`conflict`) when the keystore holds another phrase. */
  restore(phrase: string, count: number): Promise<Verdict<readonly string[]>>;
  close(): Promise<void>;
}

/** A coin that a wallet may spend now. */
export interface SpendableCoin {
  readonly outpoint: Outpoint;
  readonly valueSats: Sats;
  readonly scriptPubKey: Uint8Array;
  /** Change of our own that no block holds yet: spent only when the others do not suffice. */
  readonly unconfirmed?: true;
}

export interface Balance {
  readonly address: string;
  /** All coins in the chain, immature ones too. */
  readonly confirmedSats: number;
  /** Coinbases that are too young: by the rule, or because a wallet with peers waits longer. */
  readonly immatureSats: number;
  readonly spendableSats: number;
  /** All unconfirmed outputs to the address, its change included. */
  readonly pendingInSats: number;
  /** All its coins that unconfirmed transactions spend: confirmed + in - out is what will be. */
  readonly pendingOutSats: number;
  readonly coins: number;
}

export interface SendRequest {
  readonly from: string;
  readonly to: string;
  readonly amountSats: number;
  /** Absent: by size. */
  readonly feeSats?: number;
  /** Absent: back to the sender (the seed's way). */
  readonly changeTo?: string;
}

export interface BuiltTx {
  readonly tx: Tx;
  readonly txid: Txid;
  readonly feeSats: Sats;
  readonly changeSats: Sats;
}

/** Wallet calls against a node in this process; lib/node/wallet-service.ts. */
export interface WalletService {
  readonly keystore: Keystore;
  balance(address: string): Promise<Verdict<Balance>>;
  coins(address: string): Promise<readonly SpendableCoin[]>;
  /** Builds and signs, hands nothing over. */
  build(request: SendRequest): Promise<Verdict<BuiltTx>>;
  /** Builds, signs and gives it to the node's mempool. Rejects: `insufficient-funds` and the mempool's. */
  send(request: SendRequest): Promise<Verdict<BuiltTx>>;
}

/**
 * Where a keystore keeps its one record: revisions counted from 1, each written whole or not at all,
 * and only on top of the newest. What is handed over is secret: the adapter seals it.
 */
export interface Vault {
  /** The newest revision's number, 0: nothing was kept yet. Cheap. */
  revision(): Promise<number>;
  /** Throws Fault `keystore` when it cannot be opened or is damaged. */
  load(): Promise<{ readonly revision: number; readonly data: Uint8Array } | undefined>;
  /** Writes revision + 1 durably. False: somebody else did, and nothing was changed. */
  save(data: Uint8Array, revision: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Where a payment's coins are looked up and handed over: a node in this process, or one behind HTTP. */
export interface CoinSource {
  /**
   * What the address may spend now, in pages: neither immature nor claimed by an unconfirmed
   * transaction; its own unconfirmed change too, marked as such.
   */
  coins(address: string): AsyncIterable<readonly SpendableCoin[]>;
  /** What a node takes at least: sats per 1,000 bytes. */
  feeRate(): Promise<number>;
  /** Gives a raw transaction to the mempool. A transaction that is known already is no reject. */
  submit(raw: Uint8Array): Promise<Verdict<Txid>>;
  /**
   * The transaction with this id, as bytes. There when the source is somebody else's word: a signature
   * does not cover what its coin is worth, so each coin's value is read from its own transaction.
   */
  rawTx?(txid: Txid): Promise<Uint8Array | undefined>;
}
