import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outputSum } from '../../../lib/consensus/check-inputs.ts';
import type { BlockEffects } from '../../../lib/consensus/types.ts';
import { sighashAll } from '../../../lib/script/sighash.ts';
import type { Coin, OutpointKey } from '../../../lib/types.ts';
import { script } from '../../helpers/chain-builder.ts';
import { fuzzSeed } from '../../helpers/fuzz.ts';
import { COIN, regtestBase, SUBSIDY } from './stories/story-base.ts';

describe('what connecting a block does', () => {
  it('lists coins made and spent in block order, those of the block itself too', () => {
    const story = regtestBase();
    const a = story.spend({
      name: 'a',
      inputs: ['split:0', 'split:1'],
      outputs: [
        { to: 'bob', sats: COIN },
        { to: script('6a0102'), sats: 0 },
        { to: 'carol', sats: COIN - 10 },
      ],
    });
    const b = story.spend({ name: 'b', inputs: ['a:2'], outputs: [{ to: 'dave', sats: 7 }] });
    const verdict = story.check(story.build({ txs: [a, b] }));
    if (!verdict.ok) throw new Error(verdict.reject.reason);
    const { block, effects } = verdict.value;
    const reward = block.txs[0]?.txid;
    expect(effects.created.map(({ outpoint, coin }) => [outpoint, coin.value])).toEqual([
      [`${reward}:0`, SUBSIDY + 10 + COIN - 10 - 7],
      [`${a.txid}:0`, COIN],
      [`${a.txid}:2`, COIN - 10],
      [`${b.txid}:0`, 7],
    ]);
    expect(effects.created.map(({ coin }) => [coin.height, coin.coinbase])).toEqual([
      [107, true],
      [107, false],
      [107, false],
      [107, false],
    ]);
    const split = story.output('split:0').txid;
    expect(effects.spent.map(({ outpoint, spender, vin }) => [outpoint, spender, vin])).toEqual([
      [`${split}:0`, a.txid, 0],
      [`${split}:1`, a.txid, 1],
      [`${a.txid}:2`, b.txid, 0],
    ]);
    expect(effects.spent[2]?.coin).toEqual(effects.created[2]?.coin);
    expect(effects.fees).toBe(10 + COIN - 10 - 7);
    const digests = effects.signatureChecks.map(({ digest }) => digest);
    const alice = story.key('alice').script;
    expect(digests).toEqual([
      sighashAll(a, 0, alice),
      sighashAll(a, 1, alice),
      sighashAll(b, 0, story.key('carol').script),
    ]);
  });

  it('balances, whatever is paid to whom', () => {
    const story = regtestBase();
    let serial = 0;
    const payments = fc.array(
      fc.record({ pick: fc.nat(), sats: fc.nat(COIN - 2000), fee: fc.nat(1000) }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(payments, (plan) => {
        const coins = Array.from({ length: 10 }, (_, i) => `split:${i}`);
        const txs = plan.flatMap(({ pick, sats, fee }) => {
          const [from] = coins.splice(pick % coins.length, 1);
          if (from === undefined || story.output(from).output.value < BigInt(sats + fee)) return [];
          const name = `p${serial++}`;
          const tx = story.pay({ name, from, to: 'alice', sats, fee });
          coins.push(`${name}:0`);
          return [tx];
        });
        const verdict = story.check(story.build({ txs }));
        if (!verdict.ok) throw new Error(verdict.reject.reason);
        const { block, effects } = verdict.value;
        const made = block.txs.reduce((sum, tx) => sum + outputSum(tx), 0);
        expect(made - total(effects.spent)).toBe(SUBSIDY);
        expect(total(effects.created)).toBe(made);
        expect(effects.fees).toBe(
          total(effects.spent) - block.txs.slice(1).reduce((sum, tx) => sum + outputSum(tx), 0),
        );
        expect(undone(effects)).toEqual(new Map());
      }),
      { seed: fuzzSeed('effects'), numRuns: 60 },
    );
  });
});

const total = (coins: readonly { readonly coin: Coin }[]): number =>
  coins.reduce((sum, { coin }) => sum + coin.value, 0);

/** Coins that are left over when effects are applied and taken back, starting from what they spend. */
function undone(effects: BlockEffects): Map<OutpointKey, Coin> {
  const own = new Set(effects.created.map(({ outpoint }) => outpoint));
  const coins = new Map(
    effects.spent
      .filter(({ outpoint }) => !own.has(outpoint))
      .map(({ outpoint, coin }) => [outpoint, coin]),
  );
  const before = new Map(coins);
  for (const { outpoint, coin } of effects.created) coins.set(outpoint, coin);
  for (const { outpoint } of effects.spent) coins.delete(outpoint);
  for (const { outpoint, coin } of effects.spent) coins.set(outpoint, coin);
  for (const { outpoint } of effects.created) coins.delete(outpoint);
  for (const [outpoint, coin] of before) {
    if (coins.get(outpoint) === coin) coins.delete(outpoint);
  }
  return coins;
}
