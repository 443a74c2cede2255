/**
 * Connecting a block to the coins: what it spends, what it makes, and which signatures must hold.
 * Pure; the caller has the signatures checked before the block counts.
 */
import type { ChainParams } from '../params/chain-params.ts';
import { genesisBlock } from '../params/genesis.ts';
import { refuse } from '../rejects.ts';
import { isOpReturn, matchOpReturn } from '../script/op-return.ts';
import { matchP2pkh } from '../script/p2pkh.ts';
import { inputSignatureCheck } from '../script/verify-input.ts';
import {
  type Block,
  type Coin,
  type Height,
  type OutpointKey,
  type Sats,
  type SignatureCheck,
  type Tx,
  type Txid,
  type TxOut,
  toOutpointKey,
  type Verdict,
  valid,
} from '../types.ts';
import { checkBlockContext } from './check-block.ts';
import { checkCoins, missing, outputSum } from './check-inputs.ts';
import { medianTimePast } from './context.ts';
import { MONEY_MAX } from './limits.ts';
import { areOldEnough, type LockPlace } from './locks.ts';
import { subsidy } from './subsidy.ts';
import type { BlockEffects, BlockEntry, CoinView, CreatedCoin, SpentCoin } from './types.ts';

/** P2PKH, or OP_RETURN of value 0. Rejects: `stack-output`, `stack-op-return`. */
export function checkOutput({ value, scriptPubKey }: TxOut): Verdict {
  if (matchP2pkh(scriptPubKey) !== undefined) return valid();
  if (!isOpReturn(scriptPubKey)) return refuse('stack-output');
  return value === 0n && matchOpReturn(scriptPubKey) ? valid() : refuse('stack-op-return');
}

export function checkOutputs(tx: Tx): Verdict {
  for (const output of tx.outputs) {
    const verdict = checkOutput(output);
    if (!verdict.ok) return verdict;
  }
  return valid();
}

/**
 * The signature checks of all inputs. Rejects: those of inputSignatureCheck. A coin must be there
 * for each input.
 */
export function signatureChecksOf(
  tx: Tx,
  coinOf: (outpoint: OutpointKey) => Coin | undefined,
): Verdict<SignatureCheck[]> {
  const checks: SignatureCheck[] = [];
  for (const [index, { prevout }] of tx.inputs.entries()) {
    const coin = coinOf(toOutpointKey(prevout.txid, prevout.vout));
    if (coin === undefined) return missing(prevout);
    const check = inputSignatureCheck(tx, index, coin.scriptPubKey);
    if (!check.ok) return check;
    checks.push(check.value);
  }
  return { ok: true, value: checks };
}

/** Coins that a transaction makes. OP_RETURN never becomes one. */
export function coinsOf(
  tx: Tx,
  about: { readonly height: Height; readonly coinbase: boolean },
): CreatedCoin[] {
  const { txid } = tx;
  const { height, coinbase } = about;
  const made: CreatedCoin[] = [];
  for (const [vout, { value, scriptPubKey }] of tx.outputs.entries()) {
    if (matchP2pkh(scriptPubKey) === undefined) continue;
    const coin = { value: Number(value) as Sats, scriptPubKey, height, coinbase };
    made.push({ outpoint: toOutpointKey(txid, vout), txid, vout, coin });
  }
  return made;
}

/** One block being connected: the coins as its transactions leave them, one after the other. */
class Connecting {
  readonly created: CreatedCoin[] = [];
  readonly spent: SpentCoin[] = [];
  readonly checks: SignatureCheck[] = [];
  fees = 0;
  readonly #view: CoinView;
  readonly #place: LockPlace;
  readonly #params: ChainParams;
  /** What the block itself made as far as it spends it, null for spent. */
  readonly #coins = new Map<OutpointKey, Coin | null>();
  /** Transactions of which the block spends something: coins of others need no entry. */
  readonly #parents = new Set<Txid>();

  constructor(block: Block, view: CoinView, place: LockPlace, params: ChainParams) {
    this.#view = view;
    this.#place = place;
    this.#params = params;
    for (const tx of block.txs) {
      for (const { prevout } of tx.inputs) this.#parents.add(prevout.txid);
    }
  }

  coinbase(tx: Tx): Verdict {
    const outputs = checkOutputs(tx);
    if (outputs.ok) this.#create(tx, true);
    return outputs;
  }

  /** In Core's order: coins and amounts, relative locks, then what a signature is about. */
  transaction(tx: Tx): Verdict {
    const found = this.#find(tx);
    if (!found.ok) return found;
    const coins = found.value.map(({ coin }) => coin);
    const fee = checkCoins(tx, coins, this.#place.height, this.#params);
    if (!fee.ok) return fee;
    this.fees += fee.value;
    if (this.fees > MONEY_MAX) return refuse('bad-txns-accumulated-fee-outofrange');
    const isOld = areOldEnough(tx, coins, this.#place, (at) => this.#view.medianTimePast(at));
    if (!isOld) return refuse('bad-txns-nonfinal', 'BIP68');
    const outputs = checkOutputs(tx);
    if (!outputs.ok) return outputs;
    for (const [index, { scriptPubKey }] of coins.entries()) {
      const check = inputSignatureCheck(tx, index, scriptPubKey);
      if (!check.ok) return check;
      this.checks.push(check.value);
    }
    for (const spent of found.value) {
      this.#coins.set(spent.outpoint, null);
      this.spent.push(spent);
    }
    this.#create(tx, false);
    return valid();
  }

  /** The coins of the inputs; each id is put together once. */
  #find(tx: Tx): Verdict<SpentCoin[]> {
    const found: SpentCoin[] = [];
    for (const [vin, { prevout }] of tx.inputs.entries()) {
      const outpoint = toOutpointKey(prevout.txid, prevout.vout);
      const own = this.#coins.get(outpoint);
      const coin = own === undefined ? this.#view.coin(outpoint) : own;
      if (coin === undefined || coin === null) return missing(prevout);
      found.push({ outpoint, coin, spender: tx.txid, vin });
    }
    return { ok: true, value: found };
  }

  #create(tx: Tx, coinbase: boolean): void {
    const isParent = this.#parents.has(tx.txid);
    for (const item of coinsOf(tx, { height: this.#place.height, coinbase })) {
      this.created.push(item);
      if (isParent) this.#coins.set(item.outpoint, item.coin);
    }
  }
}

/** What block 0 creates: nothing, where nobody may spend it (as in Bitcoin). */
export function genesisCoins(params: ChainParams): CreatedCoin[] {
  if (!params.genesisSpendable) return [];
  const [coinbase] = genesisBlock(params).txs;
  return coinbase === undefined ? [] : coinsOf(coinbase, { height: 0, coinbase: true });
}

/**
 * What connecting does. The block was checked by itself (checkBlock). Rejects: checkBlockContext's,
 * checkCoins', `bad-txns-nonfinal` (relative locks), `stack-output`, `stack-op-return`, those of
 * inputSignatureCheck, `bad-txns-accumulated-fee-outofrange`, `bad-cb-amount`.
 */
export function connectBlock(
  block: Block,
  entry: BlockEntry,
  parent: BlockEntry,
  view: CoinView,
  params: ChainParams,
): Verdict<BlockEffects> {
  const context = checkBlockContext(block, entry, parent);
  if (!context.ok) return context;
  const { height } = entry;
  const place = { height, parentMedianTime: medianTimePast(parent) };
  const state = new Connecting(block, view, place, params);
  for (const [index, tx] of block.txs.entries()) {
    const verdict = index === 0 ? state.coinbase(tx) : state.transaction(tx);
    if (!verdict.ok) {
      const { reason, kind, detail } = verdict.reject;
      const where = detail === undefined ? tx.txid : `${tx.txid}: ${detail}`;
      return { ok: false, reject: { reason, kind, detail: where } };
    }
  }
  const most = subsidy(height, params) + state.fees;
  if (outputSum(block.txs[0] as Tx) > most) return refuse('bad-cb-amount', `more than ${most}`);
  const { created, spent, checks } = state;
  return {
    ok: true,
    value: { created, spent, fees: state.fees as Sats, signatureChecks: checks },
  };
}
