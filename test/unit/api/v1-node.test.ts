/** Rows of interfaces section 7 on the node itself, each answer against its own schema. */
import { describe, expect, it } from 'vitest';
import * as schemas from '../../../lib/api/schemas.ts';
import { toHex } from '../../../lib/codec/index.ts';
import { regtest } from '../../../lib/params/index.ts';
import { spend } from './fake-chain.ts';
import { entryOf, peerAt } from './fake-node.ts';
import { BEARER, body, createHarness, OURS, post } from './harness.ts';

describe('node', () => {
  it('shows itself', async () => {
    const { app } = createHarness();
    const shown = await body(await app.request('/v1/node'), 200, schemas.NodeSchema);
    expect(Object.keys(shown)).toEqual(Object.keys(schemas.NodeSchema.shape));
    const idle = createHarness({ mining: undefined as never });
    const node = await body(await idle.app.request('/v1/node'), 200, schemas.NodeSchema);
    expect(node.mining).toEqual({ active: false, hashRate: 0, address: null });
  });

  it('shows its network, without what is the operator’s own', async () => {
    const { app } = createHarness();
    const shown = await body(await app.request('/v1/network'), 200, schemas.NetworkSchema);
    expect(Object.keys(shown)).toEqual([
      'name',
      'genesis',
      'genesisSpendable',
      'powLimitBits',
      'retarget',
      'maxFutureSeconds',
      'halving',
      'maturity',
      'subsidySats',
      'addressVersion',
      'wifVersion',
    ]);
    expect(shown.genesis).toBe(toHex(regtest.genesis));
  });

  it('adds, lists and forgets peers', async () => {
    const { app, script } = createHarness();
    const add = (address: string) => app.request('/v1/peers', post({ address }, BEARER));
    const peer = await body(await add('http://127.0.0.1:8401'), 201, schemas.PeerSchema);
    script.peers.push(peerAt('http://127.0.0.1:18402'));
    const first = await body(await app.request('/v1/peers?limit=1'), 200, schemas.PeerList);
    expect(first.items).toEqual([peer]);
    const second = await body(await app.request(`/v1/peers?limit=1&cursor=${first.next}`), 200);
    expect(second.items).toHaveLength(1);
    expect(second.next).toBeNull();
    const forget = () => app.request(`/v1/peers/${peer.id}`, { method: 'DELETE', headers: BEARER });
    const gone = await forget();
    expect(gone.status).toBe(204);
    expect(await gone.text()).toBe('');
    expect((await forget()).status).toBe(404);
    script.addPeer = { ok: false, code: 'wrong-network', detail: 'another genesis' };
    expect((await body(await add('http://x'), 403)).code).toBe('wrong-network');
    script.addPeer = { ok: false, code: 'unreachable', detail: 'no answer' };
    expect((await body(await add('http://x'), 503)).code).toBe('unavailable');
    script.addPeer = { ok: false, code: 'invalid-request', detail: 'no URL' };
    expect((await body(await add('x'), 400)).code).toBe('invalid-request');
  });

  it('shows the mempool', async () => {
    const { app, waiting, blocks } = createHarness();
    const empty = await body(await app.request('/v1/mempool'), 200, schemas.MempoolSchema);
    expect(empty).toEqual({ count: 0, bytes: 0, feeSats: 0, minFeeRateSatVb: 1 });
    for (const height of [2, 4, 5]) {
      waiting.push(entryOf(spend(blocks[height]?.block.txs[0] as never, 0, 1000n), height));
    }
    const path = '/v1/mempool/transactions?limit=2';
    const first = await body(await app.request(path), 200, schemas.MempoolList);
    expect(first.items.map(({ feeSats }: { feeSats: number }) => feeSats)).toEqual([2, 4]);
    const second = await body(await app.request(`${path}&cursor=${first.next}`), 200);
    expect(second.items).toHaveLength(1);
    expect(second.next).toBeNull();
  });

  it('mines on command', async () => {
    const { app } = createHarness();
    const mine = (what: object) => app.request('/v1/mine', post(what, BEARER));
    const mined = await body(await mine({ blocks: 3, address: OURS }), 200, schemas.MineAnswer);
    expect(mined.hashes).toHaveLength(3);
    for (const what of [
      { blocks: 0, address: OURS },
      { blocks: 1001, address: OURS },
      { blocks: 1, address: 'x' },
      { blocks: 1 },
    ]) {
      expect((await body(await mine(what), 400)).code).toBe('invalid-request');
    }
    const host = createHarness({ generate: undefined as never });
    const refused = await host.app.request('/v1/mine', post({ blocks: 1, address: OURS }, BEARER));
    expect((await body(refused, 503)).code).toBe('unavailable');
    const early = createHarness({
      generate: async () => ({ ok: false, reject: { reason: 'clock', kind: 'early' } }),
    });
    const later = await early.app.request('/v1/mine', post({ blocks: 1, address: OURS }, BEARER));
    expect((await body(later, 503)).code).toBe('unavailable');
  });

  it('takes gossip', async () => {
    const { app, script } = createHarness();
    const envelope = {
      v: 1,
      network: regtest.genesisHash,
      from: 'a',
      type: 'ping',
      payload: 'AAAAAAAAAAA=',
    };
    const send = (envelopes: unknown) => app.request('/v1/gossip', post({ envelopes }));
    const replies = await body(await send([envelope]), 200, schemas.GossipAnswer);
    expect(replies.envelopes).toHaveLength(1);
    expect(script.received).toEqual([{ envelopes: [envelope], key: '203.0.113.7' }]);
    const object = { ...envelope, type: 'version', payload: { height: 1 } };
    expect((await send(Array.from({ length: 100 }, () => object))).status).toBe(200);
    for (const wrong of [
      [],
      'x',
      [1],
      [{ ...envelope, v: 2 }],
      [{ ...envelope, payload: 5 }],
      Array.from({ length: 101 }, () => envelope),
    ]) {
      expect((await body(await send(wrong), 400)).code).toBe('invalid-request');
    }
    expect(script.received).toHaveLength(2);
    for (const code of ['banned', 'wrong-network'] as const) {
      script.receive = { ok: false, code, detail: 'no' };
      expect((await body(await send([envelope]), 403)).code).toBe(code);
    }
  });

  it('tells its health', async () => {
    const { app, script } = createHarness();
    expect(await body(await app.request('/healthz'), 200, schemas.HealthSchema)).toEqual({
      status: 'ok',
    });
    await body(await app.request('/readyz'), 200, schemas.HealthSchema);
    const metrics = await app.request('/metrics');
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics.text()).toContain('stackchain_tip_height 12');
    script.nowMs = 1_000_000_000_000;
    expect((await body(await app.request('/readyz'), 503)).code).toBe('unavailable');
    expect((await app.request('/healthz')).status).toBe(200);
    script.fault = new Error('closed');
    expect((await app.request('/readyz')).status).toBe(503);
    const without = createHarness({ metrics: undefined as never });
    expect((await without.app.request('/metrics')).status).toBe(404);
  });
});
