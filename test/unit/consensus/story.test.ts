import { describe, expect, it } from 'vitest';
import { easyNetwork, Story, storyKey } from '../../helpers/chain-builder.ts';

describe('a story', () => {
  it('mines, pays, and its signatures hold', () => {
    const story = new Story();
    story.miner = 'alice';
    story.mineMany(101);
    const pay = story.pay({ name: 'pay', from: 'b1:0', to: 'bob', sats: 1_0000_0000 });
    const block = story.mine({ txs: ['pay'] });
    expect(block.effects.signatureChecks).toHaveLength(1);
    expect(story.isSigned(block)).toBe(true);
    expect(block.effects.fees).toBe(1000);
    const coin = story.coins(block).coin(story.output('pay:0').outpoint);
    expect(coin).toMatchObject({ value: 1_0000_0000, height: 102, coinbase: false });
    expect(story.coins(block).coin(story.output('b1:0').outpoint)).toBeUndefined();
    expect(pay.outputs[1]?.value).toBe(50n * 100_000_000n - 1_0000_1000n);
  });

  it('knows when a signature is of another key', () => {
    const story = new Story();
    story.mineMany(101);
    const forged = story.spend({
      inputs: ['b1:0'],
      outputs: [{ to: 'eve', sats: 1000 }],
    });
    const { inputs } = forged;
    const signature = inputs[0]?.scriptSig.slice() as Uint8Array;
    signature[40] = (signature[40] as number) ^ 1;
    const broken = story.spend({
      inputs: [{ coin: 'b1:0', scriptSig: signature }],
      outputs: [{ to: 'eve', sats: 1000 }],
    });
    expect(story.isSigned(story.mine({ txs: [broken] }))).toBe(false);
  });

  it('forks, and each branch has its own coins', () => {
    const story = new Story(easyNetwork({ payTo: storyKey('founder').hash160 }));
    story.key('founder');
    const root = story.genesis.block.txs[0]?.txid as string;
    const toA = story.pay({ name: 'a', from: `${root}:0`, to: 'a', sats: 1000 });
    const toB = story.pay({ name: 'b', from: `${root}:0`, to: 'b', sats: 2000 });
    const left = story.mine({ name: 'left', on: 'genesis', txs: [toA] });
    const right = story.mine({ name: 'right', on: 'genesis', txs: [toB] });
    const a = story.output('a:0').outpoint;
    expect(story.coins(left).coin(a)?.value).toBe(1000);
    expect(story.coins(right).coin(a)).toBeUndefined();
    expect(story.path('right').map(({ name }) => name)).toEqual(['right']);
  });
});
