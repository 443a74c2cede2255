import { describe, expect, it } from 'vitest';
import { createTimedGenerate } from '../../../functions/generate.ts';
import { systemClock } from '../../../lib/adapters/system-clock.ts';
import { regtest } from '../../../lib/params/index.ts';
import { easyNetwork } from '../../helpers/chain-builder.ts';
import { must, reasonOf } from '../../helpers/vectors.ts';
import { PAY_TO } from '../miner/fake-source.ts';
import { smallNode } from '../miner/small-node.ts';

describe('blocks on command in a call that must end', () => {
  it('mines what fits', async () => {
    const node = await smallNode(regtest, systemClock);
    const hashes = must(await createTimedGenerate({ node })(25, PAY_TO));
    expect(hashes.length).toBe(25);
    expect((await node.chain.tip()).entry.hash).toBe(hashes.at(-1));
  });

  it('refuses at once what cannot fit, and mines none of it', async () => {
    const node = await smallNode(easyNetwork({ powLimitBits: 0x1e3fffff }), systemClock);
    expect(reasonOf(await createTimedGenerate({ node })(1000, PAY_TO))).toBe('out-of-time');
    // In the time of a call some would have been found.
    expect((await node.chain.tip()).entry.height).toBe(0);
  });

  it('ends in its time, says how far it came, and what was mined stays', async () => {
    const node = await smallNode(regtest, systemClock);
    // However busy the machine is: some time is enough for a block, and none for all of them.
    for (let [height, budgetMs] = [0, 200]; height === 0; budgetMs *= 2) {
      const verdict = await createTimedGenerate({ node, budgetMs })(100_000, PAY_TO);
      expect(reasonOf(verdict)).toBe('out-of-time');
      height = (await node.chain.tip()).entry.height;
      const detail = `ended after ${height} of 100000 blocks`;
      expect(verdict.ok ? '' : verdict.reject.detail).toBe(detail);
    }
  });
});
