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
  type TxOut,
  toOutpointKey,
  type UnixSeconds,
  type Verdict,
  valid,
} from '../types.ts';
import { checkBlockContext } from './check-block.ts';
import { checkTxInputs, outputSum } from './check-inputs.ts';
import { medianTimePast } from './context.ts';
import { MONEY_MAX } from './limits.ts';
import { checkSequenceLocks } from './locks.ts';
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
    if (coin === undefined) return refuse('bad-txns-inputs-missingorspent');
    const check = inputSignatureCheck(tx, index, coin.scriptPubKey);
    if (!check.ok) return check;
    checks.push(check.value);
  }
  return { ok: true, value: checks };
}

interface Place {
  readonly height: Height;
  readonly parentMedianTime: UnixSeconds;
}

/** One block being connected: the coins as its transactions leave them, one after the other. */
class Connecting {
  readonly created: CreatedCoin[] = [];
  readonly spent: SpentCoin[] = [];
  readonly checks: SignatureCheck[] = [];
  readonly #made = new Map<OutpointKey, Coin>();
  readonly #gone = new Set<OutpointKey>();
  readonly #view: CoinView;
  readonly #place: Place;
  fees = 0;

  constructor(view: CoinView, place: Place) {
    this.#view = view;
    this.#place = place;
  }

  readonly coin = (outpoint: OutpointKey): Coin | undefined =>
    this.#gone.has(outpoint) ? undefined : (this.#made.get(outpoint) ?? this.#view.coin(outpoint));

  get view(): CoinView {
    const { height: own, parentMedianTime } = this.#place;
    return {
      coin: this.coin,
      medianTimePast: (height) =>
        height === own - 1 ? parentMedianTime : this.#view.medianTimePast(height),
    };
  }

  spend(tx: Tx): void {
    tx.inputs.forEach(({ prevout }, vin) => {
      const outpoint = toOutpointKey(prevout.txid, prevout.vout);
      const coin = this.coin(outpoint) as Coin;
      this.spent.push({ outpoint, coin, spender: tx.txid, vin });
      this.#gone.add(outpoint);
    });
  }

  create(tx: Tx, coinbase: boolean): void {
    for (const item of coinsOf(tx, { height: this.#place.height, coinbase })) {
      this.created.push(item);
      this.#made.set(item.outpoint, item.coin);
    }
  }
}

/** Coins that a transaction makes. OP_RETURN never becomes one. */
export function coinsOf(
  tx: Tx,
  about: { readonly height: Height; readonly coinbase: boolean },
): CreatedCoin[] {
  return tx.outputs.flatMap(({ value, scriptPubKey }, vout) =>
    matchP2pkh(scriptPubKey) === undefined
      ? []
      : [
          {
            outpoint: toOutpointKey(tx.txid, vout),
            txid: tx.txid,
            vout,
            coin: { value: Number(value) as Sats, scriptPubKey, ...about },
          },
        ],
  );
}

/** What block 0 creates: nothing, where nobody may spend it (as in Bitcoin). */
export function genesisCoins(params: ChainParams): CreatedCoin[] {
  if (!params.genesisSpendable) return [];
  const [coinbase] = genesisBlock(params).txs;
  return coinbase === undefined ? [] : coinsOf(coinbase, { height: 0, coinbase: true });
}

/**
 * What connecting does. The block was checked by itself (checkBlock). Rejects: checkBlockContext's,
 * checkTxInputs', `bad-txns-nonfinal` (relative locks), `stack-output`, `stack-op-return`, those of
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
  const place: Place = { height, parentMedianTime: medianTimePast(parent) };
  const state = new Connecting(view, place);
  for (const [index, tx] of block.txs.entries()) {
    const verdict = index === 0 ? connectCoinbase(state, tx) : connectTx(state, tx, place, params);
    if (!verdict.ok) {
      const { reason, kind, detail } = verdict.reject;
      const where = detail === undefined ? tx.txid : `${tx.txid}: ${detail}`;
      return { ok: false, reject: { reason, kind, detail: where } };
    }
  }
  const most = subsidy(height, params) + state.fees;
  if (outputSum(block.txs[0] as Tx) > most) return refuse('bad-cb-amount', `more than ${most}`);
  return {
    ok: true,
    value: {
      created: state.created,
      spent: state.spent,
      fees: state.fees as Sats,
      signatureChecks: state.checks,
    },
  };
}

function connectCoinbase(state: Connecting, tx: Tx): Verdict {
  const outputs = checkOutputs(tx);
  if (outputs.ok) state.create(tx, true);
  return outputs;
}

function connectTx(state: Connecting, tx: Tx, place: Place, params: ChainParams): Verdict {
  const inputs = checkTxInputs(tx, state.coin, place.height, params);
  if (!inputs.ok) return inputs;
  state.fees += inputs.value.fee;
  if (state.fees > MONEY_MAX) return refuse('bad-txns-accumulated-fee-outofrange');
  if (!checkSequenceLocks(tx, place, state.view)) return refuse('bad-txns-nonfinal', 'BIP68');
  const outputs = checkOutputs(tx);
  if (!outputs.ok) return outputs;
  const checks = signatureChecksOf(tx, state.coin);
  if (!checks.ok) return checks;
  state.checks.push(...checks.value);
  state.spend(tx);
  state.create(tx, false);
  return valid();
}
