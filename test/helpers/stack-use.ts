/**
 * What one stack of three uses for a tick, a block and a transaction, counted on DynamoDB's
 * emulator. Used by bench/prices.ts and by the test that holds its figures.
 */
import { createEmbeddedSource } from '../../lib/node/embedded-source.ts';
import { createMinerWords } from '../../lib/node/miner-words.ts';
import { nowSeconds } from '../../lib/ports/clock.ts';
import type { Outpoint } from '../../lib/types.ts';
import { storyKey } from './chain-builder.ts';
import type { RunningDynamo } from './dynamodb.ts';
import { combine, NO_USE, openTables, StackNet, type StackUse } from './stack-net.ts';

export interface MeasuredUse {
  /** A call of `tick` while nothing happens, and what it makes the others do. */
  readonly idleTick: StackUse;
  /** A block with its coinbase alone, found by each of the three in turn. */
  readonly emptyBlock: StackUse;
  /** A 1-in-2-out payment from a post to one of the three until it is confirmed on all. */
  readonly payment: StackUse;
  /** Bytes that its table holds more than before, for good: what the mempool held is gone. */
  readonly blockBytes: number;
  readonly paymentBytes: number;
  /** Read units of a second in which an embedded miner waits for other work, and of new work. */
  readonly minerSecond: number;
  readonly minerWork: number;
  /** Write units of a minute in which it mines: that it says so. */
  readonly minerMinute: number;
}

const STACKS = 3;
const ROUNDS = 6;
const TXS_PER_BLOCK = 10;
const SPACING_SECONDS = 60;
export const TICK_SECONDS = 300;
const FEE = 1000;
const COIN = 1_000_000;

const shared = (use: StackUse, count: number): StackUse => combine(use, NO_USE, (a) => a / count);

export async function measureStackUse(dynamo: RunningDynamo): Promise<MeasuredUse> {
  const net = new StackNet(openTables(dynamo));
  await net.open(STACKS);
  let name = 0;
  const fresh = (): string => `k${name++}`;
  for (let i = 0; i < 2; i++) await net.tick(1);
  const coinbase = (await net.mine(0, SPACING_SECONDS, 'rich')).txs[0];
  if (coinbase === undefined) throw new Error('assertion failed: a block without a coinbase');
  await net.mine(1, SPACING_SECONDS, fresh());
  const owners = Array.from({ length: ROUNDS * TXS_PER_BLOCK }, fresh);
  const funding = net.pay(
    { txid: coinbase.txid, vout: 0 },
    'rich',
    owners.map((to) => ({ to, sats: COIN })),
  );
  await net.post(0, funding);
  await net.mine(2, SPACING_SECONDS, fresh());

  for (let i = 0; i < 2; i++) await net.tick(TICK_SECONDS);
  net.take();
  for (let i = 0; i < ROUNDS; i++) await net.tick(TICK_SECONDS);
  const idleTick = shared(net.take(), ROUNDS);

  const before = await net.bytes();
  net.take();
  for (let i = 0; i < ROUNDS; i++) await net.mine(i, SPACING_SECONDS, fresh());
  const emptyBlock = shared(net.take(), ROUNDS);
  const between = await net.bytes();
  net.take();

  const coins = owners.map((owner, vout) => ({
    owner,
    coin: { txid: funding.txid, vout } satisfies Outpoint,
  }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { owner, coin }] of coins.splice(0, TXS_PER_BLOCK).entries()) {
      const half = COIN / 2;
      const outputs = [fresh(), fresh()].map((to, at) => ({ to, sats: half - at * FEE }));
      await net.post(i, net.pay(coin, owner, outputs));
    }
    await net.mine(round, SPACING_SECONDS, fresh());
  }
  const blockBytes = (between - before) / ROUNDS;
  const busy = combine(net.take(), emptyBlock, (all, block) => all - ROUNDS * block);
  const payments = (await net.bytes()) - between - ROUNDS * blockBytes;
  const paymentBytes = payments / (ROUNDS * TXS_PER_BLOCK);
  const { node } = net.stack(0);
  const reads = async (call: () => Promise<unknown>): Promise<number> => {
    net.take();
    await call();
    return net.take().read * STACKS;
  };
  const minerWork = await reads(() => node.template());
  let waitedMs = 0;
  const source = createEmbeddedSource({
    node,
    sleep: async (ms) => {
      waitedMs += ms;
    },
  });
  const knownId = await node.templateId();
  const waiting = await reads(() => source.template({ knownId }));
  const minerSecond = waiting / (waitedMs / 1000);
  const said = createMinerWords(
    { store: node.store, random: node.random, now: () => nowSeconds(node.clock) },
    storyKey('miner', net.net.params).address,
  );
  net.take();
  await said.say(1_000_000);
  const minerMinute = net.take().write * STACKS;
  await net.close();
  const payment = shared(busy, ROUNDS * TXS_PER_BLOCK);
  const miner = { minerSecond, minerWork, minerMinute };
  return { idleTick, emptyBlock, payment, blockBytes, paymentBytes, ...miner };
}
