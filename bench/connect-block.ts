/**
 * Rules alone: a full block of 1-in-2-out payments decoded, checked and connected, the curve's
 * arithmetic left out; on top of 1,000 and of 100,000 coins in one run, and against hashing alone.
 *
 *   npx node bench/connect-block.ts [--txs 4000] [--rounds 15]
 */
import { parseArgs } from 'node:util';
import { decodeBlock } from '../lib/codec/block.ts';
import { checkBlock } from '../lib/consensus/check-block.ts';
import { connectBlock } from '../lib/consensus/connect.ts';
import { childEntry } from '../lib/consensus/context.ts';
import type { CoinView } from '../lib/consensus/types.ts';
import { hash256 } from '../lib/crypto/hash.ts';
import type { Coin, OutpointKey, Sats, Txid } from '../lib/types.ts';
import { toOutpointKey } from '../lib/types.ts';
import { Story, type StoryBlock } from '../test/helpers/chain-builder.ts';

const { values } = parseArgs({
  options: {
    txs: { type: 'string', default: '4000' },
    rounds: { type: 'string', default: '15' },
  },
});
const count = Number(values.txs);
const rounds = Number(values.rounds);
const MATURITY = 100;
/** P2PKH outputs of one transaction that splits a coinbase. */
const SPLIT = 5000;

function fullBlock(story: Story): { raw: Uint8Array; parent: StoryBlock } {
  story.miner = 'alice';
  story.mineMany(MATURITY + 1);
  const outputs = Array.from({ length: Math.min(count, SPLIT) }, () => ({
    to: 'alice',
    sats: 9000,
  }));
  const split = story.spend({ name: 'split', inputs: ['b1:0'], outputs });
  const parent = story.mine({ txs: [split] });
  process.stderr.write(`signing ${outputs.length} payments\n`);
  const txs = outputs.map((_, i) =>
    story.pay({ from: `split:${i}`, to: 'bob', sats: 5000, fee: 226 }),
  );
  return { raw: story.build({ txs }).raw, parent };
}

/** The coins of the story's tip among many others. */
function viewOf(parent: StoryBlock, others: number): CoinView {
  const coins = new Map<OutpointKey, Coin>();
  const [first] = parent.effects.created;
  if (first === undefined) throw new Error('no coins');
  for (let i = 0; i < others; i++) {
    const txid = i.toString(16).padStart(64, '0') as Txid;
    coins.set(toOutpointKey(txid, 0), { ...first.coin, value: i as Sats });
  }
  for (const { outpoint, coin } of parent.effects.created) coins.set(outpoint, coin);
  return { coin: (outpoint) => coins.get(outpoint), medianTimePast: () => 0 };
}

const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] as number;

function timed(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

const story = new Story();
const { raw, parent } = fullBlock(story);
const must = <T>(verdict: { ok: true; value: T } | { ok: false; reject: unknown }): T => {
  if (!verdict.ok) throw new Error(JSON.stringify(verdict.reject));
  return verdict.value;
};
const block = must(decodeBlock(raw));
const entry = childEntry(block.header, parent.entry, story.params);
const views = { '1,000': viewOf(parent, 1000), '100,000': viewOf(parent, 100_000) };
const steps: Record<string, () => unknown> = {
  decode: () => must(decodeBlock(raw)),
  check: () => must(checkBlock(block, story.params)),
  ...Object.fromEntries(
    Object.entries(views).map(([coins, view]) => [
      `connect on ${coins} coins`,
      () => must(connectBlock(block, entry, parent.entry, view, story.params)),
    ]),
  ),
  'hash256 of each transaction': () => block.txs.map((tx) => hash256(tx.raw)),
};
const times = new Map<string, number[]>(Object.keys(steps).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, step] of Object.entries(steps)) times.get(name)?.push(timed(step));
}
const { txs } = block;
console.log(`block of ${txs.length} transactions, ${raw.length} bytes; median of ${rounds} rounds`);
const hashing = median(times.get('hash256 of each transaction') ?? []);
for (const [name, all] of times) {
  const ms = median(all);
  const rate = Math.round((txs.length / ms) * 1000).toLocaleString('en');
  const ratio = (ms / hashing).toFixed(2);
  console.log(
    `${name.padEnd(28)} ${ms.toFixed(1).padStart(7)} ms ${rate.padStart(9)} tx/s  ${ratio} x hashing`,
  );
}
const [few, many] = ['1,000', '100,000'].map((coins) =>
  median(times.get(`connect on ${coins} coins`) ?? []),
) as [number, number];
console.log(`100,000 coins over 1,000: ${(many / few).toFixed(2)}`);
