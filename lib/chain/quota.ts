/**
 * What lies off the chain is bounded: which rows the quota and the depth rule give up, and how they go
 * although other processes reorganise meanwhile (design: cheap work buys no storage).
 */
import type { BlockEntry } from '../consensus/types.ts';
import type { RowKey, Snapshot, Store } from '../ports/store.ts';
import { withSnapshot } from '../ports/store.ts';
import {
  decodeHead,
  decodeHeightRow,
  decodeOff,
  encodeLog,
  headerKey,
  heightKey,
  INVALID,
  OFF_BODIES,
  OFF_HEADERS,
  UNPARKED,
} from '../store/layout.ts';
import { REMOVES_MAX } from '../store/limits.ts';
import type { BlockHash } from '../types.ts';
import { blockKeys } from './block-store.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, tipOf } from './context.ts';
import { invalidKey, loadTree, type OffNode, type OffTree, offKey } from './off-chain.ts';

/** Rows that must stay: on a branch that is not known invalid and has more work than the tip. */
function protectedNodes(tree: OffTree, tip: BlockEntry): Set<BlockHash> {
  const kept = new Set<BlockHash>();
  for (const node of tree.nodes.values()) {
    if (node.chainwork <= tip.chainwork || tree.invalid.has(node.hash)) continue;
    for (let at: OffNode | undefined = node; at !== undefined && !kept.has(at.hash); ) {
      kept.add(at.hash);
      at = tree.nodes.get(at.prevHash);
    }
  }
  return kept;
}

/** Work of the best branch that each node is part of: what goes first is a whole branch. */
function branchWork(tree: OffTree): Map<BlockHash, bigint> {
  const best = new Map<BlockHash, bigint>();
  const byWork = [...tree.nodes.values()].sort((a, b) => (a.chainwork < b.chainwork ? 1 : -1));
  for (const node of byWork) {
    const own = best.get(node.hash) ?? node.chainwork;
    best.set(node.hash, own);
    const parent = best.get(node.prevHash);
    if (parent === undefined || parent < own) best.set(node.prevHash, own);
  }
  return best;
}

/** Which nodes the quota and the depth rule give up. Pure. */
export function planEviction(tree: OffTree, tip: BlockEntry): OffNode[] {
  const kept = protectedNodes(tree, tip);
  const works = branchWork(tree);
  const workOf = (node: OffNode): bigint => works.get(node.hash) ?? node.chainwork;
  const evicted: OffNode[] = [];
  const loose: OffNode[] = [];
  let bytes = 0;
  let headers = 0;
  for (const node of tree.nodes.values()) {
    const isOld = node.height <= tip.height - CHAIN_LIMITS.sideDepthMax && !kept.has(node.hash);
    if (isOld) evicted.push(node);
    else {
      bytes += node.bodyBytes;
      headers += 1;
      if (!kept.has(node.hash)) loose.push(node);
    }
  }
  // Least branch first, its leaf first: what is left always hangs together.
  loose.sort((a, b) => {
    const [left, right] = [workOf(a), workOf(b)];
    if (left !== right) return left < right ? -1 : 1;
    return b.height - a.height;
  });
  for (const node of loose) {
    if (bytes <= CHAIN_LIMITS.offBytesMax && headers <= CHAIN_LIMITS.offHeadersMax) break;
    bytes -= node.bodyBytes;
    headers -= 1;
    evicted.push(node);
  }
  return evicted;
}

/** Nodes that have since joined the best chain. */
async function joinedNodes(snapshot: Snapshot, nodes: readonly OffNode[]): Promise<OffNode[]> {
  const rows = await snapshot.getMany(nodes.map((node) => heightKey(node.height)));
  return nodes.filter((node, i) => {
    const row = rows[i];
    return row !== undefined && decodeHeightRow(row.value).hash === node.hash;
  });
}

/**
 * What lies at or below the tip's work, or was found invalid: nothing else can be given up. While a
 * node catches up, what is above are many headers, none of which it must read for this.
 */
async function mayBeGivenUp(store: Store, tip: BlockEntry): Promise<boolean> {
  const [body, header, invalid] = await Promise.all([
    store.list(OFF_BODIES, { limit: 1 }),
    store.list(OFF_HEADERS, { limit: 1 }),
    store.list(INVALID, { limit: 1 }),
  ]);
  const low = [...body, ...header].some(
    ({ sk, value }) => decodeOff(sk, value).chainwork <= tip.chainwork,
  );
  return low || invalid.length > 0;
}

/** Drops rows of blocks that joined the chain, and what quota and depth give up. */
export async function enforceQuota(
  ctx: ChainContext,
  snapshot: Snapshot,
  tip: BlockEntry,
): Promise<void> {
  const { store, hints } = ctx;
  hints.offRows = 0;
  hints.offBytes = 0;
  hints.quotaTip = tip.hash;
  if (!(await mayBeGivenUp(store, tip))) return;
  const tree = await loadTree(store);
  const nodes = [...tree.nodes.values()];
  const joined = await joinedNodes(
    snapshot,
    nodes.filter((node) => node.chainwork <= tip.chainwork),
  );
  const onChain = new Set(joined.map((node) => node.hash));
  const off: OffTree = {
    ...tree,
    nodes: new Map(nodes.filter((n) => !onChain.has(n.hash)).map((n) => [n.hash, n])),
  };
  const planned = planEviction(off, tip);
  const bare = planned.filter((node) => !node.hasBody);
  // Of these what lists a body stays: it may have come meanwhile.
  const keys = [
    ...[...joined, ...bare].flatMap(headerKeys),
    ...bare.flatMap((node) => markKeys(tree, node)),
  ];
  if (keys.length > 0) await store.remove(keys);
  await removeTogether(store, snapshot, [
    ...joined.filter(({ hasBody }) => hasBody).map((node) => async () => [bodyListKey(node)]),
    ...planned
      .filter(({ hasBody }) => hasBody)
      .map((node) => async () => [
        ...(await blockKeys(store, node.hash)),
        bodyListKey(node),
        ...markKeys(tree, node),
      ]),
  ]);
}

const bodyListKey = (node: OffNode): RowKey => offKey(OFF_BODIES, node);
const headerKeys = (node: OffNode): RowKey[] => [offKey(OFF_HEADERS, node), headerKey(node.hash)];

/** What was said about it. */
const markKeys = (tree: OffTree, { hash }: OffNode): RowKey[] => [
  ...(tree.invalid.has(hash) ? [invalidKey(hash)] : []),
  ...(tree.unparked.has(hash) ? [{ pk: UNPARKED, sk: hash }] : []),
];

/**
 * Takes loose rows away by commits on the snapshot's version, which leave the chain as it is: whoever
 * is about to commit what rests on these rows was faster, and nothing goes, or finds the version
 * changed. Answers the version, undefined on a conflict.
 */
export async function commitRemoval(
  store: Store,
  snapshot: Pick<Snapshot, 'version' | 'head'>,
  keys: readonly RowKey[],
): Promise<number | undefined> {
  const { head } = snapshot;
  if (head === undefined) return undefined;
  const { hash, height } = decodeHead(head);
  const log = encodeLog({ from: hash, to: hash, forkHeight: height, height });
  let { version } = snapshot;
  for (let at = 0; at < keys.length; at += REMOVES_MAX) {
    const removes = keys.slice(at, at + REMOVES_MAX);
    const result = await store.commit(version, { head, log, changes: [], removes });
    if (!result.ok) return undefined;
    ({ version } = result);
  }
  return version;
}

/**
 * Takes groups of rows away, each with what lists it in one step: who stores the body again meanwhile has
 * it listed, and so has who takes the block off the chain. A conflict, or a death, leaves the rest to the
 * next call.
 */
async function removeTogether(
  store: Store,
  snapshot: Snapshot,
  groups: readonly (() => Promise<readonly RowKey[]>)[],
): Promise<void> {
  const { head } = snapshot;
  let version: number | undefined = snapshot.version;
  let together: RowKey[] = [];
  for (const keysOf of groups) {
    const keys = await keysOf();
    if (together.length + keys.length > REMOVES_MAX) {
      version = await commitRemoval(store, { version, head }, together);
      if (version === undefined) return;
      together = [];
    }
    together.push(...keys);
  }
  await commitRemoval(store, { version, head }, together);
}

/** Counts what was put off the chain; when it is much, the quota is enforced before the next tick. */
export async function noteOffChain(
  ctx: ChainContext,
  added: { readonly rows: number; readonly bytes: number },
): Promise<void> {
  const { hints, store } = ctx;
  hints.offRows += added.rows;
  hints.offBytes += added.bytes;
  const { quotaSlackRows, quotaSlackBytes } = CHAIN_LIMITS;
  if (hints.offRows <= quotaSlackRows && hints.offBytes <= quotaSlackBytes) return;
  await withSnapshot(store, (snapshot) => enforceQuota(ctx, snapshot, tipOf(snapshot)));
}
