/** The miner on the real HTTP face of a real chain: what one side writes the other reads. */

import type { AddressInfo } from 'node:net';
import { type ServerType, serve } from '@hono/node-server';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../../lib/adapters/system-clock.ts';
import { systemRandom } from '../../../lib/adapters/system-random.ts';
import { createApp } from '../../../lib/api/app.ts';
import { toHex } from '../../../lib/codec/hex.ts';
import type { Node } from '../../../lib/node/types.ts';
import { silentTelemetry } from '../../../lib/ports/telemetry.ts';
import { generateBlocks } from '../../../miner/generate.ts';
import { createMiner } from '../../../miner/miner.ts';
import { pause } from '../../../miner/pause.ts';
import { createRpcSource } from '../../../miner/rpc-source.ts';
import { easyNetwork } from '../../helpers/chain-builder.ts';
import { must } from '../../helpers/vectors.ts';
import { PAY_TO, until } from './fake-source.ts';
import { type SmallNode, smallNode } from './small-node.ts';

const TOKEN = 'a-token';
/** Some hundred thousand hashes a block. */
const params = easyNetwork({ powLimitBits: 0x1e40_0000, powLimit: 0x4000n << 224n });
const servers: ServerType[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  }
});

async function served(node: SmallNode, sleep = pause): Promise<string> {
  const app = createApp({
    // The rows that a miner asks need no gossip.
    node: { ...node, params } as unknown as Node,
    authorize: async ({ bearer, password }) => bearer === TOKEN || password === TOKEN,
    hosts: 'any',
    clientKey: () => 'test',
    waitMsMax: 20_000,
    sleep,
  });
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  servers.push(server);
  await until(() => server.address() !== null);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

it.each([
  ['a bearer token', { token: TOKEN }],
  ['Basic auth', { user: 'anyone', password: TOKEN }],
])('mines a chain over JSON-RPC with %s', async (_, credentials) => {
  const node = await smallNode(params, systemClock);
  const url = await served(node);
  const miner = createMiner({
    source: createRpcSource({ url, credentials }),
    payTo: PAY_TO,
    threads: 2,
    clock: systemClock,
    random: systemRandom,
    telemetry: silentTelemetry,
  });
  miner.start();
  await until(() => miner.stats().found >= 3, 60_000);
  await miner.stop();
  expect(miner.stats()).toMatchObject({ stale: 0, rejected: 0 });
  const { entry: tip } = await node.chain.tip();
  expect(tip.height).toBeGreaterThanOrEqual(3);
  const coinbase = (await node.chain.block(tip.hash))?.txs[0];
  expect(coinbase?.outputs[0]?.scriptPubKey).toEqual(PAY_TO);
  // The network's mark stands in the coinbase, as in one that the node made itself.
  const mark = params.genesisHash.slice(0, 16);
  expect(toHex(coinbase?.inputs[0]?.scriptSig ?? new Uint8Array())).toContain(mark);
});

it('a long poll is answered as soon as the tip moves', async () => {
  const node = await smallNode(params, systemClock);
  // A wait without an end of its own: only the tip's move can end it.
  const untilWoken: typeof pause = (_ms, signal) => pause(2 ** 31 - 1, signal);
  const url = await served(node, untilWoken);
  const source = createRpcSource({ url, credentials: { token: TOKEN } });
  const { id } = await source.template();
  const waiting = source.template({ knownId: id });
  await until(() => node.calls.ids > 0);
  must(await generateBlocks({ node, count: 1, payTo: PAY_TO, threads: 0 }));
  expect((await waiting).height).toBe(2);
});

it('wrong credentials are said', async () => {
  const url = await served(await smallNode(params, systemClock));
  const source = createRpcSource({ url, credentials: { token: 'wrong' } });
  await expect(source.template()).rejects.toThrow('refuses the user and password');
});
