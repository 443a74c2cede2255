/** What is large is announced and fetched; what nobody asked for is bounded. */
import { describe, expect, it } from 'vitest';
import { encodePayload } from '../../../lib/gossip/messages.ts';
import type { Sender } from '../../../lib/gossip/types.ts';
import { Story } from '../../helpers/chain-builder.ts';
import { heightOf, NodeNet, tipOf } from '../../helpers/node-net.ts';

describe('large things', () => {
  it('a transaction and a block above 40 kB go by inv and getdata', async () => {
    const seen: string[] = [];
    const net = new NodeNet({
      fault: async ({ envelopes }, deliver) => {
        seen.push(...envelopes.map(({ type }) => type));
        const answer = await deliver();
        seen.push(...answer.map(({ type }) => `< ${type}`));
        return answer;
      },
    });
    const a = await net.add('a', { peers: ['b'] });
    const b = await net.add('b', { peers: ['a'] });
    await net.pass(1);
    const [hash] = await net.mine(a, 1, 'alice');
    await net.mine(a, 2);
    const story = new Story(net.params);
    story.key('alice');
    const [coinbase] = (hash && (await a.node.chain.block(hash)))?.txs ?? [];
    if (coinbase === undefined) throw new Error('no coinbase');
    story.name(coinbase, 'coin');
    const outputs = Array.from({ length: 1400 }, () => ({ to: 'bob', sats: 10_000 }));
    const change = { to: 'alice', sats: 5_000_000_000 - 1400 * 10_000 - 100_000 };
    const tx = story.spend({ inputs: ['coin:0'], outputs: [...outputs, change] });
    expect(tx.raw.length).toBeGreaterThan(40_000);

    seen.length = 0;
    expect((await a.node.acceptTx(tx.raw)).status).toBe('accepted');
    expect(await b.node.mempool.get(tx.txid)).toBeDefined();
    expect(seen).toEqual(['inv', '< getdata', 'tx']);

    seen.length = 0;
    await net.mine(a);
    expect(await tipOf(b)).toBe(await tipOf(a));
    expect(seen).toEqual(['inv', '< getdata', 'block']);
  });
});

describe('what nobody asked for', () => {
  it('headers: 2,000 an hour a sender, but the next one of the tip is always welcome', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const story = new Story(net.params);
    const branch = story.mineMany(1990).map(({ block }) => block.header);
    const other = new Story(net.params);
    other.miner = 'other';
    const more = other.mineMany(20).map(({ block }) => block.header);
    const from = async (key: string, headers: typeof branch): Promise<number> => {
      const sender: Sender = { transport: 'http', key };
      const payload = encodePayload({ type: 'headers', headers });
      const answer = await a.node.gossip.receive([net.envelope('headers', payload)], sender);
      expect(answer.ok).toBe(true);
      return (await a.node.chain.offChainUsage()).headers;
    };
    expect(await from('203.0.113.1', branch)).toBe(1990);
    expect(await from('203.0.113.1', more)).toBe(1990);
    expect(await from('203.0.113.1', more.slice(0, 1))).toBe(1991);
    expect(await from('203.0.113.2', more)).toBe(2010);
    net.clock.advance(1_800_000);
    const third = new Story(net.params);
    third.miner = 'third';
    const late = third.mineMany(20).map(({ block }) => block.header);
    // Half an hour later half of the bucket is there again.
    expect(await from('203.0.113.1', late)).toBe(2030);
  });

  it('a long branch of one that cannot be called is taken piece by piece', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const laptop = await net.add('laptop', { listens: false });
    const blocks = new Story(net.params).mineMany(300);
    await laptop.node.chain.acceptBlocks(blocks.map(({ block }) => block.raw));
    await net.mine(a, 2);
    await laptop.node.gossip.addPeer('a');
    await net.pass(1, 2);
    expect(await heightOf(a)).toBe(300);
  });
});
