/** Rows of interfaces section 7 on wallets and the chain, each answer against its own schema. */
import { describe, expect, it } from 'vitest';
import * as schemas from '../../../lib/api/schemas.ts';
import { toHex } from '../../../lib/codec/index.ts';
import type { BlockHash } from '../../../lib/types.ts';
import { spend } from './fake-chain.ts';
import { entryOf } from './fake-node.ts';
import { BEARER, body, createHarness, OTHER, OURS, post } from './harness.ts';

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

  it('ends a page early where blocks are large, and loses none', async () => {
    const { app, blocks } = createHarness();
    const large = blocks as unknown as { block: { raw: Uint8Array } }[];
    for (const [i, one] of large.entries()) {
      if (i > 0) large[i] = { ...one, block: { ...one.block, raw: new Uint8Array(400_000) } };
    }
    const pages: number[][] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `?cursor=${cursor}`;
      const list = await body(await app.request(`/v1/blocks${query}`), 200, schemas.BlockList);
      pages.push(list.items.map(({ height }: { height: number }) => height));
      cursor = list.next;
    }
    expect(pages).toEqual([
      [12, 11],
      [10, 9],
      [8, 7],
      [6, 5],
      [4, 3],
      [2, 1, 0],
    ]);
  });

  it('refuses what is no page', async () => {
    const { app } = createHarness();
    for (const query of [
      'limit=0',
      'limit=101',
      'limit=x',
      'limit=1.5',
      'limit=',
      // What Number would read, and what two readers would read differently.
      'limit=0x10',
      'limit=1e1',
      'limit=%201',
      'limit=1&limit=2',
      'cursor=!!',
      'cursor=',
    ]) {
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
