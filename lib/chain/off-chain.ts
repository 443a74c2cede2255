/**
 * What is stored but not on the best chain: bodies (`O`), headers without a body (`W`), verdicts
 * (`X`). Owns their listing, their shape as a tree and the sibling bound; the quota is quota.ts. All
 * of it is loose: rows of blocks that have since joined the chain are possible and harmless.
 */
import type { BlockEntry } from '../consensus/types.ts';
import type { LooseRow, RangeOptions, RowKey, Snapshot, Store } from '../ports/store.ts';
import { rejectOf } from '../rejects.ts';
import type { OffRow } from '../store/layout.ts';
import {
  decodeHeightRow,
  decodeOff,
  decodeText,
  encodeOff,
  encodeText,
  heightKey,
  INVALID,
  OFF_BODIES,
  OFF_HEADERS,
  offSortKey,
  UNPARKED,
  workText,
} from '../store/layout.ts';
import type { BlockHash, Reject } from '../types.ts';
import { CHAIN_LIMITS, tipOf } from './context.ts';

/** Sorts after every row of this work. */
const afterWork = (chainwork: bigint): string => `${workText(chainwork)}~`;

export const offKey = (
  pk: typeof OFF_BODIES | typeof OFF_HEADERS,
  row: {
    readonly chainwork: bigint;
    readonly hash: BlockHash;
  },
): RowKey => ({ pk, sk: offSortKey(row.chainwork, row.hash) });

export function offRow(
  pk: typeof OFF_BODIES | typeof OFF_HEADERS,
  entry: BlockEntry,
  about: { readonly bodyBytes: number; readonly receivedAt: number; readonly validated?: boolean },
): LooseRow {
  const { hash, chainwork, height, header } = entry;
  const value = encodeOff({
    hash,
    chainwork,
    height,
    prevHash: header.prevHash,
    bodyBytes: about.bodyBytes,
    receivedAt: about.receivedAt,
    validated: about.validated ?? false,
  });
  return { ...offKey(pk, entry), value };
}

/** All loose rows of a range, page by page. */
export async function listAll(
  store: Store,
  pk: string,
  options: RangeOptions = {},
): Promise<LooseRow[]> {
  const all: LooseRow[] = [];
  for (let after = options.after; ; ) {
    const page = await store.list(pk, {
      ...options,
      limit: CHAIN_LIMITS.pageRows,
      ...(after === undefined ? {} : { after }),
    });
    all.push(...page);
    const last = page.at(-1);
    if (page.length < CHAIN_LIMITS.pageRows || last === undefined) return all;
    after = last.sk;
  }
}

const toOffRows = (rows: readonly LooseRow[]): OffRow[] =>
  rows.map((row) => decodeOff(row.sk, row.value));

/** Bodies off the chain with more work than this. */
export const bodiesAbove = async (store: Store, chainwork: bigint): Promise<OffRow[]> =>
  toOffRows(await listAll(store, OFF_BODIES, { after: afterWork(chainwork) }));

/** Headers without a body with more work than this. */
export const headersAbove = async (store: Store, chainwork: bigint): Promise<OffRow[]> =>
  toOffRows(await listAll(store, OFF_HEADERS, { after: afterWork(chainwork) }));

/** How many children of `parent` with this work are kept off the chain. Same parent: same work. */
export async function siblingsOf(store: Store, entry: BlockEntry): Promise<number> {
  const options = { prefix: workText(entry.chainwork), limit: 10 * CHAIN_LIMITS.siblingsMax };
  const [bodies, headers] = await Promise.all([
    store.list(OFF_BODIES, options),
    store.list(OFF_HEADERS, options),
  ]);
  return toOffRows([...bodies, ...headers]).filter(
    (row) => row.prevHash === entry.header.prevHash && row.hash !== entry.hash,
  ).length;
}

/* Verdicts */

export const invalidKey = (hash: BlockHash): RowKey => ({ pk: INVALID, sk: hash });

export async function readVerdict(store: Store, hash: BlockHash): Promise<Reject | undefined> {
  const [row] = await store.read([invalidKey(hash)]);
  return row === undefined ? undefined : rejectOf('duplicate-invalid', decodeText(row.value));
}

/** Rows that remember a verdict: as long as the block's own rows, with which they go. */
export function verdictRows(hashes: readonly BlockHash[], reason: string): LooseRow[] {
  const value = encodeText(reason);
  return hashes.map((hash) => ({ ...invalidKey(hash), value }));
}

/* The tree */

export interface OffNode extends OffRow {
  readonly hasBody: boolean;
}

/** All that lies off the chain, by hash, with the verdicts. */
export interface OffTree {
  readonly nodes: ReadonlyMap<BlockHash, OffNode>;
  readonly invalid: ReadonlySet<BlockHash>;
  readonly unparked: ReadonlySet<BlockHash>;
}

/** `bodiesOnly`: without headers that wait for their bodies, which may be very many. */
export async function loadTree(
  store: Store,
  options: { readonly bodiesOnly?: boolean } = {},
): Promise<OffTree> {
  const [bodies, headers, invalid, unparked] = await Promise.all([
    listAll(store, OFF_BODIES),
    options.bodiesOnly === true ? [] : listAll(store, OFF_HEADERS),
    listAll(store, INVALID),
    listAll(store, UNPARKED),
  ]);
  const nodes = new Map<BlockHash, OffNode>();
  for (const row of toOffRows(headers)) nodes.set(row.hash, { ...row, hasBody: false });
  for (const row of toOffRows(bodies)) nodes.set(row.hash, { ...row, hasBody: true });
  return {
    nodes,
    invalid: new Set(invalid.map((row) => row.sk as BlockHash)),
    unparked: new Set(unparked.map((row) => row.sk as BlockHash)),
  };
}

/** Nodes from `hash` down to the first whose parent is not in the tree. Newest first. */
export function pathOf(tree: OffTree, hash: BlockHash): OffNode[] {
  const path: OffNode[] = [];
  for (let node = tree.nodes.get(hash); node !== undefined; ) {
    path.push(node);
    node = tree.nodes.get(node.prevHash);
  }
  return path;
}

/** `hash` and all that descends from it in the tree. */
export function descendantsOf(tree: OffTree, hash: BlockHash): BlockHash[] {
  const children = new Map<BlockHash, BlockHash[]>();
  for (const node of tree.nodes.values()) {
    const list = children.get(node.prevHash);
    if (list === undefined) children.set(node.prevHash, [node.hash]);
    else list.push(node.hash);
  }
  const found = [hash];
  for (let i = 0; i < found.length; i++) {
    const at = found[i];
    if (at !== undefined) found.push(...(children.get(at) ?? []));
  }
  return found;
}

/** How many nodes of a path are looked up in one read; of longer ones a few, by halving. */
const PATH_AT_ONCE = 64;

/** Index of the newest node that has joined the best chain; the path's length if none has. */
async function joinedFrom(snapshot: Snapshot, path: readonly OffNode[]): Promise<number> {
  const tip = tipOf(snapshot);
  const areJoined = async (nodes: readonly OffNode[]): Promise<boolean[]> => {
    const rows = await snapshot.getMany(nodes.map((node) => heightKey(node.height)));
    return rows.map(
      (row, i) => row !== undefined && decodeHeightRow(row.value).hash === nodes[i]?.hash,
    );
  };
  const above = path.findIndex((node) => node.height <= tip.height);
  let low = above < 0 ? path.length : above;
  let high = path.length;
  // Below one that has joined, all have.
  while (high - low > PATH_AT_ONCE) {
    const middle = (low + high) >> 1;
    const [joined] = await areJoined(path.slice(middle, middle + 1));
    if (joined) high = middle;
    else low = middle + 1;
  }
  const found = (await areJoined(path.slice(low, high))).indexOf(true);
  return found < 0 ? high : low + found;
}

/** A path ends on the best chain, or cuts it: nodes at and below its height may have joined it. */
export async function trimPath(
  snapshot: Snapshot,
  path: readonly OffNode[],
): Promise<{ path: OffNode[]; forkHeight: number } | undefined> {
  const lowest = path.at(-1);
  if (lowest === undefined || lowest.height === 0) return undefined;
  const cut = await joinedFrom(snapshot, path);
  if (cut < path.length) return { path: path.slice(0, cut), forkHeight: path[cut]?.height ?? 0 };
  const row = await snapshot.get(heightKey(lowest.height - 1));
  const hash = row === undefined ? undefined : decodeHeightRow(row.value).hash;
  if (hash !== lowest.prevHash) return undefined;
  return { path: [...path], forkHeight: lowest.height - 1 };
}
