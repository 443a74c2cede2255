/**
 * The mempool of a node. Everything is in the store: any number of processes may hold a Mempool
 * on one store, and each may end at any moment. Owns putting the parts together and the reading
 * calls; admission is in accept.ts, the janitor in reconcile.ts and tick.ts.
 */

import type { Chain, ChainView } from '../chain/types.ts';
import { isHash } from '../codec/index.ts';
import { assert } from '../faults.ts';
import type { ChainParams } from '../params/chain-params.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { Store } from '../ports/store.ts';
import { silentTelemetry, type Telemetry } from '../ports/telemetry.ts';
import type { Verifier } from '../ports/verifier.ts';
import { VALUE_BYTES_MAX } from '../store/limits.ts';
import type { Coin, OutpointKey, Sats, Txid } from '../types.ts';
import { accept, type MempoolParts, test } from './accept.ts';
import { unconfirmedCoin } from './alive.ts';
import type { MempoolContext } from './context.ts';
import { toEntry } from './entry.ts';
import { readFloor } from './evict.ts';
import { readFamily } from './family.ts';
import { createFeed } from './feed.ts';
import { floorAt, minFeeRate } from './floor.ts';
import { touching } from './hints.ts';
import { createOrphans } from './orphans.ts';
import { DEFAULT_POLICY } from './policy.ts';
import { byAge, type Examined, PoolCache } from './pool-cache.ts';
import { catchUp, reconcile } from './reconcile.ts';
import { selectForBlock } from './select.ts';
import { createTick } from './tick.ts';
import type { Mempool, MempoolEntry, MempoolInfo, MempoolPolicy } from './types.ts';

const FEED_PAGE_MAX = 1000;
const BYTES_PER_RATE = 1000;

export interface MempoolOptions {
  readonly params: ChainParams;
  readonly store: Store;
  readonly chain: Chain;
  readonly clock: Clock;
  readonly random: Random;
  readonly verifier: Verifier;
  readonly policy?: Partial<MempoolPolicy>;
  readonly telemetry?: Telemetry;
}

export function createMempool(options: MempoolOptions): Mempool {
  const ctx: MempoolContext = {
    ...options,
    policy: { ...DEFAULT_POLICY, ...options.policy },
    telemetry: options.telemetry ?? silentTelemetry,
  };
  // A transaction is one row, with a few bytes of ours before it.
  assert(ctx.policy.txBytesMax <= VALUE_BYTES_MAX - 64, 'txBytesMax fits a row of the store');
  const feed = createFeed(ctx);
  const cache = new PoolCache(ctx, feed);
  const orphans = createOrphans(ctx);
  const parts: MempoolParts = { cache, feed, orphans, catchUp: () => catchUp(ctx, parts) };
  const examine = async (): Promise<Examined> => {
    await cache.sync();
    return ctx.chain.view((view) => cache.examine(view));
  };
  return {
    policy: ctx.policy,
    accept: (raw, { local = false } = {}) => accept(ctx, parts, raw, { local }),
    test: (raw) => test(ctx, parts, raw),
    get: (txid) => ctx.chain.view(async (view) => (await living(ctx, view, [txid]))[0]),
    async list({ after, limit } = {}) {
      const { alive } = await examine();
      const start = after === undefined ? 0 : alive.findIndex(({ txid }) => txid === after) + 1;
      if (after !== undefined && start === 0) return [];
      const page = alive.slice(start, limit === undefined ? undefined : start + limit);
      return page.map((entry) => toEntry(entry, [...cache.pool.parents(entry)]));
    },
    async info() {
      const [{ alive }, floor] = [await examine(), await readFloor(ctx)];
      const at = { nowMs: ctx.clock.nowMs(), bytes: cache.pool.bytes };
      return infoOf(alive, minFeeRate(floorAt(floor, at, ctx.policy), ctx.policy));
    },
    sequence: (options) => feed.sequence(options),
    coin: (outpoint) => coin(ctx, outpoint),
    async byScript(script) {
      if (!isHash(script)) return [];
      const rows = await touching(ctx, script);
      if (rows.length === 0) return [];
      const txids = rows.sort(byAge).map(({ txid }) => txid);
      return ctx.chain.view((view) => living(ctx, view, txids));
    },
    feed: (cursor, limit) => feed.entered(cursor, Math.min(Math.max(1, limit), FEED_PAGE_MAX)),
    async select(room) {
      const { alive } = await examine();
      return selectForBlock(alive, room).map(({ entry, sigops, depends }) => ({
        entry: toEntry(entry, [...cache.pool.parents(entry)]),
        sigops,
        depends,
      }));
    },
    reconcile: (change) => reconcile(ctx, parts, change),
    tick: createTick(ctx, parts),
  };
}

/** Those that are alive, read from the store as they stand. */
async function living(
  ctx: MempoolContext,
  view: ChainView,
  txids: readonly Txid[],
): Promise<MempoolEntry[]> {
  const wanted = txids.filter(isHash);
  const family = await readFamily(ctx, view, wanted);
  return wanted.flatMap((txid) => {
    const row = family.row(txid);
    if (row === undefined || family.health(txid) !== undefined) return [];
    return [toEntry(row, family.parents(txid))];
  });
}

async function coin(ctx: MempoolContext, outpoint: OutpointKey): Promise<Coin | undefined> {
  const [txid = '', vout = ''] = outpoint.split(':');
  if (!/^\d{1,10}$/.test(vout)) return undefined;
  return ctx.chain.view(async (view) => {
    const [entry] = await living(ctx, view, [txid as Txid]);
    const height = view.tip.entry.height + 1;
    return entry === undefined ? undefined : unconfirmedCoin(entry.tx, Number(vout), height);
  });
}

function infoOf(alive: Examined['alive'], feeRate: number): MempoolInfo {
  let bytes = 0;
  let feeSats = 0;
  for (const entry of alive) {
    bytes += entry.bytes;
    feeSats += entry.feeSats;
  }
  const minFeeRateSatVb = feeRate / BYTES_PER_RATE;
  return { count: alive.length, bytes, feeSats: feeSats as Sats, minFeeRateSatVb };
}
