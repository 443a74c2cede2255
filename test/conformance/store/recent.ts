/** Reads that may show what was a moment ago: always a state that was, and soon the present one. */
import { expect, it } from 'vitest';
import type { Store } from '../../../lib/ports/store.ts';
import { commitNow, loose, put, text } from './harness.ts';

const COMMITS = 8;
/** Longer than any database lags in these tests. */
const SOON = { timeout: 60_000, interval: 5 };

export function recentCases(
  fresh: () => Promise<Store>,
  another: (store: Store) => Promise<Store>,
): void {
  it('the recent head is one that was, and soon the present one', async () => {
    const store = await fresh();
    const reader = await another(store);
    expect(await reader.recentHead()).toEqual({ version: 0, head: undefined });
    for (let version = 1; version <= COMMITS; version++) {
      await commitNow(store, [put('A', '1', `${version}`)], `${version}`);
      const { version: seen, head } = await reader.recentHead();
      expect(seen).toBeLessThanOrEqual(version);
      expect(text(head)).toBe(seen === 0 ? undefined : `head ${seen}`);
    }
    await expect.poll(async () => (await reader.recentHead()).version, SOON).toBe(COMMITS);
    const view = await store.snapshot();
    await expect
      .poll(() => reader.recentHead(), SOON)
      .toEqual({
        version: view.version,
        head: view.head,
      });
    view.release();
  });

  it('a recent list holds the rows that were, and soon those of now, by the same options', async () => {
    const store = await fresh();
    const reader = await another(store);
    const options = { prefix: 'k', after: 'k9', reverse: true, limit: 2 };
    const names = async (): Promise<string[]> =>
      (await reader.list('L', { ...options, recent: true })).map(({ sk }) => sk);
    expect(await names()).toEqual([]);
    for (const sk of ['k1', 'k2', 'k3', 'other', 'k9']) await store.put([loose('L', sk, 'x')]);
    for (const sk of await names()) expect(['k1', 'k2', 'k3']).toContain(sk);
    await expect.poll(names, SOON).toEqual(['k3', 'k2']);
  });

  it('what was just read as it is, is not changed by reading it as it was', async () => {
    const store = await fresh();
    for (let version = 1; version <= COMMITS; version++) {
      await store.recentHead();
      await store.list('L', { recent: true });
      await commitNow(store, [put('A', '1', `${version}`)], `${version}`);
      await store.put([loose('L', `${version}`, 'x')]);
      const view = await store.snapshot();
      expect([view.version, text(view.head)]).toEqual([version, `head ${version}`]);
      view.release();
      expect(await store.list('L')).toHaveLength(version);
    }
  });
}
