/** A block whose inputs show other keys than their coins': the true reason, at a bounded cost. */
import { describe, expect, it, vi } from 'vitest';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import type { Store } from '../../../lib/ports/store.ts';
import { easyNetwork, Story } from '../../helpers/chain-builder.ts';
import { openRig } from '../../helpers/chain-rig.ts';

const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });
const COINS = 12;

/** Relative lock of 0 x 512 seconds: the rules ask for median times, which are read each round. */
const BY_TIME = 0x0040_0000;

function countingReads(store: Store): { store: Store; rounds(): number } {
  let rounds = 0;
  const snapshot: Store['snapshot'] = async () => {
    const inner = await store.snapshot();
    return new Proxy(inner, {
      get(target, name) {
        if (name === 'getMany') {
          return (keys: Parameters<typeof target.getMany>[0]) => {
            if (keys.some(({ pk }) => pk.startsWith('N#'))) rounds++;
            return target.getMany(keys);
          };
        }
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };
  const counting = new Proxy(store, {
    get(target, name) {
      if (name === 'snapshot') return snapshot;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { store: counting, rounds: () => rounds };
}

describe('inputs under another key', () => {
  it('are looked up once for a block, not once for each', async () => {
    const story = new Story(params);
    story.mine({ name: 'b1', payTo: 'alice' });
    story.mineMany(2);
    story.spend({
      name: 'split',
      inputs: ['b1:0'],
      outputs: Array.from({ length: COINS }, () => ({ to: 'alice', sats: 1000 })),
    });
    story.mine({ name: 'b4', txs: ['split'] });
    const inputs = Array.from({ length: COINS }, (_, i) => ({
      coin: `split:${i}`,
      key: 'eve',
      sequence: BY_TIME,
    }));
    const bad = inputs.map((input, i) =>
      story.spend({
        name: `bad${i}`,
        version: 2,
        inputs: [input],
        outputs: [{ to: 'eve', sats: 500 }],
      }),
    );
    const block = story.build({ name: 'b5', txs: bad });
    const counted = countingReads(createMemoryStore());
    const { chain } = await openRig({ params, store: counted.store });
    for (const name of ['b1', 'b2', 'b3', 'b4']) {
      await chain.acceptBlock(story.block(name).block.raw, { asked: true });
    }
    const before = counted.rounds();
    const outcome = await chain.acceptBlock(block.raw, { asked: true });
    expect(outcome).toMatchObject({ status: 'rejected' });
    expect(outcome.status === 'rejected' && outcome.reject.reason).toContain('OP_EQUALVERIFY');
    expect(counted.rounds() - before).toBeLessThanOrEqual(2);
  });

  it('read the transaction that made them once, as long as it may be', async () => {
    const story = new Story(params);
    story.mine({ name: 'b1', payTo: 'alice' });
    story.mineMany(2);
    const outputs = Array.from({ length: 200 }, () => ({ to: 'alice', sats: 1000 }));
    const split = story.spend({ name: 'split', inputs: ['b1:0'], outputs });
    story.mine({ name: 'b4', txs: [split] });
    const inputs = outputs.map((_, i) => ({ coin: `split:${i}`, key: 'eve' }));
    const bad = story.spend({ inputs, outputs: [{ to: 'eve', sats: 500 }] });
    const store = createMemoryStore();
    const { chain } = await openRig({ params, store });
    for (const name of ['b1', 'b2', 'b3', 'b4']) {
      await chain.acceptBlock(story.block(name).block.raw, { asked: true });
    }
    const read = vi.spyOn(store, 'read');
    const outcome = await chain.acceptBlock(story.build({ txs: [bad] }).raw, { asked: true });
    expect(outcome.status === 'rejected' && outcome.reject.reason).toContain('OP_EQUALVERIFY');
    expect(read.mock.calls.length).toBeLessThan(20);
  });
});
