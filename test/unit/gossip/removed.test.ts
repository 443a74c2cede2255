/** A peer that the operator, or the configuration, lets go of leaves nothing behind that counts as one. */
import { describe, expect, it } from 'vitest';
import { ROWS } from '../../../lib/gossip/rows.ts';
import { type NetNode, NodeNet } from '../../helpers/node-net.ts';
import { LOOPBACK, sessionOf } from './stranger.ts';

/** Of three that know each other, each called by and calling the others. */
async function three(): Promise<{ net: NodeNet; a: NetNode }> {
  const net = new NodeNet();
  const a = await net.add('a', { peers: ['b', 'c'] });
  await net.add('b', { peers: ['a'] });
  await net.add('c', { peers: ['a'] });
  await net.pass(1);
  // Both sides have called: a peer's row and a session's each.
  expect(await a.store.list(ROWS.sessions)).toHaveLength(2);
  return { net, a };
}
const shown = async ({ node }: NetNode): Promise<string[]> =>
  (await node.gossip.peers()).map(({ address }) => address).sort();
const idOf = async ({ node }: NetNode, address: string): Promise<string> =>
  (await node.gossip.peers()).find((peer) => peer.address === address)?.id ?? '';

describe('a peer', () => {
  it('that is removed is gone with what it said when it called us, and no other is', async () => {
    const { a } = await three();
    expect(await a.node.gossip.removePeer(await idOf(a, 'b'))).toBe(true);
    expect(await shown(a)).toEqual(['c']);
    expect((await a.node.status()).peers).toBe(1);
    expect(await a.store.list(ROWS.sessions)).toHaveLength(1);
  });

  it('that left the configuration is too', async () => {
    const { net, a } = await three();
    const again = await net.add('a', { store: a.store, peers: ['c'] });
    expect(await shown(again)).toEqual(['c']);
    expect((await again.node.status()).peers).toBe(1);
  });

  it('that calls again after it was removed is one that calls us', async () => {
    const { net, a } = await three();
    await a.node.gossip.removePeer(await idOf(a, 'b'));
    await net.pass(700);
    expect(await shown(a)).toEqual(['', 'c']);
  });

  it('whose URL a stranger claims: what the stranger is blamed for stays', async () => {
    const url = 'https://b.example.com';
    const net = new NodeNet();
    const a = await net.add('a', { peers: [url] });
    const sender = { transport: 'http', key: '203.0.113.7' } as const;
    const from = await sessionOf(net, a, 'liar', { url, sender });
    await a.node.gossip.receive([net.envelope('ping', '', from)], sender);
    expect(await a.node.gossip.peers()).toMatchObject([{ address: url }, { score: 20 }]);
    await a.node.gossip.removePeer(await idOf(a, url));
    expect(await a.store.list(ROWS.sessions)).toEqual([]);
    expect(await a.node.gossip.peers()).toMatchObject([{ address: '', score: 20 }]);
    expect((await a.node.status()).peers).toBe(0);
  });
});

describe('a stranger', () => {
  it('who was blamed for something and never shook hands is shown, and counts as no peer', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const malformed = net.envelope('ping', '', 'stranger');
    expect(await a.node.gossip.receive([malformed], LOOPBACK)).toMatchObject({ ok: false });
    expect(await a.node.gossip.peers()).toMatchObject([{ address: '', score: 20, banned: false }]);
    expect((await a.node.status()).peers).toBe(0);
    // One who did counts.
    await sessionOf(net, a, 'laptop');
    expect((await a.node.status()).peers).toBe(1);
  });
});
