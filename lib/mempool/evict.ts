/**
 * Keeping to the cap: the packages worth least per byte go, and the floor rises above what they
 * paid, so that throwing out is never free for whoever causes it. Owns the floor's row.
 */
import { toHex } from '../codec/index.ts';
import type { Txid } from '../types.ts';
import type { MempoolContext } from './context.ts';
import { MEMPOOL_LIMITS } from './context.ts';
import type { Feed } from './feed.ts';
import { floorAt, raiseFloor } from './floor.ts';
import type { PoolCache } from './pool-cache.ts';
import { takeOut } from './removal.ts';
import { decodeFloor, encodeFloor, FLOOR_KEY, type Floor, type StoredTx } from './rows.ts';

const NONCE_BYTES = 8;
const WRITE_TRIES_MAX = 8;

interface Parts {
  readonly cache: PoolCache;
  readonly feed: Feed;
}

export async function readFloor({ store }: Pick<MempoolContext, 'store'>): Promise<Floor> {
  const [row] = await store.read([FLOOR_KEY]);
  return decodeFloor(row);
}

/** Throws out until the cap holds. Answers who went. */
export async function evictOverCap(ctx: MempoolContext, parts: Parts): Promise<readonly Txid[]> {
  const { policy, clock } = ctx;
  const { pool } = parts.cache;
  if (pool.bytes <= policy.bytesMax) return [];
  const evicted: StoredTx[] = [];
  let floor: Floor = { rate: 0, atMs: clock.nowMs() };
  while (pool.bytes > policy.bytesMax) {
    const worst = pool.worst();
    if (worst === undefined) break;
    floor = raiseFloor(floor.rate, worst, { nowMs: clock.nowMs() }, policy);
    for (const txid of [worst.txid, ...pool.descendants(worst.txid)]) {
      const entry = pool.remove(txid);
      if (entry !== undefined) evicted.push(entry);
    }
  }
  await writeFloor(ctx, pool.bytes, (rate) => Math.max(rate, floor.rate));
  await takeOut(ctx, parts, evicted, () => 'evicted');
  return evicted.map(({ txid }) => txid);
}

/** Writes the decay down, so that it goes on from here at the speed of the new size. */
export async function decayFloor(ctx: MempoolContext, bytes: number): Promise<void> {
  const floor = await readFloor(ctx);
  if (floor.rate === 0 || ctx.clock.nowMs() - floor.atMs < MEMPOOL_LIMITS.floorWriteMs) return;
  await writeFloor(ctx, bytes, (rate) => rate);
}

async function writeFloor(
  ctx: MempoolContext,
  bytes: number,
  change: (rate: number) => number,
): Promise<void> {
  const { store, clock, policy, random } = ctx;
  for (let tries = 0; tries < WRITE_TRIES_MAX; tries++) {
    const [row] = await store.read([FLOOR_KEY]);
    const nowMs = clock.nowMs();
    const rate = change(floorAt(decodeFloor(row), { nowMs, bytes }, policy));
    const nonce = row?.nonce;
    const result = await store.transact([
      {
        op: 'put',
        ...FLOOR_KEY,
        value: encodeFloor({ rate, atMs: nowMs }),
        nonce: toHex(random.bytes(NONCE_BYTES)),
        if: nonce === undefined ? { row: 'absent' } : { nonce },
      },
    ]);
    if (result.ok) return;
  }
  // Others write it all the time: theirs will do.
}
