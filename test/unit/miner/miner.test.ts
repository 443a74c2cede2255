import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/adapters/system-clock.ts';
import { systemRandom } from '../../../lib/adapters/system-random.ts';
import { createKernel } from '../../../lib/adapters/wasm-engine.ts';
import { toHex } from '../../../lib/codec/hex.ts';
import { miningJob } from '../../../lib/mining/assemble.ts';
import { silentTelemetry, type Telemetry } from '../../../lib/ports/telemetry.ts';
import type { BlockHash } from '../../../lib/types.ts';
import { EXTRA_NONCE_BYTES, type Found, HashPool } from '../../../miner/hash-pool.ts';
import {
  createMiner,
  type Miner,
  type MinerOptions,
  type MinerStats,
} from '../../../miner/miner.ts';
import { quickest, timed } from '../../helpers/quickest.ts';
import { FakeSource, PAY_TO, until } from './fake-source.ts';

/** A hash that none will find. */
const NEVER = 2 ** 52;
const EASY = 20_000;
const miners: Miner[] = [];

function minerOn(source: FakeSource, more: Partial<MinerOptions> = {}): Miner {
  const miner = createMiner({
    source,
    payTo: PAY_TO,
    threads: 2,
    clock: systemClock,
    random: systemRandom,
    telemetry: silentTelemetry,
    ...more,
  });
  miners.push(miner);
  return miner;
}

afterEach(async () => {
  await Promise.all(miners.splice(0).map((miner) => miner.stop()));
});

const tipOf = (n: number): BlockHash => n.toString(16).padStart(64, '0') as BlockHash;

describe('the miner', () => {
  it('mines block after block, each on the one before, paid to the script', async () => {
    const source = new FakeSource(EASY);
    const found: string[] = [];
    const miner = minerOn(source, { onFound: ({ hash }) => found.push(hash) });
    const startSeconds = Math.floor(Date.now() / 1000);
    miner.start();
    await until(() => found.length >= 20);
    await miner.stop();
    const blocks = source.accepted;
    expect(found).toEqual(blocks.map(({ header }) => header.hash));
    for (const [i, { header, txs }] of blocks.entries()) {
      expect(header.prevHash).toBe(i === 0 ? '00'.repeat(32) : blocks[i - 1]?.header.hash);
      expect(txs[0]?.outputs[0]?.scriptPubKey).toEqual(PAY_TO);
      expect(header.time).toBeGreaterThanOrEqual(startSeconds);
      expect(header.time).toBeLessThanOrEqual(Date.now() / 1000);
    }
    const stats = miner.stats();
    expect(stats).toMatchObject({ active: false, stale: 0, rejected: 0, hashRate: 0 });
    expect(stats.found).toBe(found.length);
    expect(stats.hashes).toBeGreaterThan(found.length * 1000);
    // No siblings: a block is submitted once, and none beside it.
    expect(source.submissions.length).toBe(found.length);
  });

  it('shows nonces tried over wall time as its hash rate', async () => {
    const now = (): number => performance.now();
    let [longestMs, shortestMs] = [Number.POSITIVE_INFINITY, 0];
    let stats: MinerStats | undefined;
    // Shorter than the window: the rate is that since the start, threads' own start included.
    while (longestMs > 9_000) {
      const miner = minerOn(new FakeSource(NEVER));
      const before = now();
      miner.start();
      const after = now();
      await until(() => miner.stats().hashes > 0);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const asked = now();
      stats = miner.stats();
      [longestMs, shortestMs] = [now() - before, asked - after];
      await miner.stop();
    }
    const { hashes, hashRate, active, engine } = stats as MinerStats;
    expect(hashRate).toBeGreaterThanOrEqual((hashes * 1000) / longestMs);
    expect(hashRate).toBeLessThanOrEqual((hashes * 1000) / shortestMs);
    expect({ active, engine }).toEqual({ active: true, engine: 'wasm' });
  });

  it('searches with the kernel that its process prepared', async () => {
    const wide = createKernel(8);
    const source = new FakeSource(EASY);
    const miner = minerOn(source, { wide });
    miner.start();
    await until(() => source.accepted.length >= 5);
    expect(miner.stats()).toMatchObject({ engine: 'wasm-wide', rejected: 0 });
  });

  it('at 100 tips a minute, submits nothing on a tip that it knows to be old', async () => {
    const source = new FakeSource(40_000);
    source.submitMs = 50;
    const lost: string[] = [];
    const miner = minerOn(source, { onLost: (_, reason) => lost.push(reason) });
    miner.start();
    // By count, not by time: on a busy machine it takes longer and proves the same. A tip that the
    // miner is not told of at once it would never hear of: this source's poll has no end of its own.
    for (let tips = 0; tips < 15 || source.submissions.length < 4; tips++) {
      source.moveTip(tipOf(tips + 1));
      await until(() => source.givenOut.has(tipOf(tips + 1)));
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    await miner.stop();
    for (const { isKnownOld } of source.submissions) expect(isKnownOld).toBe(false);
    expect(miner.stats().stale).toBe(lost.length);
    expect(miner.stats().rejected).toBe(0);
  });

  it('turns to better fees within a second, also in the midst of a search', async () => {
    const turned = async (): Promise<number> => {
      const source = new FakeSource(NEVER);
      const miner = minerOn(source);
      miner.start();
      await until(() => miner.stats().hashes > 0);
      source.moveFees();
      const ms = await timed(async () => {
        source.target = 2n ** 255n;
        source.moveFees();
        await until(() => source.accepted.length > 0);
      });
      await miner.stop();
      expect(source.accepted[0]?.txs[0]?.outputs[0]?.value).toBe(5_000_000_002n);
      return ms;
    };
    expect(await quickest(1000, turned)).toBeLessThan(1000);
  });

  it('goes on when the node was away, and says so once', async () => {
    const source = new FakeSource(EASY);
    source.templateFaults = 2;
    const lines: string[] = [];
    const telemetry: Telemetry = { metric() {}, log: (_, message) => lines.push(message) };
    const miner = minerOn(source, { telemetry });
    miner.start();
    await until(() => miner.stats().found >= 2);
    expect(lines).toEqual(['no work from the node: away']);
  });

  it('offers a found block again until the node takes it', async () => {
    const source = new FakeSource(EASY);
    source.submitFaults = 2;
    const miner = minerOn(source);
    miner.start();
    await until(() => miner.stats().found >= 1);
    expect(source.accepted.length).toBeGreaterThanOrEqual(1);
    expect(miner.stats()).toMatchObject({ stale: 0, rejected: 0 });
  });

  it('counts a block whose answer got lost', async () => {
    const source = new FakeSource(EASY);
    source.lostAnswers = 1;
    const miner = minerOn(source);
    miner.start();
    await until(() => source.accepted.length >= 2 && miner.stats().found >= 2);
    expect(miner.stats()).toMatchObject({ stale: 0, rejected: 0 });
  });

  it('a block that the node refuses as wrong is counted, and not offered in haste again', async () => {
    const source = new FakeSource(EASY);
    const offeredAt: number[] = [];
    source.submit = async () => {
      offeredAt.push(performance.now());
      return 'bad-txnmrklroot';
    };
    const reasons: unknown[] = [];
    const miner = minerOn(source, { onLost: (...lost) => reasons.push(lost.slice(1)) });
    miner.start();
    await until(() => offeredAt.length >= 3);
    await miner.stop();
    for (const [i, atMs] of offeredAt.entries()) {
      if (i > 0) expect(atMs - (offeredAt[i - 1] as number)).toBeGreaterThan(950);
    }
    expect(miner.stats().rejected).toBe(offeredAt.length);
    expect(reasons[0]).toEqual(['bad-txnmrklroot', true]);
  });

  it('stops at once in the midst of a search, and starts again', async () => {
    const source = new FakeSource(NEVER);
    const miner = minerOn(source);
    const startAndStop = async (): Promise<number> => {
      miner.start();
      miner.start();
      const before = miner.stats().hashes;
      await until(() => miner.stats().hashes > before);
      const ms = await timed(() => miner.stop());
      expect(miner.stats().active).toBe(false);
      return ms;
    };
    expect(await startAndStop()).toBeGreaterThan(0);
    expect(await quickest(1000, startAndStop)).toBeLessThan(1000);
    const { hashes } = miner.stats();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(miner.stats().hashes).toBe(hashes);
  });

  it('can be stopped from within onFound: that block is the last', async () => {
    const source = new FakeSource(EASY);
    let stopped: Promise<void> | undefined;
    const miner = minerOn(source, {
      onFound: () => {
        stopped ??= miner.stop();
      },
    });
    miner.start();
    await until(() => stopped !== undefined);
    await stopped;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(source.submissions.length).toBe(1);
  });

  it('goes on when a listener throws', async () => {
    const source = new FakeSource(EASY);
    const lines: string[] = [];
    const miner = minerOn(source, {
      telemetry: { metric() {}, log: (_, message) => lines.push(message) },
      onFound: () => {
        throw new Error('not my day');
      },
    });
    miner.start();
    await until(() => miner.stats().found >= 3);
    expect(lines[0]).toBe('a block found was lost: Error: not my day');
  });

  it('refuses a script that no coinbase may pay', () => {
    const payTo = Uint8Array.of(0x51);
    expect(() => minerOn(new FakeSource(EASY), { payTo })).toThrow(RangeError);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses %d threads', (threads) => {
    expect(() => minerOn(new FakeSource(EASY), { threads })).toThrow(RangeError);
  });
});

describe('the threads', () => {
  it('search disjoint extra nonces, and every thread finds', async () => {
    const jobOf = async (hashes: number) =>
      miningJob(await new FakeSource(hashes).template(), {
        payTo: PAY_TO,
        extraNonceBytes: EXTRA_NONCE_BYTES,
      });
    const found: Found[] = [];
    const threads = () => new Set(found.map(({ extraNonce }) => toHex(extraNonce)));
    const pool = new HashPool({
      threads: 3,
      random: { bytes: (count) => new Uint8Array(count).fill(0xaa) },
      telemetry: silentTelemetry,
      onFound: (one) => found.push(one),
    });
    try {
      const easy = await jobOf(2);
      const harder = await jobOf(20_000);
      const search = async (job: typeof easy): Promise<void> => {
        const before = found.length;
        pool.search(job);
        await until(() => found.length > before);
        expect(found.length).toBe(before + 1);
      };
      for (let round = 0; round < 300; round++) await search(easy);
      // Of what takes no time the first thread that is awake finds all; of this each finds its share.
      while (threads().size < 3) await search(harder);
    } finally {
      await pool.close();
    }
    for (const extraNonce of threads()) expect(extraNonce).toMatch(/^aaaaaaaa000[012]0000$/);
  });
});
