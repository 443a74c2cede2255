/**
 * Block times of stacknet under a given hash rate, by the real consensus functions: bits, work,
 * median time and the header's rules are lib/consensus's; only finding a nonce is replaced by the
 * time that finding one takes. Owns the model of miners and clocks; draws nothing.
 */
import { makeHeader } from '../../lib/codec/header.ts';
import { checkHeaderContext } from '../../lib/consensus/check-header.ts';
import { genesisEntry, medianTimePast, nextBitsFor } from '../../lib/consensus/context.ts';
import { work } from '../../lib/consensus/pow.ts';
import type { BlockEntry } from '../../lib/consensus/types.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';

/** Part of the hash power, and how its clock goes. */
export interface MinerModel {
  readonly share: number;
  /** Seconds that its clock is ahead; `lowest`: it takes the least time that the rules allow. */
  readonly clock: number | 'lowest';
}

export interface Scenario {
  readonly name: string;
  /** Blocks from which this holds, hashes per second. The first begins at block 1. */
  readonly rates: readonly { readonly from: number; readonly hashRate: number }[];
  readonly genesisAgeSeconds: number;
  /** Nobody mines for this long before the block at this height. */
  readonly pause?: { readonly at: number; readonly seconds: number };
  readonly miners: readonly MinerModel[];
  /** Height from which the miners' clocks go as they say; right before. */
  readonly clocksFrom: number;
  readonly blocks: number;
  /** The heights by which the spacing must be in the band, each until the next event. */
  readonly settled: readonly { readonly from: number; readonly to: number }[];
}

export interface SimulatedBlock {
  readonly height: number;
  /** Seconds of true time since the block before. */
  readonly spacing: number;
  readonly bits: number;
}

/** A generator of 32-bit words (mulberry32): the same numbers for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

const rateAt = (scenario: Scenario, height: number): number =>
  scenario.rates.findLast(({ from }) => from <= height)?.hashRate ?? 0;

function pickMiner(miners: readonly MinerModel[], at: number): MinerModel {
  let sum = 0;
  for (const miner of miners) {
    sum += miner.share;
    if (at < sum) return miner;
  }
  return miners.at(-1) as MinerModel;
}

/** The time that a miner writes, and the true time at which the network takes it. */
function stamp(parent: BlockEntry, now: number, clock: MinerModel['clock']): number {
  const least = medianTimePast(parent) + 1;
  if (clock === 'lowest') return least;
  return Math.max(least, Math.floor(now) + clock);
}

/** Runs a scenario. Throws when the rules refuse a block that the model made. */
export function simulate(scenario: Scenario, params: ChainParams, seed: number): SimulatedBlock[] {
  const random = seeded(seed);
  let entry = genesisEntry(params);
  // True time, fractions of a second included.
  let now = entry.header.time + scenario.genesisAgeSeconds;
  const honest = { share: 1, clock: 0 } as const;
  const blocks: SimulatedBlock[] = [];
  while (entry.height < scenario.blocks) {
    const height = entry.height + 1;
    const start = now;
    if (scenario.pause?.at === height) now += scenario.pause.seconds;
    const bits = nextBitsFor(entry, params);
    const mean = Number(work(bits)) / rateAt(scenario, height);
    now += -Math.log(1 - random()) * mean;
    const miner = height < scenario.clocksFrom ? honest : pickMiner(scenario.miners, random());
    const time = stamp(entry, now, miner.clock);
    // A block from the future waits until the others take it.
    now = Math.max(now, time - params.maxFutureSeconds);
    const header = makeHeader({
      version: 4,
      prevHash: entry.hash,
      merkleRoot: entry.header.merkleRoot,
      time,
      bits,
      nonce: height,
    });
    const verdict = checkHeaderContext(header, entry, params, Math.floor(now));
    if (!verdict.ok) throw new Error(`height ${height}: ${verdict.reject.reason}`);
    entry = verdict.value;
    blocks.push({ height, spacing: now - start, bits });
  }
  return blocks;
}

/** Mean spacing of `count` blocks that end at each height, undefined before there are as many. */
export function movingMeans(blocks: readonly SimulatedBlock[], count: number): number[] {
  const means: number[] = [];
  let sum = 0;
  for (const [i, { spacing }] of blocks.entries()) {
    sum += spacing - (blocks[i - count]?.spacing ?? 0);
    means.push(i + 1 < count ? Number.NaN : sum / count);
  }
  return means;
}
