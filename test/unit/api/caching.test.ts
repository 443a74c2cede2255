/** Which of Esplora's answers a client or a proxy may keep. */
import { describe, expect, it } from 'vitest';
import { spend } from './fake-chain.ts';
import { entryOf } from './fake-node.ts';
import { createHarness } from './harness.ts';

describe('what may be kept', () => {
  const IMMUTABLE = 'public, max-age=31536000, immutable';

  it('is what no block to come can change', async () => {
    const { app, blocks } = createHarness({ blocks: 13 });
    const { entry, block } = blocks[3] as (typeof blocks)[number];
    const txid = block.txs[1]?.txid;
    const lasting = [
      ...['header', 'raw', 'txids'].map((part) => [`block/${entry.hash}/${part}`, entry.hash]),
      [`block/${entry.hash}/txid/1`, txid],
      [`tx/${txid}/raw`, txid],
      [`tx/${txid}/hex`, txid],
    ];
    for (const [path, tag] of lasting) {
      const response = await app.request(`/api/${path}`);
      expect(response.headers.get('cache-control'), path).toBe(IMMUTABLE);
      const etag = response.headers.get('etag') ?? '';
      expect(etag).toBe(`"${tag}"`);
      const ask = (value: string) =>
        app.request(`/api/${path}`, { headers: { 'If-None-Match': value } });
      for (const value of [etag, `"x", W/${etag}`, '*']) {
        const again = await ask(value);
        expect([again.status, await again.text()]).toEqual([304, '']);
        expect(again.headers.get('cache-control')).toBe(IMMUTABLE);
        expect(again.headers.get('access-control-allow-origin')).toBe('*');
      }
      expect((await ask('"x"')).status).toBe(200);
    }
  });

  it('is nothing that a reorganisation changes, and nothing that is missing', async () => {
    const { app, blocks, waiting } = createHarness({ blocks: 12 });
    const { entry, block } = blocks[3] as (typeof blocks)[number];
    const young = block.txs[1]?.txid;
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    waiting.push(entryOf(tx, 500));
    const paths = [
      ...['', '/status', '/txs'].map((part) => `block/${entry.hash}${part}`),
      ...['', '/status', '/hex', '/raw', '/merkle-proof'].map((part) => `tx/${young}${part}`),
      `tx/${tx.txid}/hex`,
      'block-height/3',
      `block/${'ab'.repeat(32)}/raw`,
      `tx/${'ab'.repeat(32)}/raw`,
    ];
    for (const path of paths) {
      const headers = { 'If-None-Match': '*' };
      const response = await app.request(`/api/${path}`, { headers });
      expect([200, 404], path).toContain(response.status);
      expect(response.headers.get('cache-control'), path).toBe('no-store');
      expect(response.headers.get('etag')).toBeNull();
    }
  });
});
