/** A sync that was killed holds its lease; a host that knows that it is dead goes on at once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openNode } from '../../../cli/host/open-node.ts';
import { regtest } from '../../../lib/params/index.ts';
import { heightOf, NodeNet } from '../../helpers/node-net.ts';

const BLOCKS = 30;
const never = new Promise<never>(() => undefined);

it('what a killed process held is given up by who takes over, and only so', async () => {
  let isHanging = false;
  let tell = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const net = new NodeNet({
    fault: (passage, deliver) => {
      const isFetching = passage.envelopes.some(({ type }) => type === 'getdata');
      if (!isHanging || passage.from !== 'b' || !isFetching) return deliver();
      tell();
      return never;
    },
  });
  const a = await net.add('a');
  await net.mine(a, BLOCKS);
  const killed = await net.add('b', { peers: ['a'], listens: false });
  const deadline = net.clock.nowMs() + 300_000;
  isHanging = true;
  killed.node.gossip.sync(deadline).catch(() => undefined);
  await asked;
  isHanging = false;
  const b = await net.add('b', { peers: ['a'], listens: false, store: killed.store });
  expect(await b.node.gossip.sync(deadline)).toBe(false);
  expect(await heightOf(b), 'single while the lease holds').toBe(0);
  await b.node.gossip.takeOver();
  await b.node.gossip.sync(deadline);
  expect(await heightOf(b)).toBe(BLOCKS);
});

it('who opens the files of a data directory takes over', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'stackchain-take-over-'));
  const options = { dir, params: regtest, name: 'laptop' };
  const held = [
    { pk: 'G#self', sk: 'sync' },
    { pk: 'G#lease', sk: '00' },
  ];
  const first = await openNode(options);
  const value = new TextEncoder().encode('{"owner":"dead","until":9999999999}');
  await first.node.store.put(held.map((key) => ({ ...key, value, nonce: 'n' })));
  await first.close();
  const second = await openNode(options);
  expect(await second.node.store.read(held)).toEqual([undefined, undefined]);
  await second.close();
  await rm(dir, { recursive: true, force: true });
});
