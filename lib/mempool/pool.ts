/**
 * The mempool's transactions as a graph, for questions that single rows do not answer: ancestors,
 * descendants, the worst package. A copy of what the store holds, kept by pool-cache.ts: it may be a
 * moment behind, so nothing that must hold rests on it. Owns no I/O.
 */
import type { OutpointKey, Txid } from '../types.ts';
import { toOutpointKey } from '../types.ts';
import { compareFeeRates, type FeeSum } from './fee-rate.ts';
import { Heap } from './heap.ts';
import type { StoredTx } from './rows.ts';

interface Package extends FeeSum {
  readonly txid: Txid;
  readonly nonce: string;
  readonly addedMs: number;
}

const NONE: ReadonlySet<Txid> = new Set();

export class Pool {
  readonly #entries = new Map<Txid, StoredTx>();
  readonly #spenders = new Map<OutpointKey, Txid>();
  /** By the id of the transaction whose outputs they spend, whether that one is here or not. */
  readonly #children = new Map<Txid, Set<Txid>>();
  #packages: Heap<Package> | undefined;
  #bytes = 0;
  /** Counts changes: what was derived from the pool is valid for one count. */
  changes = 0;

  get size(): number {
    return this.#entries.size;
  }
  /** Of all transactions. */
  get bytes(): number {
    return this.#bytes;
  }

  get(txid: Txid): StoredTx | undefined {
    return this.#entries.get(txid);
  }

  all(): IterableIterator<StoredTx> {
    return this.#entries.values();
  }

  /** Takes the place of what has the same id, and of what spends the same: both are gone. */
  add(entry: StoredTx): void {
    this.remove(entry.txid);
    for (const { prevout } of entry.tx.inputs) {
      const outpoint = toOutpointKey(prevout.txid, prevout.vout);
      const rival = this.#spenders.get(outpoint);
      if (rival !== undefined) this.remove(rival);
      this.#spenders.set(outpoint, entry.txid);
      const siblings = this.#children.get(prevout.txid);
      if (siblings === undefined) this.#children.set(prevout.txid, new Set([entry.txid]));
      else siblings.add(entry.txid);
    }
    this.#entries.set(entry.txid, entry);
    this.#bytes += entry.bytes;
    this.changes++;
    this.#touch(entry.txid);
  }

  /** `nonce`: only that admission of it. */
  remove(txid: Txid, nonce?: string): StoredTx | undefined {
    const entry = this.#entries.get(txid);
    if (entry === undefined || (nonce !== undefined && entry.nonce !== nonce)) return undefined;
    const ancestors = this.#packages === undefined ? NONE : this.ancestors(entry);
    this.#entries.delete(txid);
    this.#bytes -= entry.bytes;
    this.changes++;
    for (const { prevout } of entry.tx.inputs) {
      const outpoint = toOutpointKey(prevout.txid, prevout.vout);
      if (this.#spenders.get(outpoint) === txid) this.#spenders.delete(outpoint);
      const siblings = this.#children.get(prevout.txid);
      siblings?.delete(txid);
      if (siblings?.size === 0) this.#children.delete(prevout.txid);
    }
    for (const ancestor of ancestors) this.#offer(ancestor);
    return entry;
  }

  spender(outpoint: OutpointKey): Txid | undefined {
    return this.#spenders.get(outpoint);
  }

  /** Direct parents that are here. */
  parents(entry: Pick<StoredTx, 'tx'>): Set<Txid> {
    const parents = new Set<Txid>();
    for (const { prevout } of entry.tx.inputs) {
      if (this.#entries.has(prevout.txid)) parents.add(prevout.txid);
    }
    return parents;
  }

  children(txid: Txid): ReadonlySet<Txid> {
    return this.#children.get(txid) ?? NONE;
  }

  /** All that it builds on, itself not among them. */
  ancestors(entry: Pick<StoredTx, 'tx'>): Set<Txid> {
    return closure(this.parents(entry), (txid) => {
      const found = this.#entries.get(txid);
      return found === undefined ? NONE : this.parents(found);
    });
  }

  /** All that builds on it, itself not among them. */
  descendants(txid: Txid): Set<Txid> {
    return closure(this.children(txid), (child) => this.children(child));
  }

  /** What it and its descendants pay, and their size. */
  withDescendants(txid: Txid): FeeSum & { readonly count: number } {
    let feeSats = 0;
    let bytes = 0;
    let count = 0;
    for (const id of [txid, ...this.descendants(txid)]) {
      const entry = this.#entries.get(id);
      if (entry === undefined) continue;
      feeSats += entry.feeSats;
      bytes += entry.bytes;
      count += 1;
    }
    return { feeSats, bytes, count };
  }

  /**
   * The transaction whose package is worth least per byte, where a package is worth what it pays
   * with all its descendants, or by itself if that is more (Core's descendant score).
   */
  worst(): Package | undefined {
    if (this.#packages === undefined) {
      this.#packages = new Heap<Package>(isWorse);
      for (const txid of this.#entries.keys()) this.#offer(txid);
    }
    for (;;) {
      const found = this.#packages.peek();
      if (found === undefined) return undefined;
      const now = this.#package(found.txid);
      if (now?.nonce === found.nonce && compareFeeRates(now, found) === 0) return found;
      this.#packages.pop();
    }
  }

  #package(txid: Txid): Package | undefined {
    const entry = this.#entries.get(txid);
    if (entry === undefined) return undefined;
    const whole = this.withDescendants(txid);
    const { feeSats, bytes } = compareFeeRates(whole, entry) > 0 ? whole : entry;
    return { txid, nonce: entry.nonce, addedMs: entry.addedMs, feeSats, bytes };
  }

  /** Its own package and those of its ancestors are worth something else now. */
  #touch(txid: Txid): void {
    if (this.#packages === undefined) return;
    const entry = this.#entries.get(txid);
    if (entry === undefined) return;
    this.#offer(txid);
    for (const ancestor of this.ancestors(entry)) this.#offer(ancestor);
  }

  #offer(txid: Txid): void {
    const found = this.#packages === undefined ? undefined : this.#package(txid);
    if (found === undefined) return;
    this.#packages?.push(found);
    // What went leaves its items behind: once they are most of the heap, it is made anew.
    if ((this.#packages?.size ?? 0) > 4 * this.#entries.size + 1000) this.#packages = undefined;
  }
}

function isWorse(a: Package, b: Package): boolean {
  const order = compareFeeRates(a, b);
  if (order !== 0) return order < 0;
  // Of equals the newest goes first.
  return a.addedMs !== b.addedMs ? a.addedMs > b.addedMs : a.txid > b.txid;
}

/** Everything reachable from `start`. */
export function closure(start: Iterable<Txid>, next: (txid: Txid) => Iterable<Txid>): Set<Txid> {
  const found = new Set<Txid>();
  const open = [...start];
  for (let txid = open.pop(); txid !== undefined; txid = open.pop()) {
    if (found.has(txid)) continue;
    found.add(txid);
    open.push(...next(txid));
  }
  return found;
}
