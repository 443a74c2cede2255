/** Nodes among each other: announcing, catching up, polling. In process, one clock. */
import { describe, expect, it } from 'vitest';
import { decodeHeader } from '../../../lib/codec/index.ts';
import { Fault } from '../../../lib/faults.ts';
import { Story } from '../../helpers/chain-builder.ts';
import { heightOf, type NetNode, NodeNet, tipOf } from '../../helpers/node-net.ts';

async function pair(): Promise<{ net: NodeNet; a: NetNode; b: NetNode }> {
  const net = new NodeNet();
  const a = await net.add('a', { peers: ['b'] });
  const b = await net.add('b', { peers: ['a'] });
  await net.pass(1);
  return { net, a, b };
}

describe('two nodes', () => {
  it('shake hands and show each other', async () => {
    const { a } = await pair();
    const [peer] = await a.node.gossip.peers();
    expect(peer).toMatchObject({ address: 'b', transport: 'local', score: 0, banned: false });
    expect(peer?.lastSeen).toBeGreaterThan(0);
    expect((await a.node.status()).peers).toBe(1);
  });

  it('hear of a block at once', async () => {
    const { net, a, b } = await pair();
    const [hash] = await net.mine(a);
    expect(await tipOf(b)).toBe(hash);
    await net.mine(b, 3);
    expect(await tipOf(a)).toBe(await tipOf(b));
    // Each shows where the other is now, whoever found it.
    for (const { node } of [a, b]) {
      expect(await node.gossip.peers()).toMatchObject([{ height: 4, tip: await tipOf(a) }]);
    }
  });

  it('hear of a transaction at once, and it is mined by the other', async () => {
    const { net, a, b } = await pair();
    await net.mine(a, 4, 'alice');
    const story = new Story(net.params);
    const paid = await a.node.chain.block(
      (await a.node.chain.locator())[2] ?? (undefined as never),
    );
    if (paid === undefined) throw new Error('no block');
    story.key('alice');
    const [coinbase] = paid.txs;
    if (coinbase === undefined) throw new Error('no coinbase');
    story.name(coinbase, 'coin');
    const tx = story.pay({ from: 'coin:0', to: 'bob', sats: 100_000 });
    const outcome = await a.node.acceptTx(tx.raw, { local: true });
    expect(outcome.status).toBe('accepted');
    expect(await b.node.mempool.get(tx.txid)).toBeDefined();
    await net.mine(b);
    expect((await a.node.mempool.list()).length).toBe(0);
  });

  it('announce what a process did not come to announce', async () => {
    const { net, a, b } = await pair();
    const block = await net.make(a.node);
    // The chain alone: as if the process died right after its commit.
    await a.node.chain.acceptBlock(block.raw, { asked: true });
    expect(await heightOf(b)).toBe(0);
    await a.node.tick();
    expect(await heightOf(b)).toBe(1);
  });

  it('say again a transaction that waits long', async () => {
    const { net, a } = await pair();
    const heard: string[] = [];
    net.hub.listen('b', async (envelopes) => {
      for (const envelope of envelopes as { type: string }[]) heard.push(envelope.type);
      return { ok: true, replies: [] };
    });
    await net.mine(a, 4, 'alice');
    const story = new Story(net.params);
    story.key('alice');
    const locator = await a.node.chain.locator();
    const block = locator[2] && (await a.node.chain.block(locator[2]));
    const [coinbase] = block ? block.txs : [];
    if (coinbase === undefined) throw new Error('no coinbase');
    story.name(coinbase, 'coin');
    const tx = story.pay({ from: 'coin:0', to: 'bob', sats: 100_000 });
    await a.node.acceptTx(tx.raw, { local: true });
    expect(heard.filter((type) => type === 'tx').length).toBe(1);
    await net.pass(300);
    expect(heard.filter((type) => type === 'tx').length).toBe(1);
    await net.pass(400);
    expect(heard.filter((type) => type === 'tx').length).toBe(2);
  });
});

describe('catching up', () => {
  it('a node that starts empty gets all, headers first', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    await net.mine(a, 60);
    const b = await net.add('b', { peers: ['a'] });
    const more = await b.node.gossip.sync(net.clock.nowMs() + 60_000);
    expect(more).toBe(false);
    expect(await tipOf(b)).toBe(await tipOf(a));
    expect(await b.node.gossip.progress()).toEqual({ syncing: false, headers: 60 });
  });

  it('stops at its deadline and goes on from there', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    await net.mine(a, 10);
    const b = await net.add('b', { peers: ['a'] });
    expect(await b.node.gossip.sync(net.clock.nowMs() - 1)).toBe(true);
    expect(await heightOf(b)).toBe(0);
    expect(await b.node.gossip.sync(net.clock.nowMs() + 60_000)).toBe(false);
    expect(await heightOf(b)).toBe(10);
  });

  it('two processes of one node do not both sync', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    await net.mine(a, 5);
    const b = await net.add('b', { peers: ['a'] });
    const deadline = net.clock.nowMs() + 60_000;
    const [one, two] = await Promise.all([
      b.node.gossip.sync(deadline),
      b.node.gossip.sync(deadline),
    ]);
    expect([one, two]).toEqual([false, false]);
    expect(await heightOf(b)).toBe(5);
  });

  it('a header that comes while a sync ends has its body fetched', async () => {
    let atLastSend = async (): Promise<void> => undefined;
    const net = new NodeNet({
      fault: async ({ from, envelopes }, deliver) => {
        // A sync's last act under its lease: saying the tip.
        if (from === 'b' && envelopes.some(({ type }) => type === 'block')) await atLastSend();
        return deliver();
      },
    });
    const a = await net.add('a');
    await net.mine(a, 5);
    const b = await net.add('b', { peers: ['a'] });
    const deadline = net.clock.nowMs() + 60_000;
    let woken: boolean | undefined;
    atLastSend = async () => {
      if (woken !== undefined) return;
      woken = true;
      const { raw } = await net.make(a.node);
      await a.node.acceptBlock(raw, { asked: true });
      const header = decodeHeader(raw.subarray(0, 80));
      if (!header.ok) throw new Error('no header');
      expect((await b.node.chain.acceptHeaders([header.value])).status).toBe('stored');
      // Whoever took it in wakes a sync, which finds the lease taken.
      woken = await b.node.gossip.sync(deadline);
    };
    expect(await b.node.gossip.sync(deadline)).toBe(true);
    expect(woken).toBe(false);
    expect(await b.node.gossip.sync(deadline)).toBe(false);
    expect(await tipOf(b)).toBe(await tipOf(a));
  });

  it('a fork heals to the branch with more work', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const b = await net.add('b');
    await net.mine(a, 4);
    await net.mine(b, 6);
    expect((await b.node.gossip.addPeer('a')).ok).toBe(true);
    expect((await a.node.gossip.addPeer('b')).ok).toBe(true);
    await net.pass(1, 2);
    expect(await heightOf(a)).toBe(6);
    expect(await tipOf(a)).toBe(await tipOf(b));
  });

  it('one that nobody can reach polls, and posts its own', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const laptop = await net.add('laptop', { peers: ['a'], listens: false });
    await net.pass(1);
    await net.mine(a, 3);
    expect(await heightOf(laptop)).toBe(0);
    await net.pass(6);
    expect(await tipOf(laptop)).toBe(await tipOf(a));
    const [hash] = await net.mine(laptop);
    expect(await tipOf(a)).toBe(hash);
  });

  it('one that nobody can reach brings a branch of its own', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const laptop = await net.add('laptop', { listens: false });
    await net.mine(a, 3);
    await net.mine(laptop, 25);
    expect((await laptop.node.gossip.addPeer('a')).ok).toBe(true);
    await net.pass(1);
    expect(await tipOf(a)).toBe(await tipOf(laptop));
  });

  it('bodies come from several peers, and one that stops midway is no loss', async () => {
    const served = new Map<string, number>();
    let stopAfter = Number.POSITIVE_INFINITY;
    const net = new NodeNet({
      fault: async ({ to }, deliver) => {
        const answer = await deliver();
        const blocks = answer.filter(({ type }) => type === 'block').length;
        if (to === 'c' && blocks > 0 && stopAfter-- <= 0) throw new Fault('transport', 'gone');
        served.set(to, (served.get(to) ?? 0) + blocks);
        return answer;
      },
    });
    // More than one share holds.
    const raws = new Story(net.params).mineMany(1100).map(({ block }) => block.raw);
    for (const name of ['a', 'b', 'c']) await (await net.add(name)).node.chain.acceptBlocks(raws);
    const a = net.nodes.get('a') as NetNode;
    stopAfter = 1;
    const empty = await net.add('empty', { peers: ['a', 'b', 'c'] });
    await empty.node.gossip.sync(net.clock.nowMs() + 60_000);
    expect(await tipOf(empty)).toBe(await tipOf(a));
    const shares = ['a', 'b', 'c'].filter((name) => (served.get(name) ?? 0) > 0);
    expect(shares.length).toBeGreaterThanOrEqual(2);
  });

  it('one that comes back is told again, blocks and transactions', async () => {
    const { net, a, b } = await pair();
    await net.mine(a, 4, 'alice');
    b.stop();
    const story = new Story(net.params);
    story.key('alice');
    const locator = await a.node.chain.locator();
    const block = locator[2] && (await a.node.chain.block(locator[2]));
    const [coinbase] = block ? block.txs : [];
    if (coinbase === undefined) throw new Error('no coinbase');
    story.name(coinbase, 'coin');
    await net.mine(a);
    const tx = story.pay({ from: 'coin:0', to: 'bob', sats: 100_000 });
    await a.node.acceptTx(tx.raw);
    for (let i = 0; i < 5; i++) {
      net.clock.advance(60_000);
      await a.node.tick();
    }
    expect(await heightOf(b)).toBe(4);
    net.hub.listen('b', b.node.gossip.receive);
    await b.node.tick();
    expect(await tipOf(b)).toBe(await tipOf(a));
    expect(await b.node.mempool.get(tx.txid)).toBeDefined();
    await a.node.tick();
    const [hash] = await net.mine(a);
    expect(await tipOf(b)).toBe(hash);
  });

  it('one that does not answer is called less and less, and at once when it shows up', async () => {
    const calls: number[] = [];
    const net = new NodeNet({
      fault: async ({ to }, deliver) => {
        if (to === 'b') calls.push(net.clock.nowMs());
        return deliver();
      },
    });
    const a = await net.add('a', { peers: ['b'] });
    for (let i = 0; i < 720; i++) await net.pass(10);
    // Two hours: 1, 2, 4, … seconds, then every 15 minutes.
    expect(calls.length).toBeGreaterThan(10);
    expect(calls.length).toBeLessThan(22);
    const last = (calls.at(-1) ?? 0) - (calls.at(-2) ?? 0);
    expect(last).toBeGreaterThanOrEqual(900_000);
    await net.mine(a);
    const b = await net.add('b', { peers: ['a'] });
    await b.node.tick();
    expect(await tipOf(b)).toBe(await tipOf(a));
    calls.length = 0;
    await a.node.tick();
    expect(calls.length).toBeGreaterThan(0);
    const [hash] = await net.mine(a);
    expect(await tipOf(b)).toBe(hash);
  });

  it('a poll brings the transactions that wait', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const laptop = await net.add('laptop', { peers: ['a'], listens: false });
    await net.mine(a, 4, 'alice');
    await net.pass(1);
    const story = new Story(net.params);
    story.key('alice');
    const locator = await a.node.chain.locator();
    const block = locator[2] && (await a.node.chain.block(locator[2]));
    const [coinbase] = block ? block.txs : [];
    if (coinbase === undefined) throw new Error('no coinbase');
    story.name(coinbase, 'coin');
    const tx = story.pay({ from: 'coin:0', to: 'bob', sats: 100_000 });
    expect((await a.node.acceptTx(tx.raw)).status).toBe('accepted');
    await net.pass(6, 2);
    expect(await laptop.node.mempool.get(tx.txid)).toBeDefined();
  });
});
