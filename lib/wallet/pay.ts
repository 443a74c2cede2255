/**
 * A payment from one address by way of a CoinSource: the same for a node in this process and for one
 * behind HTTP. Owns which coins are looked at and what happens when somebody else was faster.
 */
import { decodeTx } from '../codec/index.ts';
import { Fault } from '../faults.ts';
import type { Signer } from '../ports/signer.ts';
import { refuse } from '../rejects.ts';
import { type Txid, type Verdict, valid } from '../types.ts';
import { buildTransaction, lockOf } from './build-transaction.ts';
import { isAmount, selectCoins, sortCoins } from './select-coins.ts';
import { type FeeRule, INPUTS_MAX } from './sizes.ts';
import type { BuiltTx, CoinSource, SendRequest, SpendableCoin } from './types.ts';

/** With no more inputs than this a payment enters a mempool in one step on every store. */
const INPUTS_PREFERRED = 90;
const SEND_TRIES_MAX = 5;
/** Another payment took a coin between our look and our submission: look again. */
const WAS_TAKEN = new Set([
  'txn-mempool-conflict',
  'bad-txns-inputs-missingorspent',
  'missing-inputs',
]);

/** 1,000 sat/byte: a node that asks for more is broken or greedy, and its user should know. */
const FEE_RATE_MAX = 1_000_000;
const LOOKUPS_AT_ONCE = 8;

export interface Payer {
  readonly source: CoinSource;
  readonly signer: Signer;
  readonly addressVersion: number;
}

/**
 * Builds and signs, hands nothing over. Rejects: `invalid-address` (detail begins with `sender` or
 * `recipient`), `invalid-amount`, `unknown-key`, `insufficient-funds`, `tx-size`.
 */
export async function buildPayment(payer: Payer, request: SendRequest): Promise<Verdict<BuiltTx>> {
  const { source, signer, addressVersion } = payer;
  const { from, to, amountSats, feeSats, changeTo = from } = request;
  const checked = checkRequest(request, addressVersion);
  if (!checked.ok) return checked;
  if ((await signer.publicKey(from)) === undefined) {
    return refuse('unknown-key', `there is no key for ${from} here`);
  }
  const fee: FeeRule = feeSats === undefined ? { rate: await source.feeRate() } : { sats: feeSats };
  if ('rate' in fee && fee.rate > FEE_RATE_MAX) {
    return refuse('mempool min fee not met', `the node asks for ${fee.rate / 1000} sat/byte`);
  }
  const { coins, restSats } = await gatherCoins(source, { from, amountSats, fee });
  const built = await buildTransaction({
    coins,
    restSats,
    to,
    amountSats,
    fee,
    changeTo,
    addressVersion,
    signer,
  });
  if (built.ok) await checkValues(source, built.value, coins);
  return built;
}

/** As buildPayment, then submits it. Rejects also what the mempool answers. */
export async function sendPayment(payer: Payer, request: SendRequest): Promise<Verdict<BuiltTx>> {
  for (let attempt = 1; ; attempt++) {
    const built = await buildPayment(payer, request);
    if (!built.ok) return built;
    const submitted = await payer.source.submit(built.value.tx.raw);
    if (submitted.ok) return built;
    if (!WAS_TAKEN.has(submitted.reject.reason) || attempt === SEND_TRIES_MAX) return submitted;
  }
}

function checkRequest(request: SendRequest, addressVersion: number): Verdict {
  const { from, to, amountSats, feeSats, changeTo = from } = request;
  for (const [who, address] of [
    ['sender', from],
    ['recipient', to],
    ['change', changeTo],
  ] as const) {
    const lock = lockOf(address, addressVersion);
    if (!lock.ok) return refuse('invalid-address', `${who}: ${lock.reject.detail ?? address}`);
  }
  if (!isAmount(amountSats)) return refuse('invalid-amount', 'the amount is no whole sum above 0');
  if (feeSats !== undefined && feeSats !== 0 && !isAmount(feeSats)) {
    return refuse('invalid-amount', 'the fee is no whole sum');
  }
  return valid();
}

/**
 * A source that says a coin is worth less than it is would have the rest paid to whoever mines the
 * block. Throws Fault `transport`.
 */
async function checkValues(
  source: CoinSource,
  { tx }: BuiltTx,
  coins: readonly SpendableCoin[],
): Promise<void> {
  if (source.rawTx === undefined) return;
  const txids = [...new Set(tx.inputs.map(({ prevout }) => prevout.txid))];
  const parents = new Map<Txid, Uint8Array | undefined>();
  for (let i = 0; i < txids.length; i += LOOKUPS_AT_ONCE) {
    const some = txids.slice(i, i + LOOKUPS_AT_ONCE);
    const raws = await Promise.all(some.map((txid) => source.rawTx?.(txid)));
    some.forEach((txid, j) => {
      parents.set(txid, raws[j]);
    });
  }
  for (const { prevout } of tx.inputs) {
    const parent = decodeTx(parents.get(prevout.txid) ?? new Uint8Array(0));
    const said = coins.find(
      ({ outpoint }) => outpoint.txid === prevout.txid && outpoint.vout === prevout.vout,
    );
    const isTrue =
      parent.ok &&
      parent.value.txid === prevout.txid &&
      parent.value.outputs[prevout.vout]?.value === BigInt(said?.valueSats ?? -1);
    if (!isTrue) {
      const name = `${prevout.txid}:${prevout.vout}`;
      throw new Fault('transport', `The node's word on the coin ${name} does not hold.`);
    }
  }
}

/**
 * Looks at as many coins as it takes, and keeps no more than one transaction can spend: an address
 * may hold a million. Unconfirmed change is used only where confirmed coins do not suffice, or would
 * be a great many.
 */
async function gatherCoins(
  source: CoinSource,
  wanted: { readonly from: string; readonly amountSats: number; readonly fee: FeeRule },
): Promise<{ readonly coins: readonly SpendableCoin[]; readonly restSats: number }> {
  let confirmed: SpendableCoin[] = [];
  let restSats = 0;
  const change: SpendableCoin[] = [];
  for await (const page of source.coins(wanted.from)) {
    change.push(...page.filter(({ unconfirmed }) => unconfirmed === true));
    const sorted = sortCoins([...confirmed, ...page.filter(({ unconfirmed }) => !unconfirmed)]);
    confirmed = sorted.slice(0, INPUTS_MAX);
    restSats = sorted.slice(INPUTS_MAX).reduce((sum, { valueSats }) => sum + valueSats, restSats);
    const choice = selectCoins(confirmed, wanted);
    if (choice.ok && choice.value.coins.length <= INPUTS_PREFERRED) break;
  }
  const choice = selectCoins(confirmed, wanted);
  const suffices = choice.ok && choice.value.coins.length <= INPUTS_PREFERRED;
  return { coins: suffices ? confirmed : [...confirmed, ...change], restSats };
}
