/**
 * Keeps a copy of the mempool's rows in memory in step with the store: read whole once, then by the
 * feed whenever the sequence moved, and anew now and then in case a feed row is missing. Several
 * processes share one store, so the copy may be a moment behind: it saves reads, it decides nothing.
 */
import type { ChainTip, ChainView, InputCell } from '../chain/types.ts';
import type { Txid } from '../types.ts';
import { diagnoseAt, type Health, type Patient, readCells } from './alive.ts';
import type { MempoolContext } from './context.ts';
import { inParallel, MEMPOOL_LIMITS } from './context.ts';
import { readRows } from './family.ts';
import type { Feed } from './feed.ts';
import { Pool } from './pool.ts';
import { decodeStored, feedStamp, feedTime, type StoredTx, TX_PARTITIONS } from './rows.ts';

/** Feed rows of one reading; more than this is a whole reading's worth. */
const FEED_ROWS_MAX = 10_000;
/** Kept for a tick that may never come in this process. */
const UNHEARD_MAX = 10_000;
/** Coin rows read at once when all transactions are examined. */
const EXAMINED_AT_ONCE = 500;

/** The copy as of one version of the chain. */
export interface Examined {
  readonly tip: ChainTip;
  readonly alive: readonly StoredTx[];
  readonly dead: readonly { readonly entry: StoredTx; readonly health: Health }[];
}

interface Checkup {
  readonly nonce: string;
  readonly cells: readonly InputCell[];
}

export class PoolCache {
  readonly #ctx: MempoolContext;
  readonly #feed: Feed;
  #pool = new Pool();
  #sequence: string | undefined;
  #cursor = '';
  #syncedMs = 0;
  #loadedMs = 0;
  #turn: Promise<void> = Promise.resolve();
  #pending: readonly StoredTx[] = [];
  #unheard: StoredTx[] = [];
  /** Cells of inputs as of one version. */
  #checkups = new Map<Txid, Checkup>();
  #version = -1;
  #firstVersion = -1;
  #examined: { readonly result: Examined; readonly changes: number; pool: Pool } | undefined;

  constructor(ctx: MempoolContext, feed: Feed) {
    this.#ctx = ctx;
    this.#feed = feed;
  }

  get pool(): Pool {
    return this.#pool;
  }

  /** Rows whose claims were still being made when all were read. */
  get pending(): readonly StoredTx[] {
    return this.#pending;
  }

  /** Transactions that came in without a word in the feed, each told once. */
  takeUnheard(): StoredTx[] {
    return this.#unheard.splice(0);
  }

  /** Brings the copy up to what the store says now. */
  sync(options: { readonly reload?: boolean } = {}): Promise<void> {
    this.#turn = this.#turn.then(
      () => this.#sync(options.reload === true),
      () => this.#sync(options.reload === true),
    );
    return this.#turn;
  }

  /** As sync, but a copy of the last seconds will do. */
  async freshen(): Promise<void> {
    const { clock } = this.#ctx;
    if (clock.nowMs() - this.#syncedMs >= MEMPOOL_LIMITS.freshMs || this.#sequence === undefined) {
      await this.sync();
    }
  }

  async #sync(reload: boolean): Promise<void> {
    const now = this.#ctx.clock.nowMs();
    const sequence = await this.#feed.sequence();
    const isOld = now - this.#loadedMs >= MEMPOOL_LIMITS.reloadMs;
    if (this.#sequence === undefined || reload || isOld) await this.#load(now);
    else if (sequence !== this.#sequence) await this.#follow(now);
    this.#sequence = sequence;
    this.#syncedMs = now;
  }

  async #load(now: number): Promise<void> {
    const rows: StoredTx[] = [];
    await inParallel(TX_PARTITIONS, async (pk) => {
      for (let after: string | undefined; ; ) {
        const limit = MEMPOOL_LIMITS.pageRows;
        const page = await this.#ctx.store.list(pk, { limit, ...(after && { after }) });
        for (const row of page) {
          const known = this.#pool.get(row.sk as Txid);
          rows.push(known !== undefined && known.nonce === row.nonce ? known : decodeStored(row));
        }
        after = page.at(-1)?.sk;
        if (page.length < limit) break;
      }
    });
    const pool = new Pool();
    const isFirst = this.#sequence === undefined;
    this.#pending = rows.filter(({ pendingUntil }) => pendingUntil !== undefined);
    for (const row of rows) {
      if (row.pendingUntil !== undefined) continue;
      pool.add(row);
      const isLate = row.addedMs < now - MEMPOOL_LIMITS.feedOverlapMs;
      const isNews = !isFirst && this.#pool.get(row.txid)?.nonce !== row.nonce;
      if (isNews && isLate && this.#unheard.length < UNHEARD_MAX) this.#unheard.push(row);
    }
    this.#pool = pool;
    this.#cursor = feedStamp(now - MEMPOOL_LIMITS.feedOverlapMs);
    this.#loadedMs = now;
  }

  async #follow(now: number): Promise<void> {
    if (now - (feedTime(this.#cursor) ?? 0) > MEMPOOL_LIMITS.feedReachMs) return this.#load(now);
    const items = await this.#feed.rowsAfter(this.#cursor, FEED_ROWS_MAX);
    if (items.length >= FEED_ROWS_MAX) return this.#load(now);
    const unknown = new Set<Txid>();
    for (const { txid, entered, nonce } of items) {
      if (!entered) this.#pool.remove(txid, nonce);
      else if (this.#pool.get(txid)?.nonce !== nonce) unknown.add(txid);
    }
    const rows = await readRows(this.#ctx, [...unknown]);
    for (const row of rows) {
      if (row !== undefined && row.pendingUntil === undefined) this.#pool.add(row);
    }
    const overlap = feedStamp(now - MEMPOOL_LIMITS.feedOverlapMs);
    if (overlap > this.#cursor) this.#cursor = overlap;
    return undefined;
  }

  /** Notes an admission or removal of this process. */
  add(entry: StoredTx): void {
    this.#pool.add(entry);
  }

  /**
   * Whether what was just added may be the only one that waits on this version of the chain. Asks
   * nobody: the copy may hold what another process confirmed, so the first of each version counts.
   */
  isFirst(version: number): boolean {
    const isNewVersion = version !== this.#firstVersion;
    this.#firstVersion = version;
    return isNewVersion || this.#pool.size <= 1;
  }

  remove(entries: readonly StoredTx[]): void {
    for (const { txid, nonce } of entries) this.#pool.remove(txid, nonce);
  }

  /**
   * Which transactions of the copy are alive as of the view's version, oldest first. The dead whose
   * rows are gone leave the copy, unless `keepDead`: for who is about to delete them.
   */
  async examine(view: ChainView, { keepDead = false } = {}): Promise<Examined> {
    const { pool } = this;
    const { version } = view.tip;
    // A new map: a reading at another version may still be filling the old one.
    if (version !== this.#version) this.#checkups = new Map();
    this.#version = version;
    const known = this.#examined;
    const isSame = known?.result.tip.version === version && known.pool === pool;
    if (known !== undefined && isSame && known.changes === pool.changes) return known.result;
    const { changes } = pool;
    const patients = await this.#patients(view, pool);
    const diagnosis = await diagnoseAt(view, this.#ctx.params, patients);
    const alive: StoredTx[] = [];
    const dead: { entry: StoredTx; health: Health }[] = [];
    for (const { entry } of patients.values()) {
      const health = diagnosis(entry.txid);
      if (health === undefined) alive.push(entry);
      else dead.push({ entry, health });
    }
    const result = { tip: view.tip, alive: alive.sort(byAge), dead };
    this.#examined = { result, changes, pool };
    if (!keepDead && dead.length > 0 && pool.changes === changes) {
      await this.forgetGone(dead.map(({ entry }) => entry));
    }
    return result;
  }

  /** Drops from the copy those whose rows are gone; answers the others. */
  async forgetGone(entries: readonly StoredTx[]): Promise<StoredTx[]> {
    const rows = await readRows(
      this.#ctx,
      entries.map(({ txid }) => txid),
    );
    const isGone = ({ nonce }: StoredTx, i: number): boolean => rows[i]?.nonce !== nonce;
    this.remove(entries.filter(isGone));
    for (const row of rows) {
      // Here again by another admission.
      const isNew = row !== undefined && this.#pool.get(row.txid) === undefined;
      if (isNew && row.pendingUntil === undefined) this.#pool.add(row);
    }
    return entries.filter((entry, i) => !isGone(entry, i));
  }

  async #patients(view: ChainView, pool: Pool): Promise<Map<Txid, Patient>> {
    const entries = [...pool.all()];
    const checkups = this.#checkups;
    const unread = entries.filter(({ txid, nonce }) => checkups.get(txid)?.nonce !== nonce);
    for (let at = 0; at < unread.length; at += EXAMINED_AT_ONCE) {
      const part = unread.slice(at, at + EXAMINED_AT_ONCE);
      const cells = await readCells(
        view,
        part.map(({ tx }) => tx),
      );
      part.forEach(({ txid, nonce }, i) => {
        checkups.set(txid, { nonce, cells: cells[i] ?? [] });
      });
    }
    const patients = new Map<Txid, Patient>();
    for (const entry of entries) {
      const cells = checkups.get(entry.txid)?.cells;
      if (cells !== undefined) patients.set(entry.txid, { entry, cells });
    }
    for (const txid of checkups.keys()) if (!patients.has(txid)) checkups.delete(txid);
    return patients;
  }
}

/** Oldest first; a parent before its child where both came at the same moment is not promised. */
export const byAge = (a: StoredTx, b: StoredTx): number =>
  a.addedMs - b.addedMs || (a.txid < b.txid ? -1 : 1);
