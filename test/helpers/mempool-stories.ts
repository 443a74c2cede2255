/**
 * Random stories over two mempools on one store, step by step, and what must hold after each: no two
 * rows spend the same, all living transactions fit one block by the rules, every template passes.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Mempool } from '../../lib/mempool/types.ts';
import type { Tx } from '../../lib/types.ts';
import { brokenInvariants, inAWord, type MempoolWorld } from './mempool-world.ts';

type Step =
  | {
      readonly kind: 'spend';
      readonly coins: readonly number[];
      readonly outputs: number;
      readonly fee: number;
      readonly replaceable: boolean;
      readonly locked: number;
    }
  | { readonly kind: 'again'; readonly which: number }
  | {
      readonly kind: 'block';
      readonly from: 'template' | 'made';
      readonly which: readonly number[];
    }
  | { readonly kind: 'reorg'; readonly depth: number; readonly which: readonly number[] }
  | { readonly kind: 'tick'; readonly seconds: number };

const nat = fc.nat(1000);
const spend = fc.record({
  kind: fc.constant('spend' as const),
  coins: fc.array(nat, { minLength: 1, maxLength: 3 }),
  outputs: fc.integer({ min: 1, max: 4 }),
  fee: fc.integer({ min: 100, max: 5000 }),
  replaceable: fc.boolean(),
  locked: fc.constantFrom(0, 0, 0, 1, 2, 3),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: spend },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('again' as const), which: nat }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('block' as const),
      from: fc.constantFrom('template' as const, 'made' as const),
      which: fc.array(nat, { maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('reorg' as const),
      depth: fc.integer({ min: 1, max: 3 }),
      which: fc.array(nat, { maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('tick' as const), seconds: fc.nat(400) }),
  },
);
export const mempoolStory = fc.array(fc.record({ step, by: fc.nat(1), stalled: fc.boolean() }), {
  minLength: 5,
  maxLength: 30,
});

export class Teller {
  readonly #world: MempoolWorld;
  readonly #mempools: readonly Mempool[];
  readonly #coins: string[] = [];
  readonly #txs: Tx[] = [];
  accepted = 0;
  returned = 0;

  constructor(world: MempoolWorld) {
    this.#world = world;
    this.#mempools = [world.mempool, world.another()];
    for (let i = 1; i <= 6; i++) this.#coins.push(`b${i}:0`);
  }

  async tell({ step, by, stalled }: { step: Step; by: number; stalled: boolean }): Promise<void> {
    const mempool = this.#mempools[by] as Mempool;
    if (step.kind === 'spend') await this.#offer(mempool, this.#make(step));
    if (step.kind === 'again') {
      const tx = this.#txs[step.which % Math.max(1, this.#txs.length)];
      if (tx !== undefined) await this.#offer(mempool, tx);
    }
    if (step.kind === 'block') {
      const txs = step.from === 'template' ? await this.#templateTxs(mempool) : undefined;
      await this.#mine(txs ?? this.#pick(step.which), stalled);
    }
    if (step.kind === 'reorg') await this.#reorg(step, stalled);
    if (step.kind === 'tick') {
      this.#world.clock.advance(step.seconds * 1000);
      await mempool.tick();
    }
  }

  #make(step: Step & { kind: 'spend' }): Tx {
    const { story } = this.#world;
    const coins = [
      ...new Set(step.coins.map((i) => this.#coins[i % this.#coins.length] as string)),
    ];
    const total = coins.reduce((sum, coin) => sum + Number(story.output(coin).output.value), 0);
    const each = Math.max(546, Math.floor((total - step.fee) / step.outputs));
    const sequence = step.replaceable ? 0xffff_fffd : 0xffff_fffe;
    const height = story.tip.entry.height;
    const tx = story.spend({
      version: step.locked === 3 ? 2 : 1,
      lockTime: step.locked === 1 || step.locked === 2 ? height + 1 - step.locked : 0,
      inputs: coins.map((coin) => ({ coin, sequence: step.locked === 3 ? 3 : sequence })),
      outputs: Array.from({ length: step.outputs }, () => ({ to: 'alice', sats: each })),
    });
    this.#txs.push(tx);
    for (let vout = 0; vout < step.outputs; vout++) this.#coins.push(`${tx.txid}:${vout}`);
    return tx;
  }

  async #offer(mempool: Mempool, tx: Tx): Promise<void> {
    const word = inAWord(await mempool.accept(tx.raw));
    if (word === 'accepted') this.accepted += 1;
  }

  /** Some of all transactions, in the order they were made: a block need not be valid. */
  #pick(which: readonly number[]): Tx[] {
    const places = [...new Set(which.map((i) => i % Math.max(1, this.#txs.length)))];
    return places.sort((a, b) => a - b).flatMap((i) => this.#txs[i] ?? []);
  }

  async #templateTxs(mempool: Mempool): Promise<Tx[]> {
    const block = await this.#world.template(this.#world.templatesOf(mempool));
    return [...block.txs.slice(1)];
  }

  /** Mines what of these the rules take. */
  async #mine(txs: readonly Tx[], stalled: boolean, on = this.#world.story.tip): Promise<void> {
    const { story } = this.#world;
    const fit: Tx[] = [];
    for (const tx of txs) {
      if (story.check(story.build({ on, txs: [...fit, tx] }), on).ok) fit.push(tx);
    }
    const mined = story.mine({ on, txs: fit });
    this.#coins.push(`${mined.name}:0`);
    const change = await this.#world.give(mined.block, { stalled });
    this.returned += change?.returned.length ?? 0;
  }

  async #reorg({ depth, which }: Step & { kind: 'reorg' }, stalled: boolean): Promise<void> {
    const { story } = this.#world;
    const path = story.path();
    const fork = path.at(-1 - depth);
    if (fork === undefined || path.length - depth < 6) return;
    await this.#mine(this.#pick(which), stalled, fork);
    for (let i = 0; i < depth; i++) await this.#mine([], stalled);
  }

  /** Makes up for janitors that stalled. */
  catchUp(): Promise<void> {
    return this.#world.mempool.tick();
  }

  async check(): Promise<void> {
    const { chain, story } = this.#world;
    expect((await chain.tip()).entry.hash).toBe(story.tip.entry.hash);
    expect(await brokenInvariants(this.#world)).toEqual([]);
    for (const mempool of this.#mempools) {
      const entries = await mempool.list();
      const block = story.build({ txs: parentsFirst(entries.map(({ tx }) => tx)) });
      const whole = story.check(block);
      expect(whole.ok ? 'ok' : whole.reject).toBe('ok');
      const made = await this.#world.template(this.#world.templatesOf(mempool));
      expect(made.txs.length - 1).toBe(entries.length);
      const proposed = await chain.proposeBlock(made.raw);
      expect(proposed.ok ? 'ok' : proposed.reject).toBe('ok');
      expect(await mempool.info()).toMatchObject({
        count: entries.length,
        bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
      });
    }
  }

  /** All hold the same, one too that starts with nothing but the store. */
  async agree(): Promise<void> {
    const [one, two] = await Promise.all(this.#mempools.map((each) => this.#world.txids(each)));
    expect(one).toEqual(two);
    expect(await this.#world.txids(this.#world.another())).toEqual(one);
  }
}

export function parentsFirst(txs: readonly Tx[]): Tx[] {
  const placed = new Set<Tx>();
  const place = (tx: Tx): void => {
    if (placed.has(tx)) return;
    for (const { prevout } of tx.inputs) {
      const parent = txs.find(({ txid }) => txid === prevout.txid);
      if (parent !== undefined) place(parent);
    }
    placed.add(tx);
  };
  for (const tx of txs) place(tx);
  return [...placed];
}

/**
 * Rounds in which conflicting transactions are offered to all mempools while blocks are connected
 * and a reorganisation follows, with some janitors stalled. `bulk`: outputs that each block makes
 * besides, so that its commit is a large one.
 */
export async function raceRounds(
  world: MempoolWorld,
  mempools: readonly Mempool[],
  options: { readonly rounds: number; readonly bulk?: number },
): Promise<void> {
  const { story } = world;
  const pick = (i: number): Mempool => mempools[i % mempools.length] as Mempool;
  let coin = 'b1:0';
  let spare = 'b2:0';
  for (let round = 0; round < options.rounds; round++) {
    const name = `r${round}`;
    const total = Number(story.output(coin).output.value);
    const txs = Array.from({ length: 8 }, (_, i) =>
      story.spend({
        name: `${name}t${i}`,
        inputs: [{ coin, sequence: 0xffff_fffd }],
        outputs: [{ to: 'bob', sats: total - 1000 * (i + 1) }],
      }),
    );
    const bulk = bulkOf(story, spare, options.bulk ?? 0);
    const parent = story.tip;
    const [winner, second] = txs as [Tx, Tx];
    const one = story.mine({ on: parent, name: `${name}a`, txs: [winner, ...bulk] });
    const two = story.mine({ on: parent, name: `${name}b` });
    const three = story.mine({ on: two, name: `${name}c`, txs: [second, ...bulk] });
    const offer = async (from: number, to: number) => {
      for (let i = from; i < to; i++) await pick(i).accept((txs[i] as Tx).raw);
    };
    await Promise.all([
      offer(2, 8),
      world.give(one.block, { stalled: round % 2 === 0 }),
      offer(0, 5),
    ]);
    expect(await brokenInvariants(world)).toEqual([]);
    await Promise.all([offer(3, 8), world.give(two.block), offer(0, 4)]);
    expect(await brokenInvariants(world)).toEqual([]);
    await Promise.all([
      offer(0, 8),
      world.give(three.block, { stalled: round % 3 === 0 }),
      pick(1).tick(),
    ]);
    expect(await brokenInvariants(world)).toEqual([]);
    for (const mempool of mempools) {
      const block = await world.template(world.templatesOf(mempool));
      const verdict = await world.chain.proposeBlock(block.raw);
      expect(verdict.ok ? 'ok' : verdict.reject.reason).toBe('ok');
      await mempool.tick();
    }
    // What both branches of the next round may build on.
    coin = `${second.txid}:0`;
    if (bulk[0] !== undefined) spare = `${bulk[0].txid}:0`;
    story.tip = three;
  }
}

function bulkOf(story: MempoolWorld['story'], coin: string, outputs: number): Tx[] {
  if (outputs === 0) return [];
  const total = Number(story.output(coin).output.value);
  const rest = Array.from({ length: outputs }, () => ({ to: 'carol', sats: 1000 }));
  const change = { to: 'alice', sats: total - 1000 * outputs - 10_000 };
  return [story.spend({ inputs: [coin], outputs: [change, ...rest] })];
}
