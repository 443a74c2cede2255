/** Every row of interfaces section 7 that is due, its answer against its own schema. */
import type { z } from '@hono/zod-openapi';
import { describe, expect, it } from 'vitest';
import * as schemas from '../../../lib/api/schemas.ts';
import { toHex } from '../../../lib/codec/index.ts';
import { regtest } from '../../../lib/params/index.ts';
import type { BlockHash } from '../../../lib/types.ts';
import { spend } from './fake-chain.ts';
import { entryOf, peerAt } from './fake-node.ts';
import { BEARER, createHarness, OTHER, OURS, post } from './harness.ts';

async function body(response: Response, status: number, schema?: z.ZodType) {
  const text = await response.text();
  expect(`${response.status} ${text}`).toMatch(new RegExp(`^${status} `));
  const json = JSON.parse(text);
  if (schema !== undefined) expect(schema.safeParse(json).error).toBeUndefined();
  return json;
}

describe('wallets', () => {
  it('makes one', async () => {
    const { app } = createHarness();
    const made = await body(
      await app.request('/v1/wallets', post({}, BEARER)),
      201,
      schemas.WalletAnswer,
    );
    expect(made).toEqual({ address: OTHER, path: "m/44'/1'/0'/0/1" });
  });

  it('lists them', async () => {
    const { app } = createHarness();
    const list = await body(
      await app.request('/v1/wallets', { headers: BEARER }),
      200,
      schemas.WalletList,
    );
    expect(list).toEqual({
      items: [
        {
          address: OURS,
          confirmedSats: 11 * 5_000_000_000 + 1,
          spendableSats: 11 * 5_000_000_000 + 1,
        },
      ],
      next: null,
    });
  });

  it('sends', async () => {
    const { app } = createHarness();
    const response = await app.request(
      `/v1/wallets/${OURS}/send`,
      post({ to: OTHER, amountSats: 1000, feeSats: 226 }, BEARER),
    );
    const sent = await body(response, 202, schemas.SendAnswer);
    expect(Object.keys(sent)).toEqual(['txid', 'feeSats', 'changeSats']);
  });

  it('says what is wrong with a payment', async () => {
    const { app, wallet } = createHarness();
    const send = (from: string, what: object) =>
      app.request(`/v1/wallets/${from}/send`, post(what, BEARER));
    expect((await body(await send(OURS, { to: 'x', amountSats: 1 }), 400)).code).toBe(
      'invalid-request',
    );
    expect((await body(await send(OURS, { to: OTHER, amountSats: 0.5 }), 400)).code).toBe(
      'invalid-request',
    );
    expect((await body(await send(OURS, { to: OTHER, amountSats: '1' }), 400)).code).toBe(
      'invalid-request',
    );
    expect((await body(await send(OTHER, { to: OURS, amountSats: 1 }), 404)).code).toBe(
      'not-found',
    );
    expect(wallet.sends).toBe(0);
    wallet.result = { ok: false, reject: { reason: 'insufficient-funds', kind: 'policy' } };
    expect((await body(await send(OURS, { to: OTHER, amountSats: 1 }), 422)).code).toBe(
      'insufficient-funds',
    );
    wallet.result = {
      ok: false,
      reject: { reason: 'min relay fee not met', kind: 'policy', detail: '1 < 2' },
    };
    expect((await body(await send(OURS, { to: OTHER, amountSats: 1 }), 400)).code).toBe(
      'min relay fee not met',
    );
  });

  it('shows an address, with wallets and without', async () => {
    const withWallets = createHarness();
    const path = `/v1/addresses/${OURS}`;
    await body(await withWallets.app.request(path), 200, schemas.AddressSchema);
    expect((await withWallets.app.request('/v1/addresses/nonsense')).status).toBe(400);

    const { app, waiting, blocks } = createHarness({ wallet: undefined as never });
    const shown = await body(await app.request(path), 200, schemas.AddressSchema);
    expect(shown).toEqual({
      address: OURS,
      // Twelve coinbases, one of them spent, and the base unit that came back.
      confirmedSats: 11 * 5_000_000_000 + 1,
      immatureSats: 0,
      spendableSats: 11 * 5_000_000_000 + 1,
      pendingInSats: 0,
      pendingOutSats: 0,
      coins: 12,
    });
    waiting.push(entryOf(spend(blocks[5]?.block.txs[0] as never, 0, 10n), 1000));
    const pending = await body(await app.request(path), 200, schemas.AddressSchema);
    expect(pending.pendingInSats).toBe(1);
    expect(pending.pendingOutSats).toBe(5_000_000_000);
    expect(pending.spendableSats).toBe(10 * 5_000_000_000 + 2);
    expect((await app.request('/v1/wallets', post({}, BEARER))).status).toBe(503);
  });
});

describe('blocks', () => {
  it('pages from the tip down', async () => {
    const { app } = createHarness();
    const heights: number[] = [];
    let cursor = '';
    for (;;) {
      const list = await body(
        await app.request(`/v1/blocks?limit=5${cursor}`),
        200,
        schemas.BlockList,
      );
      heights.push(...list.items.map((block: { height: number }) => block.height));
      if (list.next === null) break;
      cursor = `&cursor=${list.next}`;
    }
    expect(heights).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    const whole = await body(await app.request('/v1/blocks'), 200);
    expect(whole.items).toHaveLength(13);
    expect(whole.next).toBeNull();
  });

  it('refuses what is no page', async () => {
    const { app } = createHarness();
    for (const query of ['limit=0', 'limit=101', 'limit=x', 'limit=1.5', 'cursor=!!', 'cursor=']) {
      const response = await app.request(`/v1/blocks?${query}`);
      expect(`${query} ${response.status}`).toBe(`${query} 400`);
    }
    // The cursor of another list.
    const { next } = await body(await app.request('/v1/blocks?limit=1'), 200);
    expect((await app.request(`/v1/peers?cursor=${next}`)).status).toBe(400);
  });

  it('shows one by hash and by height', async () => {
    const { app, blocks } = createHarness();
    const hash = blocks[3]?.entry.hash as BlockHash;
    const byHash = await body(
      await app.request(`/v1/blocks/${hash}`),
      200,
      schemas.SeedBlockSchema,
    );
    expect(await body(await app.request('/v1/blocks/3'), 200)).toEqual(byHash);
    expect(byHash.height).toBe(3);
    expect(byHash.txs[1].outputs[0]).toEqual({
      idx: 0,
      value: 49.9999,
      pubKeyHash: '07'.repeat(20),
    });
    const text = await (await app.request('/v1/blocks/3')).text();
    expect(text).toContain('"value":0.00000001,');
    const genesis = await body(await app.request('/v1/blocks/0'), 200, schemas.SeedBlockSchema);
    expect(genesis.txs[0].outputs[0]).toMatchObject({ value: 50, pubKeyHash: '' });
  });

  it('gives the bytes', async () => {
    const { app, blocks } = createHarness();
    const { block, entry } = blocks[3] as (typeof blocks)[number];
    const response = await app.request(`/v1/blocks/${entry.hash}/raw`);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(toHex(new Uint8Array(await response.arrayBuffer()))).toBe(toHex(block.raw));
  });

  it('knows what is not there and what is no name', async () => {
    const { app } = createHarness();
    for (const name of ['13', 'ab'.repeat(32)]) {
      expect((await body(await app.request(`/v1/blocks/${name}`), 404)).code).toBe('not-found');
      expect((await app.request(`/v1/blocks/${name}/raw`)).status).toBe(404);
    }
    for (const name of ['x', '-1', 'ab', '1e3']) {
      expect((await body(await app.request(`/v1/blocks/${name}`), 400)).code).toBe(
        'invalid-request',
      );
    }
  });

  it('takes one', async () => {
    const { app, script, blocks } = createHarness();
    const hash = blocks[1]?.entry.hash as BlockHash;
    for (const status of ['side', 'known', 'orphan', 'inconclusive'] as const) {
      script.blockOutcome = { status, hash };
      const answer = await body(
        await app.request('/v1/blocks', post({ hex: '00' })),
        200,
        schemas.BlockOutcomeSchema,
      );
      expect(answer).toEqual({ hash, status });
    }
    script.blockOutcome = {
      status: 'rejected',
      hash,
      reject: { reason: 'bad-version(0x00000001)', kind: 'consensus' },
    };
    const refused = await body(await app.request('/v1/blocks', post({ hex: '00' })), 400);
    expect(refused.code).toBe('bad-version');
    expect((await app.request('/v1/blocks', post({ hex: 'xy' }))).status).toBe(400);
    expect((await app.request('/v1/blocks', post({ hex: '00', more: 1 }))).status).toBe(400);
  });
});

describe('transactions', () => {
  it('takes one, knows it, refuses it', async () => {
    const { app, script, blocks } = createHarness();
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    const hex = toHex(tx.raw);
    const send = () => app.request('/v1/transactions', post({ hex }));
    expect(await body(await send(), 202, schemas.TxidAnswer)).toEqual({ txid: tx.txid });
    script.txOutcome = { status: 'known', txid: tx.txid };
    expect(await body(await send(), 200)).toEqual({ txid: tx.txid });
    script.txOutcome = { status: 'orphan', txid: tx.txid, missing: [] };
    expect((await body(await send(), 400)).code).toBe('bad-txns-inputs-missingorspent');
    script.txOutcome = {
      status: 'rejected',
      reject: { reason: 'txn-mempool-conflict', kind: 'policy' },
    };
    expect((await body(await send(), 400)).code).toBe('txn-mempool-conflict');
  });

  it('shows one, confirmed and not', async () => {
    const { app, waiting, blocks } = createHarness();
    const confirmed = blocks[3]?.block.txs[1];
    const shown = await body(
      await app.request(`/v1/transactions/${confirmed?.txid}`),
      200,
      schemas.TxAnswer,
    );
    expect(Object.keys(shown)).toEqual(['id', 'inputs', 'outputs', 'feeSats', 'status']);
    expect(shown.feeSats).toBe(9_999);
    expect(shown.status).toEqual({
      confirmed: true,
      blockHash: blocks[3]?.entry.hash,
      height: 3,
      confirmations: 10,
    });
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    expect((await app.request(`/v1/transactions/${tx.txid}`)).status).toBe(404);
    waiting.push(entryOf(tx, 4242));
    const pending = await body(
      await app.request(`/v1/transactions/${tx.txid}`),
      200,
      schemas.TxAnswer,
    );
    expect(pending.feeSats).toBe(4242);
    expect(pending.status).toEqual({
      confirmed: false,
      blockHash: null,
      height: null,
      confirmations: 0,
    });
    expect((await app.request('/v1/transactions/abc')).status).toBe(400);
  });
});

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
