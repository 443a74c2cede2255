/**
 * A transaction whose inputs show other keys than their coins': nobody pays or signs for it, and each
 * input may name an output of a transaction as long as a block.
 */
import { expect, it, vi } from 'vitest';
import { SnapshotView } from '../../../lib/chain/view.ts';
import { inAWord, MempoolWorld } from '../../helpers/mempool-world.ts';

const COINS = 200;

it('is refused for the key after a few look-ups', async () => {
  const world = await MempoolWorld.open({ blocks: 4 });
  const outputs = Array.from({ length: COINS }, () => ({ to: 'alice', sats: 1000 }));
  const split = world.story.spend({ name: 'split', inputs: ['b1:0'], outputs });
  await world.mine({ txs: [split] });
  const inputs = outputs.map((_, i) => ({ coin: `split:${i}`, key: 'eve' }));
  const bad = world.story.spend({ inputs, outputs: [{ to: 'eve', sats: 100_000 }] });
  const locate = vi.spyOn(SnapshotView.prototype, 'locate');
  const outcome = await world.mempool.accept(bad.raw, { local: true });
  const looked = locate.mock.calls.length;
  locate.mockRestore();
  expect(inAWord(outcome)).toContain(
    'mempool-script-verify-flag-failed (Script failed an OP_EQUALVERIFY operation)',
  );
  expect(outcome).toMatchObject({ reject: { kind: 'consensus' } });
  expect(looked).toBeLessThan(20);
  await world.close();
});
