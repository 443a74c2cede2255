/**
 * A chain on a store for tests: fixed clock, plain verifier or one that believes, and the questions
 * that many tests ask. Owns no rule.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLevelStore } from '../../lib/adapters/leveldb-store.ts';
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { createNativeVerifier } from '../../lib/adapters/native-verifier.ts';
import { createNobleVerifier } from '../../lib/adapters/noble-verifier.ts';
import { createChain } from '../../lib/chain/create-chain.ts';
import type { Chain } from '../../lib/chain/types.ts';
import { toHex } from '../../lib/codec/hex.ts';
import { sha256 } from '../../lib/crypto/hash.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import { regtest } from '../../lib/params/index.ts';
import type { Snapshot, Store } from '../../lib/ports/store.ts';
import { withSnapshot } from '../../lib/ports/store.ts';
import type { Verifier } from '../../lib/ports/verifier.ts';
import { scriptHash } from '../../lib/script/p2pkh.ts';
import { COIN_PREFIX, decodeCoin, heightKey, txKey } from '../../lib/store/layout.ts';
import type { BlockHash, Coin, OutpointKey } from '../../lib/types.ts';
import type { Story, StoryBlock } from './chain-builder.ts';

export const verifier: Verifier = createNativeVerifier() ?? createNobleVerifier();

/** A clock that stands until it is moved. */
export class TestClock {
  seconds: number;
  constructor(seconds: number) {
    this.seconds = seconds;
  }
  nowMs(): number {
    return this.seconds * 1000;
  }
}

/** After every block that a regtest story mines. */
export const LATE = 1_900_000_000;

export interface Rig {
  readonly store: Store;
  readonly chain: Chain;
  readonly clock: TestClock;
}

export async function openRig(
  options: { readonly params?: ChainParams; readonly store?: Store; readonly now?: number } = {},
): Promise<Rig> {
  const { params = regtest, now = LATE } = options;
  const clock = new TestClock(now);
  const store = options.store ?? createMemoryStore({ clock });
  const chain = createChain({ params, store, clock, verifier });
  await chain.init();
  return { store, chain, clock };
}

/** Both stores that a laptop has: `open` gives an empty one. */
export const STORES: readonly {
  readonly name: string;
  open(): Promise<{ store: Store; done(): Promise<void> }>;
}[] = [
  {
    name: 'memory',
    open: async () => {
      const store = createMemoryStore();
      return { store, done: () => store.close() };
    },
  },
  {
    name: 'LevelDB',
    open: async () => {
      const dir = await mkdtemp(join(tmpdir(), 'stackchain-chain-'));
      const store = await openLevelStore(dir);
      return {
        store,
        done: async () => {
          await store.close();
          await rm(dir, { recursive: true, force: true });
        },
      };
    },
  },
];

export async function acceptAll(
  chain: Chain,
  blocks: readonly StoryBlock[],
  options: { readonly asked?: boolean } = {},
): Promise<string[]> {
  const statuses: string[] = [];
  for (const { block } of blocks) {
    const outcome = await chain.acceptBlock(block.raw, { asked: options.asked ?? true });
    statuses.push(outcome.status === 'rejected' ? outcome.reject.reason : outcome.status);
  }
  return statuses;
}

export const tipHash = async (chain: Chain): Promise<BlockHash> => (await chain.tip()).entry.hash;

/** Every coin of the story's chain up to `at`, by replay from genesis. */
export function replayCoins(at: StoryBlock): Map<OutpointKey, Coin> {
  const path: StoryBlock[] = [];
  for (let block: StoryBlock | undefined = at; block !== undefined; block = block.parent) {
    path.unshift(block);
  }
  const coins = new Map<OutpointKey, Coin>();
  for (const { effects } of path) {
    for (const { outpoint, coin } of effects.created) coins.set(outpoint, coin);
    for (const { outpoint } of effects.spent) coins.delete(outpoint);
  }
  return coins;
}

const lineOf = (outpoint: string, coin: Coin): string =>
  `${outpoint} ${coin.value} ${coin.height} ${coin.coinbase} ${toHex(coin.scriptPubKey)}`;

export const replayLines = (at: StoryBlock): string[] =>
  [...replayCoins(at)].map(([outpoint, coin]) => lineOf(outpoint, coin)).sort();

/** All coins of the addresses that the story has keys for, as the store shows them. */
export async function coinLines(store: Store, scripts: readonly Uint8Array[]): Promise<string[]> {
  return withSnapshot(store, async (snapshot) => {
    const lines: string[] = [];
    for (const script of new Set(scripts.map((bytes) => scriptHash(bytes)))) {
      const rows = await snapshot.range(`A#${script}`, { prefix: COIN_PREFIX, limit: 10_000 });
      for (const row of rows) {
        lines.push(lineOf(row.sk.slice(COIN_PREFIX.length), decodeCoin(row.value)));
      }
    }
    return lines.sort();
  });
}

/** Scripts that any of the blocks pays to. */
export const scriptsOf = (blocks: readonly StoryBlock[]): Uint8Array[] => [
  ...new Map(
    blocks
      .flatMap(({ effects }) => effects.created)
      .map(({ coin }) => [toHex(coin.scriptPubKey), coin.scriptPubKey]),
  ).values(),
];

/** Everything of the chain cells that the blocks concern: for comparing whole states. */
export async function stateDigest(store: Store, blocks: readonly StoryBlock[]): Promise<string> {
  return withSnapshot(store, async (snapshot) => {
    const lines = await stateLines(snapshot, blocks);
    return toHex(sha256(new TextEncoder().encode(lines.join('\n'))));
  });
}

export async function stateLines(
  snapshot: Snapshot,
  blocks: readonly StoryBlock[],
): Promise<string[]> {
  const lines = [`head ${toHex(snapshot.head ?? new Uint8Array(0))}`];
  for (const script of scriptsOf(blocks)) {
    for (const row of await snapshot.range(`A#${scriptHash(script)}`, { limit: 10_000 })) {
      lines.push(`${row.pk} ${row.sk} ${toHex(row.value)}`);
    }
  }
  const heights = blocks.map(({ entry }) => entry.height);
  const txids = blocks.flatMap(({ block }) => block.txs.map(({ txid }) => txid));
  const outpoints = blocks.flatMap(({ effects }) => effects.spent.map(({ outpoint }) => outpoint));
  const keys = [
    ...[...new Set(heights)].map(heightKey),
    ...[...new Set(txids)].map(txKey),
    ...[...new Set(outpoints)].map((outpoint) => ({ pk: `S#${outpoint}`, sk: '-' })),
  ];
  for (const [i, row] of (await snapshot.getMany(keys)).entries()) {
    lines.push(`${keys[i]?.pk} ${keys[i]?.sk} ${row === undefined ? '-' : toHex(row.value)}`);
  }
  return lines.sort();
}

/** A story's blocks with payments in them: `length` blocks on `on`, coinbases matured first. */
export function busyChain(
  story: Story,
  options: { readonly on: StoryBlock; readonly length: number; readonly tag: string },
): StoryBlock[] {
  const blocks: StoryBlock[] = [];
  let on = options.on;
  let coin: string | undefined;
  for (let i = 0; i < options.length; i++) {
    const name = `${options.tag}${i}`;
    const txs = [];
    const ripe = ripeCoinbase(on, story.params.maturity);
    const from = coin ?? (ripe === undefined ? undefined : `${ripe}:0`);
    if (from !== undefined) {
      const first = story.pay({
        name: `${name}x`,
        from,
        to: `${options.tag}-payee`,
        sats: 1000 + i,
      });
      const second = story.pay({ name: `${name}y`, from: `${name}x:1`, to: 'other', sats: 500 });
      txs.push(first, second);
      coin = `${name}y:1`;
    }
    on = story.mine({ name, on, txs, payTo: `${options.tag}-miner` });
    blocks.push(on);
  }
  return blocks;
}

/** A coinbase of the chain that may be spent in the next block and was not yet. */
function ripeCoinbase(at: StoryBlock, maturity: number): string | undefined {
  const spent = new Set<string>();
  for (let block: StoryBlock | undefined = at; block !== undefined; block = block.parent) {
    for (const { outpoint } of block.effects.spent) spent.add(outpoint);
  }
  for (let block: StoryBlock | undefined = at; block?.parent !== undefined; block = block.parent) {
    const [coinbase] = block.effects.created;
    if (coinbase === undefined || spent.has(coinbase.outpoint)) continue;
    if (at.entry.height + 1 - block.entry.height >= maturity) return block.name;
  }
  return undefined;
}
