/** An app on a fake node, with a token, a wallet and a host whose answers a test can set. */
import type { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import { expect } from 'vitest';
import { createApp } from '../../../lib/api/app.ts';
import { ProblemSchema } from '../../../lib/api/schemas.ts';
import type { AppOptions } from '../../../lib/api/types.ts';
import { encodeAddress } from '../../../lib/codec/index.ts';
import { regtest } from '../../../lib/params/index.ts';
import { matchP2pkh } from '../../../lib/script/index.ts';
import type { BlockHash, Sats } from '../../../lib/types.ts';
import { valid } from '../../../lib/types.ts';
import type { BuiltTx, WalletService } from '../../../lib/wallet/types.ts';
import { OUR_SCRIPT, spend } from './fake-chain.ts';
import { createFakeNode, type FakeNode } from './fake-node.ts';

export const TOKEN = 'ab'.repeat(32);
export const BEARER = { Authorization: `Bearer ${TOKEN}` };
export const BASIC = { Authorization: `Basic ${btoa(`__cookie__:${TOKEN}`)}` };
export const JSON_TYPE = { 'Content-Type': 'application/json' };
export const OURS = encodeAddress(matchP2pkh(OUR_SCRIPT) as Uint8Array, regtest.addressVersion);
export const OTHER = encodeAddress(new Uint8Array(20).fill(7), regtest.addressVersion);

export interface Harness extends FakeNode {
  readonly app: Hono;
  readonly reports: unknown[];
  readonly sleeps: number[];
  readonly wallet: {
    sends: number;
    made: number;
    result: Awaited<ReturnType<WalletService['send']>>;
  };
}

export function createHarness(overrides: Partial<AppOptions> & { blocks?: number } = {}): Harness {
  const { blocks, ...options } = overrides;
  const fake = createFakeNode(blocks === undefined ? {} : { blocks });
  const reports: unknown[] = [];
  const sleeps: number[] = [];
  const tx = spend(fake.blocks[2]?.block.txs[0] as Parameters<typeof spend>[0], 0, 1000n);
  const built: BuiltTx = { tx, txid: tx.txid, feeSats: 226 as Sats, changeSats: 5 as Sats };
  const wallet: Harness['wallet'] = { sends: 0, made: 0, result: valid(built) };
  const app = createApp({
    node: fake.node,
    wallet: fakeWallet(wallet),
    authorize: async ({ bearer, user, password }) =>
      bearer === TOKEN || (user === '__cookie__' && password === TOKEN),
    hosts: 'loopback',
    clientKey: () => '203.0.113.7',
    mining: () => ({ active: true, hashRate: 1000, address: OURS }),
    generate: async (count) =>
      valid(Array.from({ length: count }, (_, i) => `${i}`.padStart(64, '0') as BlockHash)),
    waitMsMax: 2000,
    async sleep(ms) {
      sleeps.push(ms);
      fake.script.nowMs += ms;
    },
    metrics: () => '# TYPE stackchain_tip_height gauge\nstackchain_tip_height 12\n',
    report: (error) => reports.push(error),
    ...options,
  });
  return { ...fake, app, reports, sleeps, wallet };
}

function fakeWallet(state: Harness['wallet']): WalletService {
  const addresses = [OURS];
  const keystore: Partial<WalletService['keystore']> = {
    async newAddress() {
      state.made += 1;
      return { address: OTHER, path: `m/44'/1'/0'/0/${state.made}` };
    },
    addresses: async () => addresses,
    has: async (address) => address === OURS,
  };
  const service: Partial<WalletService> = {
    keystore: keystore as WalletService['keystore'],
    async send() {
      state.sends += 1;
      return state.result;
    },
  };
  return service as WalletService;
}

export const post = (body: unknown, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { ...JSON_TYPE, ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** `status code` of a problem, checked against its schema. */
export async function codeOf(response: Response): Promise<string> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const json = await response.json();
  expect(ProblemSchema.safeParse(json).error).toBeUndefined();
  const problem = json as { status: number; code: string };
  expect(problem.status).toBe(response.status);
  return `${problem.status} ${problem.code}`;
}

/** The JSON of an answer with that status, checked against a schema. */
// biome-ignore lint/suspicious/noExplicitAny: shapes are what a test looks at
export async function body(response: Response, status: number, schema?: z.ZodType): Promise<any> {
  const text = await response.text();
  expect(`${response.status} ${text}`).toMatch(new RegExp(`^${status} `));
  const json = JSON.parse(text);
  if (schema !== undefined) expect(schema.safeParse(json).error).toBeUndefined();
  return json;
}
