/**
 * Offers trees of blocks at random to our chain (memory store, real verifier) and to another
 * implementation (ask-judge.ts), and compares the tips after every block. A difference is a fault.
 * Blocks that we refuse for a reason of our own (`stack-…`) are offered to us alone.
 *
 *   npx node test/interop/trees.ts [--judge btcd|core] [--trees 5] [--count 300] [--seed N]
 */
import { parseArgs } from 'node:util';
import { seeded } from '../../bench/asert/simulate.ts';
import { Story } from '../helpers/chain-builder.ts';
import { openRig, tipHash } from '../helpers/chain-rig.ts';
import { askJudge, isOurOwn, judgeOf } from './ask-judge.ts';
import { growTree } from './random-tree.ts';

const { values } = parseArgs({
  options: {
    judge: { type: 'string', default: 'btcd' },
    trees: { type: 'string', default: '5' },
    count: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Date.now() >>> 0) },
  },
});
const judge = judgeOf(values.judge);
const COIN = 100_000_000;
/** After BIP16, which btcd turns on by the time. */
const START = 1_700_000_000;

/**
 * Where trees stand: heights that need a second byte (128), the halvings (150, 300), the sign bit's
 * next byte (256), a retarget if there were one (2016).
 */
const HEIGHTS = [106, 118, 140, 246, 290, 2006];

/** Blocks up to `height`, one of which makes forty coins of alice's. */
function baseOf(height: number): Story {
  const story = new Story();
  story.miner = 'alice';
  story.mine({ time: START });
  story.mineMany(104);
  const outputs = Array.from({ length: 40 }, () => ({ to: 'alice', sats: COIN }));
  story.mine({ txs: [story.spend({ name: 'split', inputs: ['b1:0'], outputs })] });
  for (const { block } of story.path()) for (const tx of block.txs) story.name(tx);
  story.mineMany(Math.max(0, height - story.tip.entry.height));
  return story;
}

let faults = 0;
const total = { offers: 0, moves: 0, reorgs: 0, refused: 0 };
for (let tree = 0; tree < Number(values.trees); tree++) {
  const seed = Number(values.seed) + tree;
  const random = seeded(seed);
  const dice = (below: number): number => Math.floor(random() * below);
  const story = baseOf(HEIGHTS[dice(HEIGHTS.length)] as number);
  const base = story.path().map(({ block }) => block.raw);
  const clock = story.tip.entry.header.time + 7200;
  const grown = growTree(dice, story, Number(values.count), clock);
  const { chain } = await openRig({ now: clock });
  for (const raw of base) await chain.acceptBlock(raw, { asked: true });
  const offers: Uint8Array[] = [];
  const ours: { tip: string; status: string; reason: string | undefined }[] = [];
  for (const { block, reason } of grown) {
    const before = await tipHash(chain);
    const outcome = await chain.acceptBlock(block.raw, { asked: true });
    const tip = await tipHash(chain);
    total.moves += tip === before ? 0 : 1;
    total.reorgs += tip !== before && block.header.prevHash !== before ? 1 : 0;
    total.refused += outcome.status === 'rejected' ? 1 : 0;
    if (reason !== undefined && isOurOwn(judge, reason)) continue;
    offers.push(block.raw);
    const status = outcome.status === 'rejected' ? outcome.reject.reason : outcome.status;
    ours.push({ tip, status, reason });
  }
  total.offers += offers.length;
  const answers = askJudge(judge, { clock, base, offers, tree: true });
  const at = ours.findIndex(({ tip }, i) => answers[i]?.split(' ')[0] !== tip);
  if (at >= 0) {
    faults += 1;
    const { tip, status, reason } = ours[at] as (typeof ours)[number];
    console.log(
      `FAULT seed ${seed}, block ${at}: our tip ${tip} (${status}; ${reason}), ${judge} ${answers[at]}`,
    );
  }
}
console.log(
  `${total.offers} blocks, ${total.moves} moves of the tip, ${total.reorgs} of them reorganisations, ` +
    `${total.refused} refused, ${faults} faults`,
);
process.exitCode = faults === 0 ? 0 : 1;
