/** The same key and body: the same answer, and one payment. */
import { describe, expect, it } from 'vitest';
import { BEARER, codeOf, createHarness, OTHER, OURS, post } from './harness.ts';

describe('Idempotency-Key', () => {
  const send = (key: string, body: object = { to: OTHER, amountSats: 1000 }) =>
    [`/v1/wallets/${OURS}/send`, post(body, { ...BEARER, 'Idempotency-Key': key })] as const;

  it('answers the first result again and pays once', async () => {
    const { app, wallet } = createHarness();
    const first = await app.request(...send('a'));
    const second = await app.request(...send('a'));
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(await second.text()).toBe(await first.text());
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(wallet.sends).toBe(1);
    expect((await app.request(...send('b'))).status).toBe(202);
    expect(wallet.sends).toBe(2);
  });

  it('refuses the same key with another body', async () => {
    const { app, wallet } = createHarness();
    await app.request(...send('a'));
    const response = await app.request(...send('a', { to: OTHER, amountSats: 1001 }));
    expect(await codeOf(response)).toBe('409 conflict');
    expect(wallet.sends).toBe(1);
  });

  it('belongs to one call', async () => {
    const { app } = createHarness();
    await app.request(...send('a'));
    const other = await app.request('/v1/wallets', post({}, { ...BEARER, 'Idempotency-Key': 'a' }));
    expect(other.status).toBe(201);
  });

  it('keeps a refusal too, but not a request that is none', async () => {
    const { app, wallet } = createHarness();
    expect((await app.request(...send('a', { to: OTHER }))).status).toBe(400);
    wallet.result = { ok: false, reject: { reason: 'insufficient-funds', kind: 'policy' } };
    expect((await app.request(...send('a'))).status).toBe(422);
    wallet.result = createHarness().wallet.result;
    const again = await app.request(...send('a'));
    expect(await codeOf(again)).toBe('422 insufficient-funds');
    expect(wallet.sends).toBe(1);
  });

  it('of two at once runs one', async () => {
    const { app, wallet } = createHarness();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => app.request(...send('same'))),
    );
    expect(wallet.sends).toBe(1);
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toContain(202);
    for (const status of statuses) expect([202, 409]).toContain(status);
  });

  it('expires after a day', async () => {
    const { app, wallet, script } = createHarness();
    await app.request(...send('a'));
    script.nowMs += 24 * 3600 * 1000 + 1000;
    expect((await app.request(...send('a', { to: OTHER, amountSats: 7 }))).status).toBe(202);
    expect(wallet.sends).toBe(2);
  });

  it('has a form', async () => {
    const { app } = createHarness();
    for (const key of ['x'.repeat(256), 'a b', 'ä']) {
      expect(await codeOf(await app.request(...send(key)))).toBe('400 invalid-request');
    }
  });
});
