/**
 * Transactions whose parents are unknown, kept for five minutes: messages overtake each other. At
 * most 100, the oldest going first when there are more (design section 3). Owns their rows.
 */
import type { RowKey } from '../ports/store.ts';
import type { Tx, Txid } from '../types.ts';
import type { MempoolContext } from './context.ts';
import { MEMPOOL_LIMITS } from './context.ts';
import {
  decodeOrphan,
  encodeOrphan,
  ORPHANS,
  orphanBodyKey,
  orphanKey,
  waitingKey,
  waitingPartition,
} from './rows.ts';

/** Parents that one orphan may wait for: more is no honest race of messages. */
export const ORPHAN_PARENTS_MAX = 25;
const MS_PER_SECOND = 1000;

export type Orphans = ReturnType<typeof createOrphans>;

export function createOrphans({ store, clock, policy }: MempoolContext) {
  const keysOf = (txid: Txid, missing: readonly Txid[]): RowKey[] => [
    orphanKey(txid),
    orphanBodyKey(txid),
    ...missing.map((parent) => waitingKey(parent, txid)),
  ];
  const list = async (): Promise<
    { txid: Txid; receivedMs: number; missing: readonly Txid[] }[]
  > => {
    const rows = await store.list(ORPHANS, { limit: 2 * policy.orphansMax + 1 });
    return rows.map((row) => ({ txid: row.sk as Txid, ...decodeOrphan(row.value) }));
  };

  return {
    /** False: it is not kept. */
    async keep(tx: Tx, missing: readonly Txid[]): Promise<boolean> {
      if (missing.length > ORPHAN_PARENTS_MAX || policy.orphansMax === 0) return false;
      const others = (await list()).filter(({ txid }) => txid !== tx.txid);
      others.sort((a, b) => a.receivedMs - b.receivedMs);
      const surplus = others.slice(0, Math.max(0, others.length + 1 - policy.orphansMax));
      await store.remove(surplus.flatMap((other) => keysOf(other.txid, other.missing)));
      const receivedMs = clock.nowMs();
      const expiresAt = Math.ceil((receivedMs + MEMPOOL_LIMITS.orphanMs) / MS_PER_SECOND);
      const value = encodeOrphan({ receivedMs, missing });
      await store.put([
        { ...orphanBodyKey(tx.txid), value: tx.raw, expiresAt },
        { ...orphanKey(tx.txid), value, expiresAt },
        ...missing.map((parent) => ({
          ...waitingKey(parent, tx.txid),
          value: encodeOrphan({ receivedMs, missing: [] }),
          expiresAt,
        })),
      ]);
      return true;
    },

    async drop(txid: Txid): Promise<void> {
      const [row] = await store.read([orphanKey(txid)]);
      if (row !== undefined) await store.remove(keysOf(txid, decodeOrphan(row.value).missing));
    },

    /** Orphans that wait for one of these, with their bytes. */
    async waitingFor(parents: readonly Txid[]): Promise<{ txid: Txid; raw: Uint8Array }[]> {
      const found = new Set<Txid>();
      for (const parent of parents) {
        const rows = await store.list(waitingPartition(parent), { limit: policy.orphansMax + 1 });
        for (const row of rows) found.add(row.sk as Txid);
      }
      const txids = [...found];
      if (txids.length === 0) return [];
      const bodies = await store.read(txids.map(orphanBodyKey));
      return txids.flatMap((txid, i) => {
        const raw = bodies[i]?.value;
        return raw === undefined ? [] : [{ txid, raw }];
      });
    },

    /** All of them, for who has to look at each. */
    list,

    /** Drops those that waited too long. */
    async expire(): Promise<void> {
      const oldest = clock.nowMs() - MEMPOOL_LIMITS.orphanMs;
      const late = (await list()).filter(({ receivedMs }) => receivedMs <= oldest);
      if (late.length > 0) {
        await store.remove(late.flatMap(({ txid, missing }) => keysOf(txid, missing)));
      }
    },
  };
}
