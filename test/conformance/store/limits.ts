/** What DynamoDB would refuse, every adapter refuses, before it writes anything. */
import { expect, it } from 'vitest';
import type { Op, RowKey, Store } from '../../../lib/ports/store.ts';
import {
  bytes,
  claimOp,
  commitNow,
  commitOf,
  faultOf,
  key,
  look,
  loose,
  put,
  putOp,
  versionOf,
} from './harness.ts';

const BIG = new Uint8Array(180 * 1024 + 1);

const BAD_KEYS: [string, RowKey][] = [
  ['an empty partition key', key('', 'a')],
  ['an empty sort key', key('a', '')],
  ['a partition key of 2,049 bytes', key('p'.repeat(2049), 'a')],
  ['a sort key of 1,025 bytes', key('a', 's'.repeat(1025))],
  ['a partition key with a letter beyond ASCII', key('é', 'a')],
  ['a sort key with a letter beyond ASCII', key('a', 'ü')],
  ['a sort key with an emoji', key('a', '😀')],
  ['a key with a space', key('a b', 'a')],
  ['a key with NUL', key('a', 'a\0b')],
  ['a key with a line end', key('a\n', 'a')],
  ['a key with DEL', key('a', '\x7f')],
];

const manyOps = (count: number): Op[] =>
  Array.from({ length: count }, (_, i) => putOp('A', `${i}`, 'x'));

const BAD_OPS: [string, Op[]][] = [
  ['101 operations', manyOps(101)],
  ['one key twice', [putOp('A', '1', 'x'), claimOp('A', '1', 'x')]],
  [
    'one key checked and written',
    [{ op: 'check', ...key('A', '1'), if: { row: 'absent' } }, putOp('A', '1', 'x')],
  ],
  [
    'more than 4 MB',
    Array.from(
      { length: 24 },
      (_, i): Op => ({ op: 'put', ...key('A', `${i}`), value: new Uint8Array(180 * 1024) }),
    ),
  ],
  ['a value above 180 KB', [{ op: 'put', ...key('A', '1'), value: BIG }]],
  ['an empty claim', [claimOp('A', '1', '')]],
  ['a claim of 257 characters', [claimOp('A', '1', 'c'.repeat(257))]],
  ['an empty nonce', [putOp('A', '1', 'x', { nonce: '' })]],
  ['a nonce beyond ASCII', [putOp('A', '1', 'x', { nonce: 'é' })]],
  ['an expiry that is no whole number', [putOp('A', '1', 'x', { expiresAt: 1.5 })]],
  ['a check of nothing', [{ op: 'check', ...key('A', '1'), if: {} }]],
];

export function limitCases(fresh: () => Promise<Store>): void {
  it.each(BAD_KEYS)('%s', async (_name, bad) => {
    const store = await fresh();
    const view = await store.snapshot();
    const calls: [string, () => Promise<unknown>][] = [
      [
        'commit',
        () => store.commit(0, commitOf([put('A', '1', 'x'), { ...bad, value: bytes('x') }])),
      ],
      ['commit of a deletion', () => store.commit(0, commitOf([bad]))],
      ['transact', () => store.transact([putOp('A', '1', 'x'), { op: 'delete', ...bad }])],
      ['put', () => store.put([loose('A', '1', 'x'), { ...bad, value: bytes('x') }])],
      ['remove', () => store.remove([bad])],
      ['read', () => store.read([bad])],
      ['get', () => view.get(bad)],
      ['getMany', () => view.getMany([bad])],
      ['cells', () => view.cells([bad])],
    ];
    for (const [name, call] of calls) expect(await faultOf(call), name).toBe('store-limit');
    expect(await store.list('A')).toEqual([]);
    expect(await versionOf(store)).toBe(0);
    view.release();
  });

  it('keys of 2,048 and 1,024 bytes', async () => {
    const store = await fresh();
    const long = key('p'.repeat(2048), 's'.repeat(1024));
    await commitNow(store, [{ ...long, value: bytes('x') }]);
    await store.put([{ ...long, value: bytes('x') }]);
    expect((await look(store, (view) => view.range(long.pk))).map((row) => row.sk)).toEqual([
      long.sk,
    ]);
    expect((await store.list(long.pk, { prefix: long.sk })).length).toBe(1);
  });

  it.each(BAD_OPS)('a transaction with %s', async (_name, ops) => {
    const store = await fresh();
    expect(await faultOf(() => store.transact(ops))).toBe('store-limit');
    expect(await store.list('A')).toEqual([]);
  });

  it('nearly 4 MB in one transaction', async () => {
    const store = await fresh();
    const ops = Array.from(
      { length: 22 },
      (_, i): Op => ({ op: 'put', ...key('A', `${i}`), value: new Uint8Array(180 * 1024) }),
    );
    expect(await store.transact(ops)).toEqual({ ok: true });
  });

  it('commits with too large a value, head or log entry, or an impossible version', async () => {
    const store = await fresh();
    const good = commitOf([put('A', '1', 'x')]);
    const refused = [
      () => store.commit(0, commitOf([put('A', '1', 'x'), { ...key('A', '2'), value: BIG }])),
      () => store.commit(0, { ...good, head: new Uint8Array(4097) }),
      () => store.commit(0, { ...good, log: new Uint8Array(4097) }),
      () => store.commit(-1, good),
      () => store.commit(0.5, good),
      () => store.commit(Number.NaN, good),
    ];
    for (const call of refused) expect(await faultOf(call)).toBe('store-limit');
    expect(await versionOf(store)).toBe(0);
    await store.commit(0, { ...good, head: new Uint8Array(4096), log: new Uint8Array(4096) });
    expect((await store.snapshot()).head?.length).toBe(4096);
  });

  it('loose rows with too large a value or a bad expiry', async () => {
    const store = await fresh();
    expect(
      await faultOf(() => store.put([loose('A', '1', 'x'), { ...key('A', '2'), value: BIG }])),
    ).toBe('store-limit');
    expect(await faultOf(() => store.put([loose('A', '1', 'x', { expiresAt: -1 })]))).toBe(
      'store-limit',
    );
    expect(await store.list('A')).toEqual([]);
  });

  it.each([0, -1, 1.5, 10_001, Number.NaN])('a page of %d rows', async (limit) => {
    const store = await fresh();
    expect(await faultOf(() => store.list('A', { limit }))).toBe('store-limit');
    expect(await faultOf(() => look(store, (view) => view.range('A', { limit })))).toBe(
      'store-limit',
    );
  });

  it('a range with a bad partition, prefix or start', async () => {
    const store = await fresh();
    for (const call of [
      () => store.list(''),
      () => store.list('A', { prefix: 'é' }),
      () => store.list('A', { after: '' }),
      () => look(store, (view) => view.range('a b')),
      () => look(store, (view) => view.firstMany([{ pk: 'A', prefix: 'é' }])),
    ])
      expect(await faultOf(call)).toBe('store-limit');
  });
}
