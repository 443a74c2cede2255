/**
 * From what a block does to the rows that say so, and back: coins, outspends, transactions by id,
 * address history, the best chain by height. Owns which rows a connected block has; pure.
 */

import { coinsOf } from '../consensus/connect.ts';
import { medianTimePast } from '../consensus/context.ts';
import type { BlockEffects, BlockEntry } from '../consensus/types.ts';
import type { RowKey } from '../ports/store.ts';
import {
  coinSortKey,
  encodeCoin,
  encodeHeightRow,
  encodeHistory,
  encodeOutspend,
  encodeTxRow,
  HISTORY_FIRST,
  type HistoryRow,
  heightKey,
  historySortKey,
  outspendKey,
  txKey,
} from '../store/layout.ts';
import type { Block, Coin, OutpointKey, Tx, Txid } from '../types.ts';
import { toOutpointKey } from '../types.ts';
import { partitionOf } from './address-partitions.ts';
import type { StoredBlock } from './block-store.ts';
import type { ChangeSet } from './change-set.ts';

export interface Totals {
  readonly txCount: number;
  readonly fundedCount: number;
  readonly fundedSats: bigint;
  readonly spentCount: number;
  readonly spentSats: bigint;
}

export const NO_TOTALS: Totals = {
  txCount: 0,
  fundedCount: 0,
  fundedSats: 0n,
  spentCount: 0,
  spentSats: 0n,
};

/** Coins as the fold leaves them; null: spent or unmade. */
export type CoinOverlay = Map<OutpointKey, Coin | null>;

/** What a transaction does to one address. */
interface Touch {
  fundedCount: number;
  /** Within one transaction: below 2^53. */
  fundedSats: number;
  spentCount: number;
  spentSats: number;
}

export type Touches = ReadonlyMap<Txid, ReadonlyMap<string, Touch>>;
export type SpendEffects = Pick<BlockEffects, 'created' | 'spent'>;

/** Which addresses, by partition, each transaction touches. Coinbase and OP_RETURN-only ones included as they come. */
export function touchesOf(effects: SpendEffects): Touches {
  const touches = new Map<Txid, Map<string, Touch>>();
  const touch = (txid: Txid, coin: Coin): Touch => {
    const scripts = touches.get(txid) ?? new Map<string, Touch>();
    touches.set(txid, scripts);
    const pk = partitionOf(coin.scriptPubKey);
    const found = scripts.get(pk) ?? {
      fundedCount: 0,
      fundedSats: 0,
      spentCount: 0,
      spentSats: 0,
    };
    scripts.set(pk, found);
    return found;
  };
  for (const { txid, coin } of effects.created) {
    const found = touch(txid, coin);
    found.fundedCount += 1;
    found.fundedSats += coin.value;
  }
  for (const { spender, coin } of effects.spent) {
    const found = touch(spender, coin);
    found.spentCount += 1;
    found.spentSats += coin.value;
  }
  return touches;
}

const coinRow = (outpoint: OutpointKey, coin: Coin): RowKey => ({
  pk: partitionOf(coin.scriptPubKey),
  sk: coinSortKey(outpoint),
});

const compactSizeBytes = (count: number): number => (count < 0xfd ? 1 : count <= 0xffff ? 3 : 5);

/** Offset of each transaction from the block's first byte. */
export function txOffsets(block: Block): number[] {
  let at = block.header.raw.length + compactSizeBytes(block.txs.length);
  return block.txs.map((tx) => {
    at += tx.raw.length;
    return at - tx.raw.length;
  });
}

/** Rows of a block that joins the best chain. */
export function connectRows(
  into: { changes: ChangeSet; coins: CoinOverlay; totals: Map<string, Totals> },
  block: Block,
  entry: BlockEntry,
  effects: SpendEffects,
  touches: Touches,
): void {
  const { changes, coins } = into;
  const { hash, height } = entry;
  changes.put(
    heightKey(height),
    encodeHeightRow({ hash, medianTime: medianTimePast(entry), header: entry.header.raw }),
  );
  for (const { outpoint, coin } of effects.created) {
    coins.set(outpoint, coin);
    changes.coin(outpoint, coinRow(outpoint, coin), encodeCoin(coin), false);
  }
  for (const { outpoint, coin, spender, vin } of effects.spent) {
    coins.set(outpoint, null);
    changes.coin(outpoint, coinRow(outpoint, coin), undefined, true);
    changes.put(outspendKey(outpoint), encodeOutspend({ txid: spender, vin, height }));
  }
  const offsets = txOffsets(block);
  block.txs.forEach((tx, position) => {
    const offset = offsets[position] ?? 0;
    changes.put(
      txKey(tx.txid),
      encodeTxRow({ blockHash: hash, height, position, offset, bytes: tx.raw.length }),
    );
    historyRows(into, { tx, position, height }, touches);
  });
}

function historyRows(
  into: { changes: ChangeSet; totals: Map<string, Totals> },
  at: { tx: Tx; position: number; height: number },
  touches: Touches,
): void {
  const sk = historySortKey(at.height, at.position);
  for (const [script, touch] of touches.get(at.tx.txid) ?? []) {
    const before = into.totals.get(script) ?? NO_TOTALS;
    const totals: Totals = {
      txCount: before.txCount + 1,
      fundedCount: before.fundedCount + touch.fundedCount,
      fundedSats: before.fundedSats + BigInt(touch.fundedSats),
      spentCount: before.spentCount + touch.spentCount,
      spentSats: before.spentSats + BigInt(touch.spentSats),
    };
    into.totals.set(script, totals);
    const { position, height } = at;
    const value = encodeHistory({ txid: at.tx.txid, height, position, ...totals });
    into.changes.put({ pk: script, sk: totals.txCount === 1 ? HISTORY_FIRST : sk }, value);
  }
}

/** A block's effects from its undo data: what connecting it gave, signature checks aside. */
export function effectsOf(block: Block, height: number, undo: readonly Coin[]): SpendEffects {
  let next = 0;
  const spent = block.txs.slice(1).flatMap((tx) =>
    tx.inputs.map(({ prevout }, vin) => {
      const coin = undo[next++];
      if (coin === undefined) throw new Error('assertion failed: undo data is too short');
      return { outpoint: toOutpointKey(prevout.txid, prevout.vout), coin, spender: tx.txid, vin };
    }),
  );
  const created = block.txs.flatMap((tx, position) =>
    coinsOf(tx, { height, coinbase: position === 0 }),
  );
  return { created, spent };
}

/**
 * Takes back what connectRows wrote. A transaction's row stays, without height: never 404. `firstOf`:
 * the first row of an address.
 */
export function disconnectRows(
  into: { changes: ChangeSet; coins: CoinOverlay },
  stored: StoredBlock,
  effects: SpendEffects,
  about: { touches: Touches; firstOf: (pk: string) => HistoryRow | undefined },
): void {
  const { changes, coins } = into;
  const {
    block,
    entry: { hash, height },
  } = stored;
  for (const { outpoint, coin } of effects.spent) {
    coins.set(outpoint, coin);
    changes.coin(outpoint, coinRow(outpoint, coin), encodeCoin(coin), false);
    changes.takeBack(outspendKey(outpoint), undefined);
  }
  // After the spent ones: what was made and spent here is unmade.
  for (const { outpoint, coin } of effects.created) {
    coins.set(outpoint, null);
    changes.coin(outpoint, coinRow(outpoint, coin), undefined, true);
  }
  const offsets = txOffsets(block);
  block.txs.forEach((tx, position) => {
    const place = { blockHash: hash, position, offset: offsets[position] ?? 0 };
    // A coinbase goes nowhere when its block is gone.
    const row = position === 0 ? undefined : encodeTxRow({ ...place, bytes: tx.raw.length });
    changes.takeBack(txKey(tx.txid), row);
    for (const pk of about.touches.get(tx.txid)?.keys() ?? []) {
      const first = about.firstOf(pk);
      const isFirst = first?.height === height && first.position === position;
      const sk = isFirst ? HISTORY_FIRST : historySortKey(height, position);
      changes.takeBack({ pk, sk }, undefined);
    }
  });
  changes.takeBack(heightKey(height), undefined);
}
