/** Consistent reads of one version of the chain. Owns no rows: layout.ts says what they are. */
import type { BlockEntry } from '../consensus/types.ts';
import type { RowKey, Snapshot, Store } from '../ports/store.ts';
import { scriptHash } from '../script/p2pkh.ts';
import {
  addressPartition,
  COIN_PREFIX,
  coinKey,
  decodeCoin,
  decodeHeightRow,
  decodeHistory,
  decodeOutspend,
  decodeTxRow,
  HISTORY_PREFIX,
  heightKey,
  historySortKey,
  outspendKey,
  parseCoinKey,
  txKey,
} from '../store/layout.ts';
import type { BlockHash, Height, Outpoint, Sats, ScriptHash, Tx, TxIn, Txid } from '../types.ts';
import { toOutpointKey } from '../types.ts';
import { isOnChain } from './activate-best.ts';
import { madeKey, revealedKey, txReader } from './coins.ts';
import { tipOf } from './context.ts';
import { readTx } from './tx-store.ts';
import type {
  AddressCoin,
  AddressTotals,
  ChainTip,
  ChainView,
  HistoryItem,
  InputCell,
  LocatedTx,
} from './types.ts';

const COINS_DEFAULT = 1000;
const HISTORY_DEFAULT = 25;
/** Where an input is looked for that shows no key and spends nothing known: no coin lies there. */
const NOWHERE = scriptHash(new Uint8Array(0));

/** Sums of money that went round may pass 2^53; a report then says "at least this". */
const toSats = (sum: bigint): Sats =>
  (sum > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(sum)) as Sats;

export class SnapshotView implements ChainView {
  readonly snapshot: Snapshot;
  readonly tip: ChainTip;
  readonly #store: Store;

  constructor(store: Store, snapshot: Snapshot) {
    this.#store = store;
    this.snapshot = snapshot;
    this.tip = { entry: tipOf(snapshot), version: snapshot.version };
  }

  async hashAt(height: Height): Promise<BlockHash | undefined> {
    return (await this.#heightRow(height))?.hash;
  }

  async medianTimeAt(height: Height): Promise<number | undefined> {
    return (await this.#heightRow(height))?.medianTime;
  }

  async #heightRow(height: Height) {
    if (!Number.isSafeInteger(height) || height < 0 || height > this.tip.entry.height) {
      return undefined;
    }
    const row = await this.snapshot.get(heightKey(height));
    return row && decodeHeightRow(row.value);
  }

  isOnBestChain(entry: BlockEntry): Promise<boolean> {
    return isOnChain(this.snapshot, entry);
  }

  async coinsOf(tx: Tx): Promise<InputCell[]> {
    const keys = tx.inputs.map((input) => revealedKey(input) ?? nowhere(input));
    const cells = await this.#cells(keys);
    const readTxOf = txReader(this.#store, this.snapshot);
    // A key that is not the coin's, or none: the coin lies where the transaction that made it says.
    const moved = await Promise.all(
      tx.inputs.map(async ({ prevout }, i) => {
        if (cells[i]?.coin !== undefined) return undefined;
        const key = await madeKey(readTxOf, prevout);
        return key === undefined || key.pk === keys[i]?.pk ? undefined : key;
      }),
    );
    const wanted = moved.filter((key) => key !== undefined);
    if (wanted.length === 0) return cells;
    const found = await this.#cells(wanted);
    return cells.map((cell, i) => {
      const key = moved[i];
      return key === undefined ? cell : (found[wanted.indexOf(key)] ?? cell);
    });
  }

  async #cells(keys: readonly RowKey[]): Promise<InputCell[]> {
    const cells = await this.snapshot.cells(keys);
    return keys.map(({ pk, sk }, i) => {
      const cell = cells[i] ?? { version: 0 };
      const { value } = cell;
      return value === undefined ? { pk, sk, cell } : { pk, sk, cell, coin: decodeCoin(value) };
    });
  }

  async locate(txid: Txid): Promise<LocatedTx | undefined> {
    const row = await this.snapshot.get(txKey(txid));
    const place = row && decodeTxRow(row.value);
    if (place?.height === undefined) return undefined;
    const { blockHash, height, position } = place;
    const tx = await readTx(this.#store, place);
    return tx && { tx, blockHash, height, position };
  }

  async isConfirmed(txid: Txid): Promise<boolean> {
    const row = await this.snapshot.get(txKey(txid));
    return row !== undefined && decodeTxRow(row.value).height !== undefined;
  }

  async disconnectedTx(txid: Txid): Promise<Tx | undefined> {
    const row = await this.snapshot.get(txKey(txid));
    const place = row && decodeTxRow(row.value);
    return place === undefined || place.height !== undefined
      ? undefined
      : readTx(this.#store, place);
  }

  async outspend({ txid, vout }: Outpoint) {
    const row = await this.snapshot.get(outspendKey(toOutpointKey(txid, vout)));
    return row && decodeOutspend(row.value);
  }

  async addressCoins(
    script: ScriptHash,
    options: { after?: string; limit?: number } = {},
  ): Promise<AddressCoin[]> {
    const { after, limit = COINS_DEFAULT } = options;
    const rows = await this.snapshot.range(addressPartition(script), {
      prefix: COIN_PREFIX,
      limit,
      ...(after !== undefined && { after: `${COIN_PREFIX}${after}` }),
    });
    return rows.map(({ sk, value, claim }) => ({
      outpoint: parseCoinKey(sk),
      coin: decodeCoin(value),
      ...(claim !== undefined && { claim }),
    }));
  }

  async addressTotals(script: ScriptHash): Promise<AddressTotals> {
    const options = { prefix: HISTORY_PREFIX, limit: 1 };
    const [row] = await this.snapshot.range(addressPartition(script), options);
    if (row === undefined) {
      const none = 0 as Sats;
      return { txCount: 0, fundedCount: 0, fundedSats: none, spentCount: 0, spentSats: none };
    }
    const { txCount, fundedCount, fundedSats, spentCount, spentSats } = decodeHistory(row.value);
    return {
      txCount,
      fundedCount,
      fundedSats: toSats(fundedSats),
      spentCount,
      spentSats: toSats(spentSats),
    };
  }

  async addressHistory(
    script: ScriptHash,
    options: { after?: Txid; limit?: number } = {},
  ): Promise<HistoryItem[]> {
    const { after, limit = HISTORY_DEFAULT } = options;
    let start: string | undefined;
    if (after !== undefined) {
      const row = await this.snapshot.get(txKey(after));
      const place = row && decodeTxRow(row.value);
      // Not in the chain (any more): where the page before ended is not known.
      if (place?.height === undefined) return [];
      start = historySortKey(place.height, place.position);
    }
    const rows = await this.snapshot.range(addressPartition(script), {
      prefix: HISTORY_PREFIX,
      limit,
      ...(start !== undefined && { after: start }),
    });
    return (
      rows
        .map(({ value }) => decodeHistory(value))
        // The first of all sorts last, whatever its height.
        .filter(({ txid }) => txid !== after)
        .map(({ txid, height, position }) => ({ txid, height, position }))
    );
  }
}

const nowhere = ({ prevout }: TxIn): RowKey =>
  coinKey(NOWHERE, toOutpointKey(prevout.txid, prevout.vout));
