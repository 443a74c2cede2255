/**
 * Whether transactions of the mempool are alive as of a version: derived from the rows each time,
 * never stored (store-protocol section 5). Alive: every input's coin is there, or made by a
 * transaction that is alive; each is claimed by the transaction itself; and it may stand in the next
 * block. Reads coin rows; writes nothing.
 */
import { revealedKey } from '../chain/coins.ts';
import type { ChainView, InputCell } from '../chain/types.ts';
import { checkTxInputs } from '../consensus/check-inputs.ts';
import { medianTimePast } from '../consensus/context.ts';
import { checkSequenceLocks, hasSequenceLocks, isFinal, sequenceLock } from '../consensus/locks.ts';
import type { ChainParams } from '../params/chain-params.ts';
import type { RowKey } from '../ports/store.ts';
import { refuse, rejectOf } from '../rejects.ts';
import { matchP2pkh } from '../script/index.ts';
import { decodeCoin } from '../store/layout.ts';
import type { Coin, Height, OutpointKey, Reject, Sats, Tx, Txid, Verdict } from '../types.ts';
import { toOutpointKey } from '../types.ts';
import type { StoredTx } from './rows.ts';

const keysOf = new WeakMap<Tx, readonly RowKey[]>();

/** Where the coins of a transaction lie whose scriptSigs have the right form. */
export function inputKeys(tx: Tx): readonly RowKey[] {
  const known = keysOf.get(tx);
  if (known !== undefined) return known;
  const keys = tx.inputs.map((input) => {
    const key = revealedKey(input);
    if (key === undefined) throw new Error('assertion failed: a scriptSig without a key');
    return key;
  });
  keysOf.set(tx, keys);
  return keys;
}

/** Cells of all inputs of all transactions: one batch. */
export async function readCells(view: ChainView, txs: readonly Tx[]): Promise<InputCell[][]> {
  const keys = txs.map(inputKeys);
  const cells = await view.snapshot.cells(keys.flat());
  let next = 0;
  return keys.map((own) =>
    own.map(({ pk, sk }) => {
      const cell = cells[next++] ?? { version: 0 };
      return { pk, sk, cell, ...(cell.value && { coin: decodeCoin(cell.value) }) };
    }),
  );
}

/** The place where a transaction would be confirmed: the block after the tip. */
export interface NextBlock {
  readonly height: Height;
  /** Median time past of the tip. */
  readonly medianTime: number;
  readonly params: ChainParams;
  /** Median times that time locks ask for, by height. */
  readonly times: ReadonlyMap<Height, number>;
}

/** Heights whose median times the time locks (BIP68) of a transaction with these coins ask for. */
function lockHeights(tx: Tx, coins: readonly (Coin | undefined)[]): Height[] {
  if (!hasSequenceLocks(tx)) return [];
  return tx.inputs.flatMap(({ sequence }, i) => {
    const coin = coins[i];
    const isTimed = coin !== undefined && sequenceLock(sequence)?.byTime === true;
    return isTimed ? [Math.max(coin.height - 1, 0)] : [];
  });
}

/** The next block's place, with the median times that these transactions need. */
export async function nextBlock(
  view: ChainView,
  params: ChainParams,
  spends: readonly { readonly tx: Tx; readonly coins: readonly (Coin | undefined)[] }[],
): Promise<NextBlock> {
  const { entry } = view.tip;
  const medianTime = medianTimePast(entry);
  const times = new Map<Height, number>([[entry.height, medianTime]]);
  const heights = new Set(spends.flatMap(({ tx, coins }) => lockHeights(tx, coins)));
  await Promise.all(
    [...heights].map(async (height) => {
      const time = times.get(height) ?? (await view.medianTimeAt(height));
      if (time !== undefined) times.set(height, time);
    }),
  );
  return { height: entry.height + 1, medianTime, params, times };
}

/** What a transaction of the mempool makes, as a coin of the next block. */
export function unconfirmedCoin(tx: Tx, vout: number, height: Height): Coin | undefined {
  const output = tx.outputs[vout];
  if (output === undefined || matchP2pkh(output.scriptPubKey) === undefined) return undefined;
  const value = Number(output.value) as Sats;
  return { value, scriptPubKey: output.scriptPubKey, height, coinbase: false };
}

/** Reasons that speak of the moment, not of the transaction: another tip, another verdict. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set([
  'bad-txns-inputs-missingorspent',
  'bad-txns-premature-spend-of-coinbase',
]);

/** The rules of a block on the transaction's inputs, in the place of the next block. */
export function checkInPlace(
  tx: Tx,
  coins: readonly Coin[],
  next: NextBlock,
): Verdict<{ fee: Sats }> {
  if (!isFinal(tx, next.height, next.medianTime)) return refuse('non-final');
  const byOutpoint = new Map<OutpointKey, Coin>();
  tx.inputs.forEach(({ prevout }, i) => {
    byOutpoint.set(toOutpointKey(prevout.txid, prevout.vout), coins[i] as Coin);
  });
  const timeAt = (height: Height): number => {
    const time = next.times.get(height);
    if (time === undefined) throw new Error(`assertion failed: no median time of ${height}`);
    return time;
  };
  const view = { coin: (at: OutpointKey) => byOutpoint.get(at), medianTimePast: timeAt };
  const verdict = checkTxInputs(tx, view.coin, next.height, next.params);
  if (!verdict.ok) return { ok: false, reject: ofTheMoment(verdict.reject) };
  const place = { height: next.height, parentMedianTime: next.medianTime };
  return checkSequenceLocks(tx, place, view) ? verdict : refuse('non-BIP68-final');
}

export const ofTheMoment = (reject: Reject): Reject =>
  OF_THE_MOMENT.has(reject.reason) ? { ...reject, kind: 'policy' } : reject;

/** Nothing: alive. */
export type Health = Reject | undefined;

/** A transaction's row and the cells of its inputs at one version. */
export interface Patient {
  readonly entry: StoredTx;
  readonly cells: readonly InputCell[];
}

/** The health of transactions, each worked out once. `patients`: all that are there. */
export function diagnose(
  patients: ReadonlyMap<Txid, Patient>,
  next: NextBlock,
): (txid: Txid) => Health {
  const known = new Map<Txid, Health>();
  const missing = rejectOf('bad-txns-inputs-missingorspent');
  const examine = ({ entry, cells }: Patient): Health => {
    const coins: Coin[] = [];
    for (const [i, { cell, coin }] of cells.entries()) {
      if (cell.claim !== entry.txid) return rejectOf('txn-mempool-conflict', cell.claim ?? 'none');
      const { txid, vout } = (entry.tx.inputs[i] as Tx['inputs'][number]).prevout;
      const parent = coin === undefined ? patients.get(txid) : undefined;
      const isMade = parent !== undefined && health(txid) === undefined;
      const found = coin ?? (isMade ? unconfirmedCoin(parent.entry.tx, vout, next.height) : coin);
      if (found === undefined) return missing;
      coins.push(found);
    }
    const verdict = checkInPlace(entry.tx, coins, next);
    return verdict.ok ? undefined : verdict.reject;
  };
  const health = (txid: Txid): Health => {
    if (known.has(txid)) return known.get(txid);
    const patient = patients.get(txid);
    if (patient === undefined) return missing;
    const found = examine(patient);
    known.set(txid, found);
    return found;
  };
  return health;
}

/** As `diagnose`, with the median times read that the locks ask for. */
export async function diagnoseAt(
  view: ChainView,
  params: ChainParams,
  patients: ReadonlyMap<Txid, Patient>,
): Promise<(txid: Txid) => Health> {
  const spends = [...patients.values()].map(({ entry, cells }) => ({
    tx: entry.tx,
    coins: cells.map(({ coin }) => coin),
  }));
  return diagnose(patients, await nextBlock(view, params, spends));
}
