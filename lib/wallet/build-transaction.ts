/**
 * From coins and a wish to a signed transaction. Keys stay behind the Signer, which may be slow and
 * far away; what it answers is checked before it goes anywhere. Owns the shape of our payments:
 * version 2, recipient first, change second.
 */
import { encodeAddress, makeTx, parseAddress, type TxFields } from '../codec/index.ts';
import { encodeDer } from '../crypto/der.ts';
import { hash160 } from '../crypto/hash.ts';
import { Fault } from '../faults.ts';
import type { Signer } from '../ports/signer.ts';
import { refuse } from '../rejects.ts';
import {
  inputSignatureCheck,
  matchP2pkh,
  p2pkhScript,
  p2pkhScriptSig,
  SIGHASH_ALL,
  sighashAll,
} from '../script/index.ts';
import { type Sats, type Tx, type TxOut, type Verdict, valid } from '../types.ts';
import { type Selection, selectCoins } from './select-coins.ts';
import type { FeeRule } from './sizes.ts';
import type { BuiltTx, SpendableCoin } from './types.ts';

/** BIP-0068 applies from 2 on; no input of ours uses it. */
const VERSION = 2;
/**
 * Final, and no replacement signalled (BIP-0125): two payments made at once from the same coin must
 * end in a conflict, never in one silently taking the other's place.
 */
const SEQUENCE = 0xffff_fffe;

export interface Payment {
  /** What may be spent; any number, in any order. */
  readonly coins: readonly SpendableCoin[];
  readonly to: string;
  readonly amountSats: number;
  /** Sats per 1,000 bytes of the largest size that the signed transaction may have, or a sum. */
  readonly fee: FeeRule;
  readonly changeTo: string;
  readonly addressVersion: number;
  readonly signer: Signer;
  /** Value of further, smaller coins that were left out. */
  readonly restSats?: number;
}

/**
 * Rejects: `invalid-address`, `invalid-amount`, `insufficient-funds`, `tx-size`, `unknown-key`.
 * Throws Fault `keystore` when the signer signs what does not verify.
 */
export async function buildTransaction(payment: Payment): Promise<Verdict<BuiltTx>> {
  const { coins, to, changeTo, addressVersion, amountSats, fee, restSats = 0 } = payment;
  const recipient = lockOf(to, addressVersion);
  if (!recipient.ok) return recipient;
  const change = lockOf(changeTo, addressVersion);
  if (!change.ok) return change;
  const selected = selectCoins(coins, { amountSats, fee, restSats });
  if (!selected.ok) return selected;
  const outputs = outputsOf(selected.value, {
    amountSats,
    recipient: recipient.value,
    change: change.value,
  });
  const signed = await signTransaction(selected.value.coins, outputs, payment);
  if (!signed.ok) return signed;
  const { feeSats, changeSats } = selected.value;
  return valid({
    tx: signed.value,
    txid: signed.value.txid,
    feeSats: feeSats as Sats,
    changeSats: changeSats as Sats,
  });
}

/** The script that pays an address of this network. Rejects: `invalid-address`. */
export function lockOf(address: string, addressVersion: number): Verdict<Uint8Array> {
  const parsed = parseAddress(address);
  if (!parsed.ok) return parsed;
  if (parsed.value.version !== addressVersion) {
    return refuse('invalid-address', 'the address is of another network');
  }
  return valid(p2pkhScript(parsed.value.hash160));
}

function outputsOf(
  { changeSats }: Selection,
  to: {
    readonly amountSats: number;
    readonly recipient: Uint8Array;
    readonly change: Uint8Array;
  },
): TxOut[] {
  const paid = { value: BigInt(to.amountSats), scriptPubKey: to.recipient };
  if (changeSats === 0) return [paid];
  return [paid, { value: BigInt(changeSats), scriptPubKey: to.change }];
}

/** One input a coin, in that order. Rejects: `unknown-key`. */
export async function signTransaction(
  coins: readonly SpendableCoin[],
  outputs: readonly TxOut[],
  { signer, addressVersion }: { readonly signer: Signer; readonly addressVersion: number },
): Promise<Verdict<Tx>> {
  const unsigned = makeTx(fieldsOf(coins, outputs));
  const scripts: Uint8Array[] = [];
  for (const [index, { scriptPubKey }] of coins.entries()) {
    const hash = matchP2pkh(scriptPubKey);
    if (hash === undefined) return refuse('unknown-key', 'the coin is not P2PKH');
    const address = encodeAddress(hash, addressVersion);
    const key = await signer.publicKey(address);
    if (key === undefined) return refuse('unknown-key', `there is no key for ${address}`);
    if (!equals(hash160(key), hash)) throw badSigner(address);
    const signature = await signer.sign(address, sighashAll(unsigned, index, scriptPubKey));
    const der = encodeDer(signature);
    scripts.push(p2pkhScriptSig(Uint8Array.of(...der, SIGHASH_ALL), key));
  }
  const tx = makeTx(fieldsOf(coins, outputs, scripts));
  coins.forEach(({ scriptPubKey }, index) => {
    if (!inputSignatureCheck(tx, index, scriptPubKey).ok) throw badSigner(tx.txid);
  });
  return valid(tx);
}

const NO_SCRIPT = new Uint8Array(0);

const fieldsOf = (
  coins: readonly SpendableCoin[],
  outputs: readonly TxOut[],
  scripts: readonly Uint8Array[] = [],
): TxFields => ({
  version: VERSION,
  inputs: coins.map(({ outpoint }, index) => ({
    prevout: outpoint,
    scriptSig: scripts[index] ?? NO_SCRIPT,
    sequence: SEQUENCE,
  })),
  outputs,
  lockTime: 0,
});

const equals = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

const badSigner = (what: string): Fault =>
  new Fault('keystore', `The signer of ${what} answered with something that no node would take.`);
