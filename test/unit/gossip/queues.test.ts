/** Stacks among each other: a queue that is told, a URL that is asked, and nothing twice. */
import { describe, expect, it } from 'vitest';
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

describe('one that was out of reach', () => {
  const isOf = (name: string) => (address: string) => address.includes(name);
  const expectOneTip = async (net: StackNet): Promise<void> => {
    const [first, ...others] = await Promise.all(net.stacks.map(tipOf));
    for (const tip of others) expect(tip).toBe(first);
  };

  it('is told of the next block once it has called, before any tick of the others', async () => {
    const net = await three();
    net.breaks = isOf('node1');
    await net.mine(0, 60, 'alice');
    expect(await tipOf(net.stack(1))).not.toBe(await tipOf(net.stack(0)));
    net.breaks = () => false;
    net.net.clock.advance(600_000);
    await net.stack(1).node.tick();
    await expectOneTip(net);
    await net.mine(0, 0, 'alice');
    await expectOneTip(net);
  });

  it('is told over its queue while nobody gets through to its URL', async () => {
    const net = await three();
    net.breaks = (address) => address === net.stack(1).url;
    await net.tick(900);
    await net.mine(0, 60, 'alice');
    await expectOneTip(net);
  });

  it('is told again once it has said something, however long it was silent', async () => {
    const net = await three();
    net.breaks = isOf('node1');
    for (let i = 0; i < 12; i++) {
      net.net.clock.advance(900_000);
      for (const i of [0, 2]) await net.stack(i).node.tick();
    }
    net.breaks = () => false;
    await net.mine(1, 1, 'alice');
    await net.mine(0, 0, 'alice');
    await expectOneTip(net);
  });

  it('is asked by the next sync, before any tick', async () => {
    const net = await three();
    // What 1 hears is nothing, and whom it calls does not answer.
    net.breaks = () => true;
    net.net.clock.advance(900_000);
    await net.stack(1).node.tick();
    net.breaks = isOf('node1');
    await net.mine(0, 0, 'alice');
    net.breaks = () => false;
    net.net.clock.advance(10_000);
    const deadline = net.net.clock.nowMs() + 60_000;
    expect(await net.stack(1).node.gossip.sync(deadline)).toBe(false);
    await expectOneTip(net);
  });
});
