/** Stacks among each other: a queue that is told, a URL that is asked, and nothing twice. */
import { expect, it } from 'vitest';
import { putPeer } from '../../../lib/gossip/peers.ts';
import { ROWS } from '../../../lib/gossip/rows.ts';
import { tipOf } from '../../helpers/node-net.ts';
import { openMemory, StackNet } from '../../helpers/stack-net.ts';

async function three(): Promise<StackNet> {
  const net = new StackNet(openMemory);
  await net.open(3);
  // Handshakes: each hears from the others at which URLs they are, and where the third is.
  for (let i = 0; i < 3; i++) await net.tick(300);
  net.take();
  return net;
}

it('knows each peer once, though it hears of its URL too', async () => {
  const net = await three();
  for (const { node } of net.stacks) {
    const peers = await node.gossip.peers();
    expect(peers.filter(({ transport }) => transport === 'sqs')).toHaveLength(2);
    expect((await node.store.list(ROWS.peers)).length).toBe(2);
  }
});

it('a block goes over the queues alone: once to each, and once more to who has it already', async () => {
  const net = await three();
  const block = await net.mine(0, 60, 'alice');
  const use = net.take();
  for (const stack of net.stacks) expect(await tipOf(stack)).toBe(block.header.hash);
  expect(use).toMatchObject({ messages: 4 / 3, inboxCalls: 4 / 3, publicCalls: 0 });
});

it('a peer that was learned by its URL is that peer when its line comes', async () => {
  const net = new StackNet(openMemory);
  const store = await openMemory('node0', net.net.clock);
  const tools = {
    store: store.store,
    random: { bytes: (n: number) => new Uint8Array(n) },
    now: () => Math.floor(net.net.clock.nowMs() / 1000),
  };
  const url = 'https://node1.example.com';
  await putPeer(tools, { address: url, url, name: '' }, 'learned');
  await net.net.add('node0', { store: store.store });
  expect((await store.store.list(ROWS.peers)).length).toBe(1);
  const { genesisHash: genesis, name: network } = net.net.params;
  const queue = 'arn:aws:sqs:us-east-1:000000000000:node1';
  await net.net.add('node0', {
    store: store.store,
    peers: [JSON.stringify({ network, genesis, name: 'node1', url, queue, roles: [] })],
  });
  const rows = await store.store.list(ROWS.peers);
  expect(rows.map(({ value }) => JSON.parse(new TextDecoder().decode(value)).address)).toEqual([
    queue,
  ]);
});
