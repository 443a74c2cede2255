/** The node as a whole: what follows from a block and a transaction, and in which order. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import type { NodeEvent } from '../../../lib/node/types.ts';
import { VERSION } from '../../../lib/node/version.ts';
import { regtest } from '../../../lib/params/index.ts';
import type { Store } from '../../../lib/ports/store.ts';
import { easyNetwork, mineHeader, Story } from '../../helpers/chain-builder.ts';
import { NodeNet, tipOf } from '../../helpers/node-net.ts';

/** A store that says each call and the partition it is about before it does it. */
function watchedStore(store: Store, say: (call: string, about: string) => void): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        say(String(name), String(args[0]));
        return value.apply(target, args);
      };
    },
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a node', () => {
  it("says package.json's version", () => {
    const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
    expect((JSON.parse(text) as { version: string }).version).toBe(VERSION);
  });

  it('says what it is', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    await net.mine(a, 2);
    const { entry } = await a.node.chain.tip();
    expect(await a.node.status()).toEqual({
      name: 'a',
      version: VERSION,
      network: 'easynet',
      genesis: net.params.genesisHash,
      height: 2,
      tip: entry.hash,
      tipTime: entry.header.time,
      chainwork: entry.chainwork.toString(16).padStart(64, '0'),
      bits: entry.header.bits.toString(16),
      difficulty: expect.closeTo(4.6565e-10, 13) as number,
      headers: 2,
      syncing: false,
      mempool: { count: 0, bytes: 0 },
      peers: 0,
      startedAt: Math.floor(net.clock.nowMs() / 1000),
    });
  });

  it('refuses the store of another network', async () => {
    const net = new NodeNet();
    const store = createMemoryStore({ clock: net.clock });
    await net.add('a', { store });
    await expect(
      net.add('b', { store: store.store(), more: { params: regtest } }),
    ).rejects.toMatchObject({ code: 'store-foreign' });
  });

  it('tells listeners of tips and transactions, until they no longer want to hear', async () => {
    const net = new NodeNet({ params: easyNetwork({ maturity: 1, reorgLimit: 0 }) });
    const a = await net.add('a');
    const events: NodeEvent[] = [];
    const off = a.node.on((event) => events.push(event));
    await net.mine(a, 2, 'alice');
    expect(events.map(({ type }) => type)).toEqual(['tip', 'tip']);
    expect(events[1]).toMatchObject({ hash: await tipOf(a), height: 2 });
    const story = new Story(net.params);
    story.key('alice');
    const block = await a.node.chain.block(await tipOf(a));
    const [coinbase] = block?.txs ?? [];
    if (coinbase === undefined) throw new Error('no coinbase');
    story.name(coinbase, 'coin');
    const tx = story.pay({ from: 'coin:0', to: 'bob', sats: 10_000 });
    const idBefore = await a.node.templateId();
    expect((await a.node.acceptTx(tx.raw, { local: true })).status).toBe('accepted');
    expect(events.at(-1)).toEqual({ type: 'tx', txid: tx.txid });
    expect(await a.node.templateId()).not.toBe(idBefore);
    const template = await a.node.template();
    expect(template.ok && template.value.txs.map(({ entry }) => entry.txid)).toEqual([tx.txid]);
    expect(template.ok && template.value.id).toBe(await a.node.templateId());
    expect((await a.node.acceptTx(tx.raw)).status).toBe('known');
    off();
    await net.mine(a);
    expect(events.length).toBe(3);
  });

  it('returns the transactions of a losing branch, and says so', async () => {
    const net = new NodeNet({ params: easyNetwork({ maturity: 1, reorgLimit: 0 }) });
    const told: string[] = [];
    const more = { onWaiting: (from: string) => told.push(from) };
    const [a, b] = [await net.add('a', { more }), await net.add('b')];
    await net.mine(a, 2, 'alice');
    for (const hash of [...(await a.node.chain.locator())].reverse().slice(1)) {
      const raw = await a.node.chain.blockRaw(hash);
      if (raw !== undefined) await b.node.acceptBlock(raw, { asked: true });
    }
    expect(await tipOf(b)).toBe(await tipOf(a));
    const story = new Story(net.params);
    story.key('alice');
    const [coinbase] = (await a.node.chain.block(await tipOf(a)))?.txs ?? [];
    if (coinbase === undefined) throw new Error('no coinbase');
    story.name(coinbase, 'coin');
    const tx = story.pay({ from: 'coin:0', to: 'bob', sats: 10_000 });
    await a.node.acceptTx(tx.raw);
    await net.mine(a);
    expect(await a.node.mempool.get(tx.txid)).toBeUndefined();
    const [one, two] = await net.mine(b, 2);
    const events: NodeEvent[] = [];
    a.node.on((event) => events.push(event));
    expect(told).toEqual(['peer']);
    for (const hash of [one, two]) {
      const raw = hash && (await b.node.chain.blockRaw(hash));
      if (raw) await a.node.acceptBlock(raw, { asked: true });
    }
    expect(await tipOf(a)).toBe(await tipOf(b));
    expect(await a.node.mempool.get(tx.txid)).toBeDefined();
    expect(events).toMatchObject([
      { type: 'tip', hash: two },
      { type: 'tx', txid: tx.txid },
    ]);
    expect(told).toEqual(['peer', 'peer']);
  });

  it('tells its host when a transaction enters an empty mempool, whatever way it came', async () => {
    const net = new NodeNet({ params: easyNetwork({ maturity: 1, reorgLimit: 0 }) });
    const told: Record<'a' | 'b', string[]> = { a: [], b: [] };
    const hear = (name: 'a' | 'b') => ({ onWaiting: (from: string) => told[name].push(from) });
    const a = await net.add('a', { peers: ['b'], more: hear('a') });
    const b = await net.add('b', { peers: ['a'], more: hear('b') });
    await net.pass(1);
    const story = new Story(net.params);
    story.key('alice');
    for (const name of ['one', 'two', 'three']) {
      await net.mine(a, 1, 'alice');
      const [coinbase] = (await a.node.chain.block(await tipOf(a)))?.txs ?? [];
      if (coinbase === undefined) throw new Error('no coinbase');
      story.name(coinbase, name);
    }
    expect(await tipOf(b)).toBe(await tipOf(a));
    expect(told).toEqual({ a: [], b: [] });
    const pay = (coin: string) => story.pay({ from: `${coin}:0`, to: 'bob', sats: 10_000 }).raw;
    await a.node.acceptTx(pay('one'), { local: true });
    expect(told).toEqual({ a: ['user'], b: ['peer'] });
    // One waits already.
    await b.node.acceptTx(pay('two'), { local: true });
    expect(told).toEqual({ a: ['user'], b: ['peer'] });
    await net.mine(b);
    // Empty again.
    await a.node.acceptTx(pay('three'), { local: true });
    expect(told).toEqual({ a: ['user', 'user'], b: ['peer', 'peer'] });
  });

  it('tells its peers of a block though its own mempool cannot follow', async () => {
    const net = new NodeNet();
    let isBroken = false;
    const inner = createMemoryStore({ clock: net.clock });
    const store = watchedStore(inner, (_call, about) => {
      if (isBroken && about.startsWith('E#')) throw new Error('no feed');
    });
    const a = await net.add('a', { peers: ['b'], store });
    const b = await net.add('b', { peers: ['a'] });
    await net.pass(1);
    const block = await net.make(a.node);
    isBroken = true;
    await expect(a.node.acceptBlock(block.raw, { asked: true })).rejects.toThrow('no feed');
    expect(await tipOf(b)).toBe(block.header.hash);
  });

  it('reads no chain for a block without work, and blames its sender', async () => {
    const net = new NodeNet();
    const calls: string[] = [];
    const inner = createMemoryStore({ clock: net.clock });
    const a = await net.add('a', { store: watchedStore(inner, (call) => calls.push(call)) });
    const block = await net.make(a.node);
    const forged = block.raw.slice();
    forged.set(mineHeader({ ...block.header, nonce: 0 }, false).raw);
    calls.length = 0;
    const payload = Buffer.from(forged).toString('base64');
    const sender = { transport: 'http', key: '192.0.2.7' } as const;
    const body = net.envelope('block', payload);
    expect((await a.node.gossip.receive([body], sender)).ok).toBe(true);
    expect(calls).not.toContain('snapshot');
    expect(await a.node.gossip.receive([body], sender)).toMatchObject({ code: 'banned' });
  });

  it('tells it also where another process confirmed what this one still believes to wait', async () => {
    const net = new NodeNet({ params: easyNetwork({ maturity: 1, reorgLimit: 0 }) });
    const told: string[] = [];
    const a = await net.add('a', { more: { onWaiting: (from) => told.push(from) } });
    const other = await net.add('other', { store: a.store });
    const story = new Story(net.params);
    story.key('alice');
    for (const name of ['one', 'two', 'three']) {
      await net.mine(a, 1, 'alice');
      const [coinbase] = (await a.node.chain.block(await tipOf(a)))?.txs ?? [];
      if (coinbase === undefined) throw new Error('no coinbase');
      story.name(coinbase, name);
    }
    const pay = (coin: string) => story.pay({ from: `${coin}:0`, to: 'bob', sats: 10_000 }).raw;
    await a.node.acceptTx(pay('one'), { local: true });
    await a.node.acceptTx(pay('two'), { local: true });
    expect(told).toEqual(['user']);
    await net.mine(other);
    await a.node.acceptTx(pay('three'), { local: true });
    expect(told).toEqual(['user', 'user']);
  });

  it('ends a call only when its sends are done, however slow the net is', async () => {
    let underWay = 0;
    let sent = 0;
    const net = new NodeNet({
      fault: async (_passage, deliver) => {
        underWay += 1;
        await pause(30);
        const answer = await deliver();
        underWay -= 1;
        sent += 1;
        return answer;
      },
    });
    const a = await net.add('a', { peers: ['b', 'c'] });
    await net.add('b', { peers: ['a'] });
    await net.add('c', { peers: ['a'] });
    await net.pass(1);
    sent = 0;
    await net.mine(a);
    expect(underWay).toBe(0);
    expect(sent).toBeGreaterThanOrEqual(2);
    const block = await net.make(a.node);
    const envelope = net.envelope('block', Buffer.from(block.raw).toString('base64'));
    sent = 0;
    await a.node.gossip.receive([envelope], { transport: 'http', key: '203.0.113.7' });
    expect(underWay).toBe(0);
    expect(sent).toBeGreaterThanOrEqual(2);
  });

  it('does not tick twice at a time, nor after it was closed', async () => {
    let calls = 0;
    const net = new NodeNet({
      fault: async (_passage, deliver) => {
        calls += 1;
        await pause(20);
        return deliver();
      },
    });
    const a = await net.add('a', { peers: ['b'] });
    await net.add('b');
    await Promise.all([a.node.tick(), a.node.tick(), a.node.tick()]);
    const once = calls;
    expect(once).toBeLessThanOrEqual(3);
    await a.node.close();
    await a.node.tick();
    await a.node.close();
    expect(calls).toBe(once);
  });
});
