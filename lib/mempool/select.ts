/**
 * Which transactions go into a block, and in which order: by the fee rate of a transaction together
 * with its unconfirmed ancestors (Core's addPackageTxs), parents first. Owns the order; pure.
 */
import { txSigops } from '../consensus/check-block.ts';
import type { Tx, Txid } from '../types.ts';
import { addFees, compareFeeRates, type FeeSum } from './fee-rate.ts';
import { Heap } from './heap.ts';
import { closure } from './pool.ts';
import type { StoredTx } from './rows.ts';

/** Packages that do not fit, one after the other, before the block counts as full. */
const MISFITS_MAX = 1000;
/** Room below which it counts as nearly full. */
const NEARLY_FULL_BYTES = 1000;

export interface Selected {
  readonly entry: StoredTx;
  readonly sigops: number;
  /** Indexes, from 1, of the transactions before it that it spends from. */
  readonly depends: readonly number[];
}

interface Candidate extends FeeSum {
  readonly txid: Txid;
  readonly addedMs: number;
}

/**
 * `entries`: transactions that may all stand in the next block, in any order, complete with their
 * unconfirmed ancestors, no two spending the same.
 */
export function selectForBlock(
  entries: readonly StoredTx[],
  room: { readonly bytesMax: number; readonly sigopsMax: number },
): Selected[] {
  const graph = new Graph(entries);
  const heap = new Heap<Candidate>(isBetter);
  for (const { txid } of entries) heap.push(graph.candidate(txid));
  const chosen: Selected[] = [];
  const places = new Map<Txid, number>();
  let bytesLeft = room.bytesMax;
  let sigopsLeft = room.sigopsMax;
  let misfits = 0;
  for (let best = heap.pop(); best !== undefined; best = heap.pop()) {
    const { txid } = best;
    if (places.has(txid) || graph.isRefused(txid)) continue;
    const now = graph.candidate(txid);
    // An ancestor was taken meanwhile: what is left stands in the heap anew.
    if (now.feeSats !== best.feeSats || now.bytes !== best.bytes) continue;
    const members = graph.packageOf(txid);
    const sigops = members.reduce((sum, { tx }) => sum + graph.sigops(tx), 0);
    if (now.bytes > bytesLeft || sigops > sigopsLeft) {
      graph.refuse(txid);
      misfits += 1;
      if (misfits > MISFITS_MAX && bytesLeft < NEARLY_FULL_BYTES) break;
      continue;
    }
    misfits = 0;
    for (const entry of members) {
      const depends = [...graph.parents(entry)].map((parent) => places.get(parent) as number);
      places.set(entry.txid, chosen.length + 1);
      chosen.push({
        entry,
        sigops: graph.sigops(entry.tx),
        depends: depends.sort((a, b) => a - b),
      });
      graph.take(entry.txid);
    }
    for (const waiting of graph.reconsider(members)) heap.push(waiting);
    bytesLeft -= now.bytes;
    sigopsLeft -= sigops;
  }
  return chosen;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  const order = compareFeeRates(a, b);
  if (order !== 0) return order > 0;
  return a.addedMs !== b.addedMs ? a.addedMs < b.addedMs : a.txid < b.txid;
}

/** The candidates as a graph of which parts are taken. */
class Graph {
  readonly #entries = new Map<Txid, StoredTx>();
  readonly #parents = new Map<Txid, Set<Txid>>();
  readonly #children = new Map<Txid, Txid[]>();
  readonly #sigops = new Map<Txid, number>();
  /** Ancestors that are not taken yet, only of transactions that have any. */
  readonly #ancestors = new Map<Txid, Set<Txid>>();
  readonly #refused = new Set<Txid>();

  constructor(entries: readonly StoredTx[]) {
    for (const entry of entries) this.#entries.set(entry.txid, entry);
    for (const { txid, tx } of entries) {
      const parents = new Set<Txid>();
      for (const { prevout } of tx.inputs) {
        if (this.#entries.has(prevout.txid)) parents.add(prevout.txid);
      }
      if (parents.size === 0) continue;
      this.#parents.set(txid, parents);
      for (const parent of parents) {
        const children = this.#children.get(parent);
        if (children === undefined) this.#children.set(parent, [txid]);
        else children.push(txid);
      }
    }
    for (const [txid, parents] of this.#parents) {
      const ancestors = closure(parents, (parent) => this.#parents.get(parent) ?? []);
      this.#ancestors.set(txid, ancestors);
    }
  }

  parents(entry: StoredTx): Iterable<Txid> {
    return this.#parents.get(entry.txid) ?? [];
  }

  sigops(tx: Tx): number {
    const known = this.#sigops.get(tx.txid);
    if (known !== undefined) return known;
    const count = txSigops(tx);
    this.#sigops.set(tx.txid, count);
    return count;
  }

  #entry(txid: Txid): StoredTx {
    return this.#entries.get(txid) as StoredTx;
  }

  /** What it pays together with the ancestors that are still to be taken. */
  candidate(txid: Txid): Candidate {
    const entry = this.#entry(txid);
    let sum: FeeSum = entry;
    for (const id of this.#ancestors.get(txid) ?? []) sum = addFees(sum, this.#entry(id));
    return { txid, addedMs: entry.addedMs, feeSats: sum.feeSats, bytes: sum.bytes };
  }

  /** It and its ancestors that are still to be taken, parents first. */
  packageOf(txid: Txid): StoredTx[] {
    const ids = [...(this.#ancestors.get(txid) ?? []), txid];
    // A parent has fewer ancestors left than its child.
    const depth = (id: Txid): number => this.#ancestors.get(id)?.size ?? 0;
    return ids.sort((a, b) => depth(a) - depth(b)).map((id) => this.#entry(id));
  }

  take(txid: Txid): void {
    const open = closure(this.#children.get(txid) ?? [], (id) => this.#children.get(id) ?? []);
    for (const descendant of open) this.#ancestors.get(descendant)?.delete(txid);
  }

  refuse(txid: Txid): void {
    this.#refused.add(txid);
  }

  isRefused(txid: Txid): boolean {
    return this.#refused.has(txid);
  }

  /** Descendants of what was just taken: better than before, and what did not fit may fit now. */
  *reconsider(taken: readonly StoredTx[]): Iterable<Candidate> {
    const open = closure(
      taken.map(({ txid }) => txid),
      (id) => this.#children.get(id) ?? [],
    );
    for (const { txid } of taken) open.delete(txid);
    for (const txid of open) {
      this.#refused.delete(txid);
      if (this.#ancestors.has(txid)) yield this.candidate(txid);
    }
  }
}
