import { afterEach, describe, expect, it } from 'vitest';
import { createTemplateSource } from '../../../lib/mining/template-source.ts';
import { MempoolWorld } from '../../helpers/mempool-world.ts';

let world: MempoolWorld;
afterEach(() => world.close());

describe('the source of templates', () => {
  it('makes one per tip and sequence, and gives it out with the time of the moment', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    let selections = 0;
    const { chain, mempool, clock, story } = world;
    const source = createTemplateSource({
      params: story.params,
      chain,
      clock,
      mempool: {
        sequence: () => mempool.sequence(),
        select: (room) => {
          selections += 1;
          return mempool.select(room);
        },
      },
    });
    const get = async () => {
      const template = await source.template();
      if (!template.ok) throw new Error(template.reject.reason);
      return template.value;
    };
    const first = await get();
    clock.advance(7000);
    const second = await get();
    expect(second).toEqual({ ...first, curTime: first.curTime + 7 });
    expect(selections).toBe(1);
    expect(await source.id()).toBe(first.id);
    expect(first.id.startsWith(story.tip.entry.hash)).toBe(true);
    const tx = story.pay({ from: 'b1:0', to: 'bob', sats: 1000, fee: 777 });
    await world.accept(tx);
    const third = await get();
    expect(third.id).not.toBe(first.id);
    expect(third.coinbaseValue).toBe(first.coinbaseValue + 777);
    expect(third.txs.map(({ entry }) => entry.txid)).toEqual([tx.txid]);
    await world.mine();
    const fourth = await get();
    expect(fourth.prevHash).toBe(story.tip.entry.hash);
    expect(fourth.txs).toHaveLength(1);
    expect(selections).toBe(3);
  });

  it('never mixes two tips: the tip moves while transactions are chosen', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    const { chain, mempool, clock, story } = world;
    const tx = story.pay({ from: 'b1:0', to: 'bob', sats: 1000 });
    await world.accept(tx);
    let moved = false;
    const source = createTemplateSource({
      params: story.params,
      chain,
      clock,
      mempool: {
        sequence: () => mempool.sequence(),
        async select(room) {
          const txs = await mempool.select(room);
          if (!moved) await world.mine({ txs: [tx] });
          moved = true;
          return txs;
        },
      },
    });
    const template = await source.template();
    expect(template.ok && template.value.prevHash).toBe(story.tip.entry.hash);
    expect(template.ok && template.value.txs).toEqual([]);
  });

  it('waits when the clock is behind the chain', async () => {
    world = await MempoolWorld.open({ blocks: 12 });
    const { chain, mempool, story } = world;
    const behind = (story.tip.entry.times[5]! - story.params.maxFutureSeconds - 10) * 1000;
    const clock = { nowMs: () => behind };
    const source = createTemplateSource({ params: story.params, chain, mempool, clock });
    expect(await source.template()).toMatchObject({ ok: false, reject: { kind: 'early' } });
  });
});
