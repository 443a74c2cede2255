import { describe, expect, it } from 'vitest';
import type { Kv, KvView, KvWrite } from '../../../lib/adapters/kv/kv.ts';
import { KvCore } from '../../../lib/adapters/kv/kv-core.ts';
import { KvStore } from '../../../lib/adapters/kv/kv-store.ts';
import { Fault } from '../../../lib/faults.ts';
import type { Op } from '../../../lib/ports/store.ts';

/** A map that counts how often it is written, and refuses while it is told to. */
class CountingKv implements Kv {
  readonly written: number[] = [];
  isFull = false;
  readonly #cells = new Map<string, Uint8Array>();

  view(): KvView {
    const cells = new Map(this.#cells);
    return {
      get: (key) => cells.get(key),
      getMany: async (keys) => keys.map((key) => cells.get(key)),
      scan: async () => [],
      firsts: async (ranges) => ranges.map(() => undefined),
      release() {},
    };
  }

  async batch(writes: readonly KvWrite[]): Promise<void> {
    if (this.isFull) throw new Fault('store-io', 'no space');
    this.written.push(writes.length);
    for (const write of writes) {
      if (write.type === 'put') this.#cells.set(write.key, write.value);
      else this.#cells.delete(write.key);
    }
  }

  async close(): Promise<void> {}
}

function open(): { kv: CountingKv; store: KvStore } {
  const kv = new CountingKv();
  const core = new KvCore(kv, { clock: { nowMs: () => 0 }, claims: false });
  return { kv, store: new KvStore(core) };
}

const value = new Uint8Array([1]);
const putOp = (sk: string, nonce: string, was?: string): Op => ({
  ...{ op: 'put', pk: 'A', sk, value, nonce },
  if: was === undefined ? { row: 'absent' } : { nonce: was },
});

describe('writers that come at one moment', () => {
  it('wait for the disk once', async () => {
    const { kv, store } = open();
    const ops = Array.from({ length: 16 }, (_, i) => putOp(`${i}`, 'a'));
    const results = await Promise.all(ops.map((op) => store.transact([op])));
    expect(results).toEqual(ops.map(() => ({ ok: true })));
    expect(kv.written).toEqual([16]);
  });

  it('wait once for all that came while another was at work, whatever they write', async () => {
    const { kv, store } = open();
    const first = store.commit(0, { head: value, log: value, changes: [] });
    await Promise.all([
      first,
      store.transact([putOp('1', 'a')]),
      store.put([{ pk: 'A', sk: '2', value }]),
      store.remove([{ pk: 'A', sk: '3' }]),
    ]);
    expect(kv.written).toEqual([2, 3]);
  });

  it('see what those before them write', async () => {
    const { store } = open();
    const results = await Promise.all([
      store.transact([putOp('1', 'a')]),
      store.transact([putOp('1', 'b')]),
      store.transact([putOp('1', 'c', 'a')]),
      store.remove([{ pk: 'A', sk: '1' }]),
      store.transact([putOp('1', 'd', 'c')]),
      store.transact([putOp('1', 'e')]),
    ]);
    expect(results.filter((result) => result !== undefined)).toEqual([
      { ok: true },
      { ok: false, index: 0, condition: 'row' },
      { ok: true },
      { ok: false, index: 0, condition: 'nonce' },
      { ok: true },
    ]);
    const [row] = await store.read([{ pk: 'A', sk: '1' }]);
    expect(row?.nonce).toBe('e');
  });

  it('all hear of it when the disk refuses, and nothing is there', async () => {
    const { kv, store } = open();
    kv.isFull = true;
    const both = ['1', '2'].map((sk) => store.transact([putOp(sk, 'a')]));
    const told = await Promise.allSettled(both);
    expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    kv.isFull = false;
    await expect(store.transact([putOp('1', 'b')])).resolves.toEqual({ ok: true });
    expect((await store.read([{ pk: 'A', sk: '2' }]))[0]).toBeUndefined();
  });

  it('fail alone when their handle was closed meanwhile', async () => {
    const { store } = open();
    const other = store.store();
    const results = Promise.allSettled([
      store.transact([putOp('1', 'a')]),
      other.transact([putOp('2', 'a')]),
    ]);
    await other.close();
    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('are written in parts when they are very many', async () => {
    const { kv, store } = open();
    const ops = Array.from({ length: 100 }, (_, i) => putOp(`${i}`, 'a'));
    await Promise.all(ops.map((op) => store.transact([op])));
    expect(kv.written).toEqual([64, 36]);
  });
});
