/**
 * The chain: best branch, coins, history, on the Store port. Owns the wiring of this folder, block 0
 * and the order of writers within one process; between processes the store's version decides.
 */
import { genesisCoins } from '../consensus/connect.ts';
import { genesisEntry } from '../consensus/context.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import type { ChainParams } from '../params/chain-params.ts';
import { genesisBlock } from '../params/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Snapshot, Store } from '../ports/store.ts';
import { withSnapshot } from '../ports/store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { silentTelemetry } from '../ports/telemetry.ts';
import type { Verifier } from '../ports/verifier.ts';
import {
  decodeHead,
  decodeHeightRow,
  encodePending,
  heightKey,
  INVALID,
  OFF_BODIES,
  OFF_HEADERS,
  ORPHANS,
  PENDING_KEY,
  UNPARKED,
} from '../store/layout.ts';
import type { BlockHash, BlockHeader } from '../types.ts';
import { acceptBlock, proposeBlock } from './accept-block.ts';
import { acceptBlocks } from './accept-blocks.ts';
import { acceptHeaders, storageThreshold } from './accept-headers.ts';
import { activateBest } from './activate-best.ts';
import { adoptWaiting } from './adopt.ts';
import { hasBody } from './assess-block.ts';
import { loadBlock, loadRaw, putBodies, readEntry } from './block-store.ts';
import { commitDraft } from './commit-draft.ts';
import type { ChainContext } from './context.ts';
import { noHints, tipOf } from './context.ts';
import { Fold } from './fold.ts';
import { HeaderIndex } from './header-index.ts';
import { headersAfter } from './headers-after.ts';
import { clearLeftOver } from './left-over.ts';
import { listAll } from './off-chain.ts';
import { expireOrphans, listOrphans } from './orphans.ts';
import { enforceQuota } from './quota.ts';
import { raiseSchema } from './raise-schema.ts';
import type { Chain, ChainChange, ChainTip } from './types.ts';
import { invalidate, listTips, reconsider } from './verdicts.ts';
import { SnapshotView } from './view.ts';

export interface ChainOptions {
  readonly params: ChainParams;
  readonly store: Store;
  readonly clock: Clock;
  readonly verifier: Verifier;
  readonly telemetry?: Telemetry;
}

/** Runs tasks one after the other: writers of one process need not fight for the version. */
function createQueue(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const mine = last.then(task);
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** Whether the store is empty; throws Fault `store-foreign` when it holds another chain. */
async function isEmpty(ctx: ChainContext, snapshot: Snapshot): Promise<boolean> {
  if (snapshot.head === undefined) return true;
  tipOf(snapshot);
  const row = await snapshot.get(heightKey(0));
  const found = row && decodeHeightRow(row.value).hash;
  if (found !== ctx.genesis.hash) {
    const { name, genesisHash } = ctx.params;
    throw new Fault(
      'store-foreign',
      `The data are those of another network (genesis ${found}), not of ${name} (${genesisHash}).`,
    );
  }
  return false;
}

async function init(ctx: ChainContext): Promise<void> {
  await withSnapshot(ctx.store, async (snapshot) => {
    if (!(await isEmpty(ctx, snapshot))) return;
    const { genesis, params, store } = ctx;
    const block = genesisBlock(params);
    const pending = { ...PENDING_KEY, value: encodePending({ newest: genesis.hash, parts: [] }) };
    await putBodies(store, [{ entry: genesis, block }], [pending]);
    const fold = new Fold(ctx, snapshot);
    await fold.connectGenesis(block, genesis, genesisCoins(params));
    const folded = await fold.finish();
    const move = { from: genesis, to: genesis, forkHeight: 0 };
    if (folded.ok) await commitDraft(ctx, snapshot, folded.draft, move);
  });
  // Whoever won a race: the store now holds this chain, or another.
  await withSnapshot(ctx.store, (snapshot) => isEmpty(ctx, snapshot));
}

async function tick(ctx: ChainContext): Promise<ChainChange | undefined> {
  const { store, hints, clock } = ctx;
  await withSnapshot(store, async (snapshot) => {
    const tip = tipOf(snapshot);
    await clearLeftOver(ctx, snapshot);
    if (hints.quotaTip !== tip.hash || hints.offRows > 0) await enforceQuota(ctx, snapshot, tip);
  });
  const isAdopted = await adoptWaiting(ctx, await expireOrphans(ctx));
  await store.sweep(Math.floor(clock.nowMs() / 1000));
  return isAdopted ? activateBest(ctx) : undefined;
}

/** Rows off the chain and their bytes: bodies, entries, lists, verdicts, orphans. */
async function offChainUsage(store: Store): Promise<{ headers: number; bytes: number }> {
  const lists = await Promise.all(
    [OFF_BODIES, OFF_HEADERS, INVALID, UNPARKED, ORPHANS].map((pk) => listAll(store, pk)),
  );
  const [bodies = [], headers = []] = lists;
  let bytes = 0;
  for (const { pk, sk, value } of lists.flat()) bytes += pk.length + sk.length + value.length;
  const hashes = [...bodies, ...headers].map(({ sk }) => sk.split(':')[1] as BlockHash);
  for (const hash of hashes) {
    for (const pk of [`B#${hash}`, `H#${hash}`]) {
      for (const row of await store.list(pk)) bytes += pk.length + row.sk.length + row.value.length;
    }
  }
  for (const orphan of await listOrphans(store)) bytes += orphan.bodyBytes;
  return { headers: hashes.length, bytes };
}

const presentTip = (store: Store): Promise<ChainTip> =>
  withSnapshot(store, async (view) => ({ entry: tipOf(view), version: view.version }));

async function recentTip(store: Store): Promise<ChainTip> {
  const { version, head } = await store.recentHead();
  // As it was before there was a chain.
  if (head === undefined) return presentTip(store);
  return { entry: decodeHead(head), version };
}

/** `init` comes first. Several chains may share a store. */
export function createChain(options: ChainOptions): Chain {
  const { params, store, clock, verifier, telemetry = silentTelemetry } = options;
  const genesis = genesisEntry(params);
  const ctx: ChainContext = {
    params,
    store,
    clock,
    verifier,
    telemetry,
    genesis,
    hints: noHints(),
  };
  const index = new HeaderIndex(ctx);
  const queue = createQueue();
  const onTip = <T>(read: (snapshot: Snapshot, tip: BlockEntry) => Promise<T>): Promise<T> =>
    withSnapshot(store, (snapshot) => read(snapshot, tipOf(snapshot)));
  const judge = <T>(task: () => Promise<T>): Promise<T> =>
    queue(task).finally(() => index.forget());
  return {
    init: () => queue(() => init(ctx)),
    tip: ({ recent = false } = {}) => (recent ? recentTip(store) : presentTip(store)),
    view: (read) => withSnapshot(store, (snapshot) => read(new SnapshotView(store, snapshot))),
    entry: async (hash) => (await readEntry(store, hash))?.entry,
    hasBody: (hash) => onTip((snapshot) => hasBody(ctx, snapshot, hash)),
    blockRaw: async (hash) => (await loadRaw(store, hash))?.raw,
    block: async (hash) => (await loadBlock(store, hash))?.block,
    undo: async (hash) => (await loadBlock(store, hash))?.undo,
    acceptBlock: (raw, how) => queue(() => acceptBlock(ctx, raw, how)),
    acceptBlocks: (raws) => queue(() => acceptBlocks(ctx, raws)),
    proposeBlock: (raw) => proposeBlock(ctx, raw),
    acceptHeaders: (headers: readonly BlockHeader[], how) =>
      queue(() => acceptHeaders(ctx, headers, how)),
    storageThreshold: (tip) => storageThreshold(ctx, tip),
    activateBest: () => queue(() => activateBest(ctx)),
    locator: async (from) =>
      index.keptLocator(from) ??
      onTip(async (snapshot, tip) => {
        const isTip = from === undefined || from === tip.hash;
        const found = isTip ? undefined : await readEntry(store, from);
        return index.locator(snapshot, tip, found?.entry ?? tip);
      }),
    headersAfter: (locator, stop, limit) =>
      onTip((snapshot, tip) => headersAfter(store, snapshot, tip, { locator, stop, limit })),
    missingBodies: (limit) => onTip((snapshot, tip) => index.missing(snapshot, tip, limit)),
    bestHeader: () => onTip((snapshot, tip) => index.best(snapshot, tip)),
    tips: () => listTips(ctx),
    reconsider: (hash) => judge(() => reconsider(ctx, hash)),
    invalidate: (hash) => judge(() => invalidate(ctx, hash)),
    tick: () => queue(() => tick(ctx)),
    raiseSchema: () => queue(() => raiseSchema(store)),
    offChainUsage: () => offChainUsage(store),
  };
}
