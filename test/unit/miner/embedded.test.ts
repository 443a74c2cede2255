/** The miner of a stack and the functions beside it, on one table: these show what that one does. */
import { afterEach, expect, it, vi } from 'vitest';
import { createHandler } from '../../../functions/api.ts';
import type { Node } from '../../../lib/node/types.ts';
import { startEmbedded } from '../../../miner/embedded.ts';
import { easyNetwork, storyKey } from '../../helpers/chain-builder.ts';
import { NodeNet } from '../../helpers/node-net.ts';
import { request } from '../functions/rig.ts';
import { until } from './fake-source.ts';

const mocks = vi.hoisted(() => ({ getHost: vi.fn() }));
vi.mock('../../../functions/host.ts', () => mocks);
afterEach(() => vi.useRealTimers());

const SAY_MS = 10_000;

it('GET /v1/node of a function shows the miner in another process while it runs', async () => {
  const net = new NodeNet({ params: easyNetwork() });
  const { node } = await net.add('own');
  const telemetry = { metric() {}, log: vi.fn(), flush() {} };
  const mining = async (): Promise<{ active: boolean; hashRate: number }> => {
    mocks.getHost.mockResolvedValue({ node, telemetry, finish: async () => {} });
    const handler = createHandler('public', async () => ({ authorize: async () => false }));
    const answer = await handler(request('GET', '/v1/node') as never);
    return JSON.parse((answer as { body: string }).body).mining;
  };
  expect(await mining()).toEqual({ active: false, hashRate: 0, address: null });

  /** Nothing meets the target: it searches for as long as it runs. */
  const template: Node['template'] = async () => {
    const made = await node.template();
    return made.ok ? { ...made, value: { ...made.value, target: 1n } } : made;
  };
  const { clock, random } = node;
  mocks.getHost.mockResolvedValue({ node: { ...node, template }, clock, random, telemetry });
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const payTo = storyKey('miner', net.params);
  const { miner, stop } = await startEmbedded({ kind: 'store', threads: 1, payTo: payTo.script });
  try {
    await until(() => miner.stats().hashRate > 0);
    await vi.advanceTimersByTimeAsync(SAY_MS);
    const shown = await mining();
    expect(shown).toEqual({ active: true, hashRate: expect.any(Number), address: payTo.address });
    expect(shown.hashRate).toBeGreaterThan(0);
  } finally {
    await stop();
  }
  expect(await mining()).toEqual({ active: false, hashRate: 0, address: null });
  expect(telemetry.log).not.toHaveBeenCalled();
  await node.close();
});
