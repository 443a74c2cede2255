/**
 * Folds a branch into the net changes of one commit: blocks off by their undo data, blocks on by
 * the rules, over one snapshot. Owns the overlay and the reading of coins; writes nothing.
 */

import { connectBlock } from '../consensus/connect.ts';
import { medianTimePast } from '../consensus/context.ts';
import { hasSequenceLocks, sequenceLock } from '../consensus/locks.ts';
import type { BlockEffects, BlockEntry, CoinView } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import type { ChainRow, Snapshot } from '../ports/store.ts';
import { scriptFailure } from '../rejects.ts';
import {
  decodeHeightRow,
  decodeHistory,
  HISTORY_FIRST,
  HISTORY_PREFIX,
  type HistoryRow,
  heightKey,
  historyAfter,
} from '../store/layout.ts';
import type { Block, BlockHash, Coin, Height, Reject, SignatureCheck, Txid } from '../types.ts';
import { toOutpointKey } from '../types.ts';
import type { StoredBlock } from './block-store.ts';
import { ChangeSet } from './change-set.ts';
import { findCoins, findMisnamedCoins } from './coins.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS } from './context.ts';
import type { CoinOverlay, Totals, Touches } from './effects-rows.ts';
import { connectRows, disconnectRows, effectsOf, NO_TOTALS, touchesOf } from './effects-rows.ts';

/** A block that was taken off. */
export interface OffBlock {
  readonly entry: BlockEntry;
  readonly bodyBytes: number;
}

const MISSING = 'bad-txns-inputs-missingorspent';
/** Ranges read at once in a reorganisation. */
const RANGES_AT_ONCE = 64;

function partitionsOf(touches: Touches): Set<string> {
  const partitions = new Set<string>();
  for (const scripts of touches.values()) for (const pk of scripts.keys()) partitions.add(pk);
  return partitions;
}

/** What a fold leaves for the commit. */
export interface Draft {
  readonly changes: ChangeSet;
  readonly disconnected: readonly OffBlock[];
  readonly connected: readonly BlockEntry[];
  /** Of the connected blocks that have none stored. */
  readonly undo: readonly { readonly hash: BlockHash; readonly coins: readonly Coin[] }[];
  readonly returned: readonly Uint8Array[];
  readonly confirmed: readonly Txid[];
  /** Running totals of all addresses that were touched, as they are after the commit. */
  readonly totals: ReadonlyMap<string, Totals>;
}

export type FoldResult =
  | { readonly ok: true; readonly draft: Draft }
  /** The block that breaks a rule, and which of the connected ones it was. */
  | {
      readonly ok: false;
      readonly reject: Reject;
      readonly entry: BlockEntry;
      readonly index: number;
    };

/** One fold at work; `connect` the blocks in order after all are off. */
export class Fold {
  readonly #ctx: ChainContext;
  readonly #snapshot: Snapshot;
  readonly changes = new ChangeSet();
  readonly #coins: CoinOverlay = new Map();
  readonly #totals = new Map<string, Totals>();
  readonly #firsts = new Map<string, HistoryRow | undefined>();
  readonly #entries = new Map<Height, BlockEntry>();
  readonly #disconnected: OffBlock[] = [];
  readonly #returned: Uint8Array[][] = [];
  #returnedBytes = 0;
  readonly #connected: BlockEntry[] = [];
  readonly #undo: { hash: BlockHash; coins: readonly Coin[] }[] = [];
  readonly #confirmed: Txid[] = [];
  readonly #verdicts: Promise<number>[] = [];
  /** The lowest height that was taken off. */
  #forkedAt: Height | undefined;

  constructor(ctx: ChainContext, snapshot: Snapshot) {
    this.#ctx = ctx;
    this.#snapshot = snapshot;
  }

  /** Takes the highest block off. */
  async disconnect(stored: StoredBlock): Promise<void> {
    const { entry, block, undo } = stored;
    const { hash, height } = entry;
    if (undo === undefined) throw new Fault('store-damaged', `undo data of ${hash} is missing`);
    const effects = effectsOf(block, height, undo);
    const touches = touchesOf(effects);
    await this.#readFirsts(partitionsOf(touches));
    const into = { changes: this.changes, coins: this.#coins };
    disconnectRows(into, stored, effects, { touches, firstOf: (pk) => this.#firsts.get(pk) });
    this.#disconnected.push({ entry, bodyBytes: block.raw.length });
    this.#forkedAt = height;
    const raws = block.txs.slice(1).map((tx) => tx.raw);
    const bytes = raws.reduce((sum, raw) => sum + raw.length, 0);
    this.#returnedBytes += bytes;
    if (this.#returnedBytes <= CHAIN_LIMITS.returnedBytesMax) this.#returned.push(raws);
  }

  /**
   * Puts a block on. Signatures are checked meanwhile: `finish` tells. `validated`: it was connected
   * before, so its scripts hold and its undo data are stored.
   */
  async connect(
    block: Block,
    entry: BlockEntry,
    parent: BlockEntry,
    options: { readonly validated?: boolean } = {},
  ): Promise<Reject | undefined> {
    this.#entries.set(entry.height, entry);
    const coins = await findCoins(this.#snapshot, this.#coins, block.txs.slice(1));
    const { params, store } = this.#ctx;
    for (let isSearched = false; ; isSearched = true) {
      const times = await this.#medianTimes(block, coins);
      const verdict = connectBlock(block, entry, parent, coinView(coins, times), params);
      if (verdict.ok) {
        this.#check(options.validated === true ? [] : verdict.value.signatureChecks);
        await this.#record(block, entry, verdict.value);
        if (options.validated !== true) this.#keepUndo(entry.hash, verdict.value);
        return undefined;
      }
      // Once: an offered block must not cost a round for each of its inputs.
      const isMissing = verdict.reject.reason === MISSING && !isSearched;
      const found = { coins, overlay: this.#coins };
      const isFound = isMissing && (await findMisnamedCoins(store, this.#snapshot, block, found));
      if (!isFound) return verdict.reject;
    }
  }

  get connectedCount(): number {
    return this.#connected.length;
  }

  /** Block 0, whose coin follows the network's parameters and not the rules of spending. */
  async connectGenesis(
    block: Block,
    entry: BlockEntry,
    created: BlockEffects['created'],
  ): Promise<void> {
    await this.#record(block, entry, { created, spent: [] });
  }

  /** The draft, or the first block that a signature fails. */
  async finish(): Promise<FoldResult> {
    const failed = await Promise.all(this.#verdicts);
    for (const [index, at] of failed.entries()) {
      const entry = this.#connected[index];
      if (at < 0 || entry === undefined) continue;
      const { reject } = scriptFailure(
        'Script evaluated without error but finished with a false/empty top stack element',
      );
      return { ok: false, reject: { ...reject, detail: `signature check ${at}` }, entry, index };
    }
    return {
      ok: true,
      draft: {
        changes: this.changes,
        disconnected: this.#disconnected,
        connected: this.#connected,
        undo: this.#undo,
        returned: this.#returned.reverse().flat(),
        confirmed: this.#confirmed,
        totals: this.#totals,
      },
    };
  }

  #check(checks: readonly SignatureCheck[]): void {
    const pending =
      checks.length === 0 ? Promise.resolve(-1) : this.#ctx.verifier.firstInvalid(checks);
    // Awaited in finish(); a fold that ends early must not leave an unhandled rejection.
    pending.catch(() => undefined);
    this.#verdicts.push(pending);
  }

  #keepUndo(hash: BlockHash, { spent }: BlockEffects): void {
    this.#undo.push({ hash, coins: spent.map(({ coin }) => coin) });
  }

  async #record(
    block: Block,
    entry: BlockEntry,
    effects: Pick<BlockEffects, 'created' | 'spent'>,
  ): Promise<void> {
    const touches = touchesOf(effects);
    await this.#readTotals(touches);
    const into = { changes: this.changes, coins: this.#coins, totals: this.#totals };
    connectRows(into, block, entry, effects, touches);
    this.#connected.push(entry);
    for (const tx of block.txs.slice(1)) this.#confirmed.push(tx.txid);
  }

  /** First history rows, as the snapshot has them. */
  async #readFirsts(partitions: Iterable<string>): Promise<void> {
    const wanted = [...partitions].filter((pk) => !this.#firsts.has(pk));
    const keys = wanted.map((pk) => ({ pk, sk: HISTORY_FIRST }));
    const rows = await this.#snapshot.getMany(keys);
    wanted.forEach((pk, i) => {
      const row = rows[i];
      this.#firsts.set(pk, row && decodeHistory(row.value));
    });
  }

  /** Running totals of the addresses, below what was taken off. */
  async #readTotals(touches: Touches): Promise<void> {
    const wanted = this.#takeKnownTotals(partitionsOf(touches));
    await this.#readFirsts(wanted);
    const forkedAt = this.#forkedAt ?? Number.POSITIVE_INFINITY;
    const old: string[] = [];
    for (const pk of wanted) {
      const first = this.#firsts.get(pk);
      if (first === undefined || first.height >= forkedAt) this.#totals.set(pk, NO_TOTALS);
      else old.push(pk);
    }
    const rows = await this.#newestRows(old);
    old.forEach((pk, i) => {
      const row = rows[i];
      if (row === undefined) throw new Fault('store-damaged', `history of ${pk} is missing`);
      this.#totals.set(pk, decodeHistory(row.value));
    });
  }

  /** Newest history rows below what was taken off. */
  async #newestRows(partitions: readonly string[]): Promise<(ChainRow | undefined)[]> {
    const prefix = HISTORY_PREFIX;
    if (this.#forkedAt === undefined) {
      return this.#snapshot.firstMany(partitions.map((pk) => ({ pk, prefix })));
    }
    const after = historyAfter(this.#forkedAt);
    const rows: (ChainRow | undefined)[] = [];
    for (let at = 0; at < partitions.length; at += RANGES_AT_ONCE) {
      const part = partitions.slice(at, at + RANGES_AT_ONCE);
      const found = await Promise.all(
        part.map((pk) => this.#snapshot.range(pk, { prefix, after, limit: 1 })),
      );
      for (const [row] of found) rows.push(row);
    }
    return rows;
  }

  /** Totals that this process computed for the very version of the snapshot; answers the rest. */
  #takeKnownTotals(touched: ReadonlySet<string>): string[] {
    const { totals } = this.#ctx.hints;
    const isOurs = this.#forkedAt === undefined && totals.version === this.#snapshot.version;
    const unknown: string[] = [];
    for (const pk of touched) {
      if (this.#totals.has(pk)) continue;
      const known = isOurs ? totals.byAddress.get(pk) : undefined;
      if (known === undefined) unknown.push(pk);
      else this.#totals.set(pk, known);
    }
    return unknown;
  }

  /** Median times that BIP68's time locks of this block ask for. */
  async #medianTimes(
    block: Block,
    coins: ReadonlyMap<string, Coin | undefined>,
  ): Promise<Map<Height, number>> {
    const times = new Map<Height, number>();
    const wanted = new Set<Height>();
    for (const tx of block.txs.slice(1)) {
      if (!hasSequenceLocks(tx)) continue;
      for (const { prevout, sequence } of tx.inputs) {
        if (sequenceLock(sequence)?.byTime !== true) continue;
        const coin = coins.get(toOutpointKey(prevout.txid, prevout.vout));
        if (coin !== undefined) wanted.add(Math.max(coin.height - 1, 0));
      }
    }
    const heights: Height[] = [];
    for (const height of wanted) {
      const entry = this.#entries.get(height);
      if (entry === undefined) heights.push(height);
      else times.set(height, medianTimePast(entry));
    }
    if (heights.length === 0) return times;
    const rows = await this.#snapshot.getMany(heights.map(heightKey));
    heights.forEach((height, i) => {
      const row = rows[i];
      if (row !== undefined) times.set(height, decodeHeightRow(row.value).medianTime);
    });
    return times;
  }
}

function coinView(
  coins: ReadonlyMap<string, Coin | undefined>,
  times: ReadonlyMap<Height, number>,
): CoinView {
  return {
    coin: (outpoint) => coins.get(outpoint),
    medianTimePast: (height) => {
      const time = times.get(height);
      if (time === undefined) throw new Error(`assertion failed: no median time of ${height}`);
      return time;
    },
  };
}
