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
}

export interface Balance {
  readonly address: string;
  /** All coins in the chain, immature ones too. */
  readonly confirmedSats: number;
  readonly immatureSats: number;
  readonly spendableSats: number;
  readonly pendingInSats: number;
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
