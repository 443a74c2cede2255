/**
 * Kill -9 of a real node under load, again and again: whatever was on the disk at that moment is
 * whole, and the coins are those that a replay of its blocks from genesis gives.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readToken } from '../../cli/host/data-dir.ts';
import { openLevelStore } from '../../lib/adapters/leveldb-store.ts';
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { createVerifier } from '../../lib/adapters/verifier.ts';
import { createChain } from '../../lib/chain/create-chain.ts';
import type { Chain } from '../../lib/chain/types.ts';
import { decodeBlock } from '../../lib/codec/index.ts';
import { regtest } from '../../lib/params/index.ts';
import type { Store } from '../../lib/ports/store.ts';
import { silentTelemetry } from '../../lib/ports/telemetry.ts';
import { scriptHash } from '../../lib/script/index.ts';
import type { ScriptHash } from '../../lib/types.ts';
import { cli, ok, tempDir } from '../helpers/cli.ts';
import { StackchainProcess, waitFor } from '../helpers/stackchain-process.ts';

const ROUNDS = 10;
/** Killed so long after the n-th block: spread over the time that a block and a payment take. */
const LATER_MS_MAX = 60;
const ADDRESSES = 4;

const verifier = createVerifier();
const chainOn = (store: Store): Chain =>
  createChain({ params: regtest, store, clock: systemClock, verifier, telemetry: silentTelemetry });

async function rawBlocks(chain: Chain): Promise<Uint8Array[]> {
  const { entry } = await chain.tip();
  const raws: Uint8Array[] = [];
  for (let height = 1; height <= entry.height; height++) {
    const hash = await chain.view((view) => view.hashAt(height));
    const raw = hash && (await chain.blockRaw(hash));
    if (raw === undefined) throw new Error(`no block at height ${height} of ${entry.height}`);
    raws.push(raw);
  }
  return raws;
}

/** Every coin of these scripts as text, sorted, and what the scripts ever got and gave. */
async function coinsOf(chain: Chain, scripts: Iterable<ScriptHash>): Promise<string[]> {
  const lines: string[] = [];
  for (const script of scripts) {
    const [coins, totals] = await chain.view((view) =>
      Promise.all([view.addressCoins(script, { limit: 10_000 }), view.addressTotals(script)]),
    );
    for (const { outpoint, coin } of coins) {
      lines.push(
        `${outpoint.txid}:${outpoint.vout} ${coin.value} ${coin.height} ${coin.coinbase} ${script}`,
      );
    }
    lines.push(`${script} ${JSON.stringify(totals)}`);
  }
  return lines.sort();
}

/** Opens what the killed process left, replays its blocks in memory and compares. */
async function checkAgainstReplay(dir: string): Promise<number> {
  const store = await openLevelStore(join(dir, 'chain'));
  try {
    const chain = chainOn(store);
    await chain.init();
    const raws = await rawBlocks(chain);
    const replay = chainOn(createMemoryStore());
    await replay.init();
    const scripts = new Set<ScriptHash>();
    for (const raw of raws) {
      const outcome = await replay.acceptBlock(raw, { asked: true });
      expect(outcome.status).toBe('tip');
      const block = decodeBlock(raw);
      if (!block.ok) throw new Error('a stored block is no block');
      for (const { outputs } of block.value.txs) {
        for (const { scriptPubKey } of outputs) scripts.add(scriptHash(scriptPubKey));
      }
    }
    expect((await chain.tip()).entry.hash).toBe((await replay.tip()).entry.hash);
    expect(await coinsOf(chain, scripts)).toEqual(await coinsOf(replay, scripts));
    return raws.length;
  } finally {
    await store.close();
  }
}

/** Blocks and payments as fast as the node takes them, until it is gone. */
function load(url: string, token: string, addresses: readonly string[]) {
  let mined = 0;
  let paid = 0;
  const post = async (path: string, body: unknown): Promise<boolean> => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await response.text();
    return response.ok;
  };
  const mine = async (): Promise<void> => {
    for (let i = 0; ; i++) {
      const ok = await post('/v1/mine', { blocks: 1, address: addresses[i % ADDRESSES] });
      if (ok) mined++;
    }
  };
  const pay = async (): Promise<void> => {
    for (let i = 0; ; i++) {
      const to = addresses[(i + 1) % ADDRESSES];
      const body = { to, amountSats: 100_000 + i };
      if (await post(`/v1/wallets/${addresses[0]}/send`, body)) paid++;
    }
  };
  const gone = Promise.allSettled([mine(), pay()]);
  return { gone, mined: () => mined, paid: () => paid };
}

test('a node killed under load again and again is whole each time', async () => {
  const dir = tempDir();
  const at = ['--data-dir', dir, '--network', 'regtest'];
  const addresses: string[] = [];
  for (let i = 0; i < ADDRESSES; i++) {
    addresses.push(((await ok(['create-wallet', ...at]))[0] ?? '').slice('New address: '.length));
  }
  const [first = ''] = addresses;
  await ok(['init-blockchain', '--address', first, ...at]);
  await ok(['generate', '110', '--address', first, ...at]);
  let height = 110;
  let answered = height;
  let paid = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const node = new StackchainProcess(['up', '--no-mining', '--port', '0', ...at]);
    try {
      await node.line(/^Press /);
      const url = (await node.line(/^My host: /)).slice('My host: '.length);
      const loading = load(url, readToken(dir) ?? '', addresses);
      const blocks = 1 + (round % 4);
      // In the first round a payment as well, or a slow machine might never answer one in time.
      const isLoaded = (): boolean =>
        loading.mined() >= blocks && (round > 0 || loading.paid() > 0);
      await waitFor(() => (isLoaded() ? true : undefined), 120_000);
      const laterMs = (LATER_MS_MAX * ((round * 7) % ROUNDS)) / ROUNDS;
      await new Promise((resolve) => setTimeout(resolve, laterMs));
      expect((await node.end('SIGKILL')).signal).toBe('SIGKILL');
      await loading.gone;
      paid += loading.paid();
      answered = height + loading.mined();
    } finally {
      if (node.child.exitCode === null && node.child.signalCode === null) await node.end('SIGKILL');
    }
    const now = await checkAgainstReplay(dir);
    // What was answered is durable; a block more may have been on its way.
    expect(now).toBeGreaterThanOrEqual(answered);
    height = now;
  }
  expect(paid).toBeGreaterThan(0);
  // The stale node.json is passed over, and the mempool of the dead process mined.
  expect((await cli(['generate', '1', '--address', first, ...at])).code).toBe(0);
  expect(await checkAgainstReplay(dir)).toBe(height + 1);
});
