/**
 * The best header chain: which it is, what of it has no body yet, and locators on it. What was read
 * is kept for the next question, and read again when another header is the best: nothing depends on
 * the copy.
 */
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import type { Snapshot, Store } from '../ports/store.ts';
import {
  decodeHeightRow,
  decodeOff,
  heightKey,
  OFF_BODIES,
  OFF_HEADERS,
  type OffRow,
  workText,
} from '../store/layout.ts';
import type { BlockHash, Height } from '../types.ts';
import { isOnChain, isParked } from './activate-best.ts';
import { readEntry } from './block-store.ts';
import type { ChainContext } from './context.ts';
import type { OffNode, OffTree } from './off-chain.ts';
import {
  bodiesAbove,
  headersAbove,
  invalidKey,
  listAll,
  loadTree,
  pathOf,
  trimPath,
} from './off-chain.ts';

/** Rows from the top that are looked at before all are read. */
const TOP_ROWS = 20;
/** Hashes that a locator gives one by one before it doubles its steps. */
const DENSE = 10;

interface Link {
  readonly hash: BlockHash;
  readonly height: Height;
  readonly chainwork: bigint;
}

/** Off-chain part of the best header chain, lowest first; empty when the tip is the best. */
interface Memo {
  readonly stamp: string;
  readonly links: readonly Link[];
}

async function topRows(store: Store, tip: BlockEntry): Promise<OffRow[]> {
  const options = { reverse: true, limit: TOP_ROWS };
  const [headers, bodies] = await Promise.all([
    store.list(OFF_HEADERS, options),
    store.list(OFF_BODIES, options),
  ]);
  return [...headers, ...bodies]
    .map((row) => decodeOff(row.sk, row.value))
    .filter((row) => row.chainwork > tip.chainwork)
    .sort((a, b) =>
      a.chainwork === b.chainwork
        ? a.receivedAt - b.receivedAt
        : a.chainwork > b.chainwork
          ? -1
          : 1,
    );
}

/** Most work among the tip and all that is off the chain, valid or not. */
export async function bestWork(store: Store, tip: BlockEntry): Promise<bigint> {
  return (await topRows(store, tip))[0]?.chainwork ?? tip.chainwork;
}

const toLink = ({ hash, height, chainwork }: Link): Link => ({ hash, height, chainwork });

export class HeaderIndex {
  readonly #ctx: ChainContext;
  #memo: Memo | undefined;
  #locator: { readonly from: BlockHash; readonly hashes: readonly BlockHash[] } | undefined;

  constructor(ctx: ChainContext) {
    this.#ctx = ctx;
  }

  /** After verdicts or parked states changed. */
  forget(): void {
    this.#memo = undefined;
  }

  /** Off-chain part of the best header chain, lowest first. */
  async #links(snapshot: Snapshot, tip: BlockEntry): Promise<readonly Link[]> {
    const { store } = this.#ctx;
    const rows = await topRows(store, tip);
    const [top] = rows;
    if (top === undefined) return [];
    const verdicts = await store.read(rows.map((row) => invalidKey(row.hash)));
    const marks = verdicts.map((row) => (row === undefined ? '-' : 'x')).join('');
    const stamp = `${top.hash}${marks}`;
    const memo = this.#memo;
    const guess = memo?.stamp === stamp ? memo.links : await this.#extend(memo, top, marks);
    const trimmed = guess && (await this.#trim(snapshot, tip, guess));
    const links = trimmed ?? (await this.#read(snapshot, tip));
    this.#memo = { stamp, links };
    return links;
  }

  /** The links above the best chain, or undefined when they need a new look. */
  async #trim(
    snapshot: Snapshot,
    tip: BlockEntry,
    links: readonly Link[],
  ): Promise<readonly Link[] | undefined> {
    const isJoined = async (at: number): Promise<boolean> => {
      const link = links[at] as Link;
      const row = await snapshot.get(heightKey(link.height));
      return row !== undefined && decodeHeightRow(row.value).hash === link.hash;
    };
    let low = 0;
    let high = links.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (await isJoined(middle)) low = middle + 1;
      else high = middle;
    }
    const left = links.slice(low);
    const [first] = left;
    if (first === undefined) return undefined;
    const { reorgLimit } = this.#ctx.params;
    if (reorgLimit > 0 && tip.height - first.height + 1 > reorgLimit) return undefined;
    if (low > 0) return left;
    const entry = await readEntry(this.#ctx.store, first.hash);
    const parent = entry && (await readEntry(this.#ctx.store, entry.entry.header.prevHash));
    return parent && (await isOnChain(snapshot, parent.entry)) ? left : undefined;
  }

  /** The usual case of a sync: the new best stands on the old. */
  async #extend(
    memo: Memo | undefined,
    top: OffRow,
    marks: string,
  ): Promise<readonly Link[] | undefined> {
    const last = memo?.links.at(-1);
    if (memo === undefined || last === undefined || marks.includes('x')) return undefined;
    const { store } = this.#ctx;
    const [headers, bodies] = await Promise.all([
      headersAbove(store, last.chainwork),
      bodiesAbove(store, last.chainwork),
    ]);
    const rows = new Map([...headers, ...bodies].map((row) => [row.hash, row]));
    const above: Link[] = [];
    for (let at: OffRow | undefined = top; at !== undefined; at = rows.get(at.prevHash)) {
      above.push(toLink(at));
      if (at.prevHash === last.hash) return [...memo.links, ...above.reverse()];
    }
    return undefined;
  }

  /** The best of all that is not known invalid and not parked. */
  async #read(snapshot: Snapshot, tip: BlockEntry): Promise<readonly Link[]> {
    const tree = await loadTree(this.#ctx.store);
    const spoilt = spoiltNodes(tree);
    const candidates = [...tree.nodes.values()]
      .filter((node) => node.chainwork > tip.chainwork && !spoilt.has(node.hash))
      .sort((a, b) =>
        a.chainwork > b.chainwork ? -1 : a.chainwork < b.chainwork ? 1 : order(a, b),
      );
    const groundless = new Set<BlockHash>();
    for (const candidate of candidates) {
      const path = pathOf(tree, candidate.hash);
      const root = path.at(-1)?.prevHash;
      if (root === undefined || groundless.has(root)) continue;
      const branch = await trimPath(snapshot, path);
      if (branch !== undefined && branch.path.length > 0) {
        if (!isParked(this.#ctx, tree, branch, tip)) return branch.path.map(toLink).reverse();
      }
      groundless.add(root);
    }
    return [];
  }

  async best(snapshot: Snapshot, tip: BlockEntry): Promise<BlockEntry> {
    const last = (await this.#links(snapshot, tip)).at(-1);
    if (last === undefined) return tip;
    return (await readEntry(this.#ctx.store, last.hash))?.entry ?? tip;
  }

  /** Bodies wanted next, lowest first. */
  async missing(snapshot: Snapshot, tip: BlockEntry, limit: number): Promise<BlockHash[]> {
    const links = await this.#links(snapshot, tip);
    const [first] = links;
    if (first === undefined) return [];
    const from = workText(first.chainwork);
    const rows = await listAll(this.#ctx.store, OFF_BODIES, { after: from });
    const here = new Set(rows.map((row) => decodeOff(row.sk, row.value).hash));
    const wanted: BlockHash[] = [];
    for (const { hash } of links) {
      if (wanted.length >= limit) break;
      if (!here.has(hash)) wanted.push(hash);
    }
    return wanted;
  }

  /** The last answer of `locator`, if it was for this block: a block's ancestors never change. */
  keptLocator(from: BlockHash | undefined): BlockHash[] | undefined {
    const kept = this.#locator;
    return kept !== undefined && kept.from === from ? [...kept.hashes] : undefined;
  }

  /** Hashes from `from` back: ten one by one, then in doubling steps, genesis last. */
  async locator(snapshot: Snapshot, tip: BlockEntry, from: BlockEntry): Promise<BlockHash[]> {
    const kept = this.keptLocator(from.hash);
    if (kept !== undefined) return kept;
    const above = await this.#above(snapshot, tip, from);
    const forkHeight = from.height - above.length;
    const heights: Height[] = [];
    for (let height = from.height, step = 1; height > 0; height -= step) {
      heights.push(height);
      if (heights.length >= DENSE) step *= 2;
    }
    heights.push(0);
    const onChain = heights.filter((height) => height <= forkHeight);
    const rows = await snapshot.getMany(onChain.map(heightKey));
    const low = rows.flatMap((row) => (row === undefined ? [] : decodeHeightRow(row.value).hash));
    const high = heights
      .filter((height) => height > forkHeight)
      .flatMap((height) => above[height - forkHeight - 1]?.hash ?? []);
    const hashes = [...high, ...low];
    this.#locator = { from: from.hash, hashes };
    return [...hashes];
  }

  /** The part of `from`'s chain that is off the best one, lowest first. */
  async #above(snapshot: Snapshot, tip: BlockEntry, from: BlockEntry): Promise<readonly Link[]> {
    if (from.hash === tip.hash || (await isOnChain(snapshot, from))) return [];
    const links = await this.#links(snapshot, tip);
    const at = links.findIndex((link) => link.hash === from.hash);
    if (at >= 0) return links.slice(0, at + 1);
    const above: Link[] = [];
    let entry = from;
    while (!(await isOnChain(snapshot, entry))) {
      above.push(toLink(entry));
      const parent = await readEntry(this.#ctx.store, entry.header.prevHash);
      if (parent === undefined) throw new Fault('store-damaged', `no parent of ${entry.hash}`);
      entry = parent.entry;
    }
    return above.reverse();
  }
}

const order = (a: OffNode, b: OffNode): number => a.receivedAt - b.receivedAt;

/** Nodes with a verdict, or above one that has. */
function spoiltNodes(tree: OffTree): Set<BlockHash> {
  const spoilt = new Set<BlockHash>(tree.invalid);
  const byWork = [...tree.nodes.values()].sort((a, b) => (a.chainwork < b.chainwork ? -1 : 1));
  for (const node of byWork) if (spoilt.has(node.prevHash)) spoilt.add(node.hash);
  return spoilt;
}
