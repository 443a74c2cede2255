/** The app on the real node, and beside it a story on the same store that mines and pays. */
import type { Hono } from 'hono';
import { openMemoryKeystore } from '../../../lib/adapters/keystore.ts';
import { createVerifier } from '../../../lib/adapters/verifier.ts';
import { createApp } from '../../../lib/api/app.ts';
import { createNode } from '../../../lib/node/create-node.ts';
import { createWalletService } from '../../../lib/node/wallet-service.ts';
import type { ChainParams } from '../../../lib/params/index.ts';
import { generateBlocks } from '../../../miner/generate.ts';
import { easyNetwork } from '../../helpers/chain-builder.ts';
import { countingRandom, MempoolWorld } from '../../helpers/mempool-world.ts';
import { BEARER, JSON_TYPE, TOKEN } from './harness.ts';

export interface RealApp {
  readonly app: Hono;
  readonly world: MempoolWorld;
  readonly reports: unknown[];
  get(path: string, status?: number): Promise<unknown>;
  text(path: string, status?: number): Promise<string>;
  post(path: string, body: unknown, status?: number): Promise<unknown>;
  rpc(method: string, ...params: unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

/** Reorganisations of any depth, coinbases spendable two blocks later. */
const NETWORK = (): ChainParams => easyNetwork({ maturity: 2, reorgLimit: 0 });

export async function openReal(
  options: { blocks?: number; params?: ChainParams } = {},
): Promise<RealApp> {
  const { blocks = 0, params = NETWORK() } = options;
  const world = await MempoolWorld.open({ params, blocks });
  const { clock, store } = world;
  const node = await createNode({
    params: world.story.params,
    name: 'real',
    store,
    clock,
    random: countingRandom('node'),
    verifier: createVerifier(),
  });
  const keystore = await openMemoryKeystore(world.story.params);
  const reports: unknown[] = [];
  const app = createApp({
    node,
    wallet: createWalletService({ node, keystore }),
    authorize: async ({ bearer, password }) => bearer === TOKEN || password === TOKEN,
    hosts: 'loopback',
    clientKey: () => '203.0.113.7',
    generate: (count, payTo) => generateBlocks({ node, count, payTo, threads: 0 }),
    waitMsMax: 1000,
    sleep: async (ms) => clock.advance(ms),
    report: (error) => reports.push(error),
  });
  const ask = async (path: string, status: number, init: RequestInit = {}): Promise<string> => {
    const response = await app.request(path, { ...init, headers: { ...BEARER, ...JSON_TYPE } });
    const body = await response.text();
    if (response.status !== status) throw new Error(`${path}: ${response.status} ${body}`);
    return body;
  };
  const post = async (path: string, body: unknown, status = 200): Promise<unknown> =>
    JSON.parse(await ask(path, status, { method: 'POST', body: JSON.stringify(body) }));
  return {
    app,
    world,
    reports,
    text: (path, status = 200) => ask(path, status),
    get: async (path, status = 200) => JSON.parse(await ask(path, status)),
    post,
    async rpc(method, ...params) {
      const body = JSON.stringify([{ method, params }]);
      const [answer] = JSON.parse(await ask('/rpc', 200, { method: 'POST', body }));
      if (answer.error !== null) throw new Error(`${answer.error.code} ${answer.error.message}`);
      return answer.result;
    },
    async close() {
      await keystore.close();
      await world.close();
    },
  };
}
