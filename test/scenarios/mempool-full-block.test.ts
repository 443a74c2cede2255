/** More than a block holds: with P2PKH outputs, one sigop each, these bind before the bytes do. */
import { afterEach, describe, expect, it } from 'vitest';
import { txSigops } from '../../lib/consensus/check-block.ts';
import type { Tx } from '../../lib/types.ts';
import { MempoolWorld } from '../helpers/mempool-world.ts';

let world: MempoolWorld;
afterEach(() => world.close());

const mineAll = async (): Promise<{ blocks: number; sigops: number[]; bytes: number[] }> => {
  const sigops: number[] = [];
  const bytes: number[] = [];
  let blocks = 0;
  while ((await world.mempool.info()).count > 0) {
    const block = await world.template();
    const proposed = await world.chain.proposeBlock(block.raw);
    expect(proposed.ok ? 'ok' : proposed.reject.reason).toBe('ok');
    expect(block.txs.length).toBeGreaterThan(1);
    await world.give(block);
    sigops.push(block.txs.reduce((sum, tx) => sum + txSigops(tx), 0));
    bytes.push(block.raw.length);
    blocks += 1;
  }
  return { blocks, sigops, bytes };
};

describe('templates of a crowded mempool', () => {
  it('keep 20,000 sigops: eight transactions of 2,900 outputs take two blocks', async () => {
    world = await MempoolWorld.open({ blocks: 12 });
    for (let i = 1; i <= 8; i++) {
      const tx: Tx = world.story.spend({
        inputs: [`b${i}:0`],
        outputs: Array.from({ length: 2900 }, () => ({ to: 'alice', sats: 1_000_000 + i })),
      });
      expect(await world.try(tx)).toBe('accepted');
    }
    const { blocks, sigops } = await mineAll();
    expect(blocks).toBe(2);
    expect(Math.max(...sigops)).toBeLessThanOrEqual(20_000);
    expect(Math.max(...sigops)).toBeGreaterThan(17_000);
  });
});
