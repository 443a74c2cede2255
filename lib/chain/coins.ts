/**
 * Finding coins: by the script that the spending input reveals, and, when that fails, by the
 * transaction that made them, so that a spend with a wrong key gets the right reason.
 */
import type { RowKey, Snapshot, Store } from '../ports/store.ts';
import { matchP2pkh, revealedScript, scriptHash } from '../script/p2pkh.ts';
import { coinKey, decodeCoin, decodeTxRow, txKey } from '../store/layout.ts';
import type { Block, Coin, OutpointKey, Tx, TxIn, Txid } from '../types.ts';
import { toOutpointKey } from '../types.ts';
import { rememberPartition } from './address-partitions.ts';
import type { CoinOverlay } from './effects-rows.ts';
import { readTx } from './tx-store.ts';

/** Where the input's coin lies if its key is the right one. */
export function revealedKey(input: TxIn): RowKey | undefined {
  const script = revealedScript(input.scriptSig);
  const { txid, vout } = input.prevout;
  return script === undefined ? undefined : coinKey(scriptHash(script), toOutpointKey(txid, vout));
}

/** Coins of the inputs, from the overlay, else in one batch from the snapshot. */
export async function findCoins(
  snapshot: Snapshot,
  overlay: CoinOverlay,
  txs: readonly Tx[],
): Promise<Map<OutpointKey, Coin | undefined>> {
  const coins = new Map<OutpointKey, Coin | undefined>();
  const own = new Set<Txid>(txs.map((tx) => tx.txid));
  const outpoints: OutpointKey[] = [];
  const keys: RowKey[] = [];
  for (const tx of txs) {
    for (const input of tx.inputs) {
      const { txid, vout } = input.prevout;
      if (own.has(txid)) continue;
      const outpoint = toOutpointKey(txid, vout);
      const known = overlay.get(outpoint);
      const key = known === undefined ? revealedKey(input) : undefined;
      if (known === undefined && key !== undefined) {
        outpoints.push(outpoint);
        keys.push(key);
      } else coins.set(outpoint, known ?? undefined);
    }
  }
  const rows = keys.length === 0 ? [] : await snapshot.getMany(keys);
  outpoints.forEach((outpoint, i) => {
    const row = rows[i];
    // A key that stands twice with different scripts: any hit is the coin.
    if (row === undefined) return;
    const coin = decodeCoin(row.value);
    rememberPartition(coin.scriptPubKey, row.pk);
    coins.set(outpoint, coin);
  });
  return coins;
}

/**
 * Reads transactions of the best chain, each once: inputs share them, and one may fill a block.
 * Undefined beyond `max` different ones.
 */
export function txReader(
  store: Store,
  snapshot: Snapshot,
  max = Number.POSITIVE_INFINITY,
): (txid: Txid) => Promise<Tx | undefined> {
  const known = new Map<Txid, Promise<Tx | undefined>>();
  const read = async (txid: Txid): Promise<Tx | undefined> => {
    const row = await snapshot.get(txKey(txid));
    if (row === undefined) return undefined;
    const place = decodeTxRow(row.value);
    return place.height === undefined ? undefined : readTx(store, place);
  };
  return (txid) => {
    const found = known.get(txid);
    if (found !== undefined) return found;
    if (known.size >= max) return Promise.resolve(undefined);
    const reading = read(txid);
    known.set(txid, reading);
    return reading;
  };
}

/** Row of the coin by what the transaction that made it says; undefined: no such output. */
export async function madeKey(
  readTxOf: (txid: Txid) => Promise<Tx | undefined>,
  prevout: TxIn['prevout'],
): Promise<RowKey | undefined> {
  const output = (await readTxOf(prevout.txid))?.outputs[prevout.vout];
  if (output === undefined || matchP2pkh(output.scriptPubKey) === undefined) return undefined;
  const outpoint = toOutpointKey(prevout.txid, prevout.vout);
  return coinKey(scriptHash(output.scriptPubKey), outpoint);
}

/** Inputs that are looked up at once. */
const LOOKED_UP_AT_ONCE = 64;
/** Transactions that are read to tell a wrong key from a coin that is not there. */
const PARENTS_READ_MAX = 64;

/**
 * If the first transaction that lacks coins spends ones that lie under other scripts than it shows,
 * adds them and answers true: the rules then give the true reason, which is this transaction's or an
 * earlier one's. What the overlay knows as spent stays spent.
 */
export async function findMisnamedCoins(
  store: Store,
  snapshot: Snapshot,
  block: Block,
  found: { coins: Map<OutpointKey, Coin | undefined>; overlay: CoinOverlay },
): Promise<boolean> {
  const { coins, overlay } = found;
  const own = new Set<Txid>(block.txs.map((tx) => tx.txid));
  const isLacking = ({ prevout }: TxIn): boolean =>
    !own.has(prevout.txid) && coins.get(toOutpointKey(prevout.txid, prevout.vout)) === undefined;
  const lacking =
    block.txs
      .slice(1)
      .find((tx) => tx.inputs.some(isLacking))
      ?.inputs.filter(isLacking) ?? [];
  const readTxOf = txReader(store, snapshot, PARENTS_READ_MAX);
  for (let at = 0; at < lacking.length; at += LOOKED_UP_AT_ONCE) {
    const added = await Promise.all(
      lacking.slice(at, at + LOOKED_UP_AT_ONCE).map(async ({ prevout }) => {
        const outpoint = toOutpointKey(prevout.txid, prevout.vout);
        if (overlay.has(outpoint)) return false;
        const key = await madeKey(readTxOf, prevout);
        const row = key === undefined ? undefined : await snapshot.get(key);
        if (row !== undefined) coins.set(outpoint, decodeCoin(row.value));
        return row !== undefined;
      }),
    );
    if (added.includes(false)) return false;
  }
  return lacking.length > 0;
}
