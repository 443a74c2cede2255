/**
 * Blocks and transactions in the seed's JSON (interfaces section 2), as `/v1/blocks` and
 * `print-blockchain` show them. Owns the form: keys, their order, amounts in coins. Reads nothing.
 */
import { toHex } from '../codec/index.ts';
import { matchP2pkh, parseScriptSig } from '../script/index.ts';
import type { Block, Tx, TxIn, TxOut } from '../types.ts';

const SATS_PER_COIN = 100_000_000n;
const DECIMALS = 8;
const NULL_TXID = '0'.repeat(64);
const NULL_VOUT = 0xffffffff;
/** What the seed prints where a coinbase has no signature. */
const NO_SIGNATURE = '0'.repeat(128);

/** A number whose digits `JSON.stringify` prints just as they are. */
export type ExactNumber = { readonly rawJSON: string };

/** No float touches money: JavaScript would print 1e-8 for the smallest amount. */
export const exactNumber = (digits: string): ExactNumber =>
  (JSON as unknown as { rawJSON(text: string): ExactNumber }).rawJSON(digits);

export const isExactNumber = (value: unknown): value is ExactNumber =>
  (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);

export interface SeedInput {
  readonly refTxId: string;
  readonly refOutIdx: number;
  readonly signature: string;
  readonly pubKey: string;
}

export interface SeedOutput {
  readonly idx: number;
  readonly value: ExactNumber;
  readonly pubKeyHash: string;
  /** Only where the output is not P2PKH. */
  readonly scriptPubKey?: string;
}

export interface SeedTx {
  readonly id: string;
  readonly inputs: readonly SeedInput[];
  readonly outputs: readonly SeedOutput[];
}

export interface SeedBlock {
  readonly hash: string;
  readonly prevHash: string;
  readonly timestamp: number;
  readonly height: number;
  readonly nonce: number;
  readonly merkleRoot: string;
  readonly txs: readonly SeedTx[];
}

/**
 * An amount in coins: at most 8 places, no trailing zeros, no exponent.
 *
 * @example
 * coinsText(5_000_000_000); // '50'
 * coinsText(1n); // '0.00000001'
 */
export function coinsText(sats: number | bigint): string {
  const amount = BigInt(sats);
  const size = amount < 0n ? -amount : amount;
  const places = (size % SATS_PER_COIN).toString().padStart(DECIMALS, '0').replace(/0+$/, '');
  const sign = amount < 0n ? '-' : '';
  return `${sign}${size / SATS_PER_COIN}${places === '' ? '' : `.${places}`}`;
}

const isNull = (input: TxIn): boolean =>
  input.prevout.vout === NULL_VOUT && input.prevout.txid === NULL_TXID;

function inputJson(input: TxIn): SeedInput {
  if (isNull(input)) {
    const pubKey = toHex(input.scriptSig);
    return { refTxId: '', refOutIdx: -1, signature: NO_SIGNATURE, pubKey };
  }
  const { txid: refTxId, vout: refOutIdx } = input.prevout;
  const pushes = parseScriptSig(input.scriptSig);
  // Only on a branch that was never connected: the script as a whole, as for a coinbase.
  if (!pushes.ok) return { refTxId, refOutIdx, signature: '', pubKey: toHex(input.scriptSig) };
  const { signature, publicKey } = pushes.value;
  return { refTxId, refOutIdx, signature: toHex(signature), pubKey: toHex(publicKey) };
}

function outputJson(output: TxOut, idx: number): SeedOutput {
  const value = exactNumber(coinsText(output.value));
  const pubKeyHash = matchP2pkh(output.scriptPubKey);
  if (pubKeyHash !== undefined) return { idx, value, pubKeyHash: toHex(pubKeyHash) };
  return { idx, value, pubKeyHash: '', scriptPubKey: toHex(output.scriptPubKey) };
}

/** A transaction in the seed's form. Print it with `JSON.stringify`: amounts are exact. */
export const txJson = (tx: Tx): SeedTx => ({
  id: tx.txid,
  inputs: tx.inputs.map(inputJson),
  outputs: tx.outputs.map(outputJson),
});

/** A block in the seed's form. Print it with `JSON.stringify`: amounts are exact. */
export const blockJson = (block: Block, height: number): SeedBlock => ({
  hash: block.header.hash,
  prevHash: block.header.prevHash,
  timestamp: block.header.time,
  height,
  nonce: block.header.nonce,
  merkleRoot: block.header.merkleRoot,
  txs: block.txs.map(txJson),
});
