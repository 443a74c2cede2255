/**
 * Holds our rules on regtest against another implementation's (ask-judge.ts): every story of
 * test/unit/consensus, many blocks at random, some of them with bytes changed, and the edges of rules
 * at heights where they move. A block that we accept and the judge refuses, or that we refuse for
 * another reason than one of our own (`stack-…`) while the judge accepts, is a fault.
 *
 *   npm run interop -- [--judge btcd|core] [--count 2000] [--seed N]
 */
import { parseArgs } from 'node:util';
import { seeded } from '../../bench/asert/simulate.ts';
import { decodeBlock } from '../../lib/codec/block.ts';
import { Story } from '../helpers/chain-builder.ts';
import { bodyStories } from '../unit/consensus/stories/bodies.ts';
import { coinStories } from '../unit/consensus/stories/coins.ts';
import { headerStories } from '../unit/consensus/stories/headers.ts';
import { lockStories } from '../unit/consensus/stories/locks.ts';
import { scriptStories } from '../unit/consensus/stories/scripts.ts';
import { regtestBase } from '../unit/consensus/stories/story-base.ts';
import { askJudge, isOurOwn, judgeOf } from './ask-judge.ts';
import { edgeOffers, type Offer, spoiledBlock } from './edge-blocks.ts';
import { type Dice, randomBlock } from './random-blocks.ts';

const { values } = parseArgs({
  options: {
    judge: { type: 'string', default: 'btcd' },
    count: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() >>> 0) },
  },
});
/**
 * Tips above which the edges are tried: where the height changes its form (1, 17, 128, 256), the
 * first coinbase ripens (101) and the reward halves (150, 300).
 */
const EDGES = [0, 1, 15, 16, 99, 100, 126, 127, 148, 149, 254, 255, 299];
/** After BIP16, which btcd turns on by the time. */
const START = 1_700_000_000;

/** The reason for which we refuse, undefined if we accept. The node has the tip's time on its clock. */
function ours(story: Story, raw: Uint8Array): string | undefined {
  const block = decodeBlock(raw);
  if (!block.ok) return block.reject.reason;
  const verdict = story.check(block.value, story.tip, story.tip.entry.header.time);
  if (!verdict.ok) return verdict.reject.reason;
  return story.isSigned(verdict.value) ? undefined : 'block-script-verify-flag-failed';
}

function storyOffers(story: Story): Offer[] {
  const all = [headerStories, bodyStories, coinStories, lockStories, scriptStories].flat();
  // Stories of other networks are none of the judge's.
  return all
    .filter(({ base }) => base === regtestBase)
    .map(({ name, make }) => ({ name, raw: make(story).raw }));
}

function randomOffers(story: Story, dice: Dice, count: number): Offer[] {
  const coins = [
    ...Array.from({ length: 40 }, (_, i) => `split:${i}`),
    ...[2, 3, 4, 5, 6, 7, 8, 9].map((height) => `b${height}:0`),
  ];
  return Array.from({ length: count }, (_, i) => {
    const block = randomBlock(dice, story, coins);
    return dice(4) === 0 && block.txs.length > 0
      ? { name: `random ${i}, bytes changed`, raw: spoiledBlock(dice, block) }
      : { name: `random ${i}`, raw: block.raw };
  });
}

/** A chain of this height; `b<height>:0` are alice's. */
function plainChain(height: number): Story {
  const story = new Story();
  story.miner = 'alice';
  if (height > 0) story.mine({ time: START });
  story.mineMany(Math.max(0, height - 1));
  return story;
}

const judge = judgeOf(values.judge);
const faults: string[] = [];
const reasons = new Map<string, number>();

function compare(story: Story, offers: readonly Offer[]): void {
  const clock = story.tip.entry.header.time;
  const base = story.path().map(({ block }) => block.raw);
  const answers = askJudge(judge, { clock, base, offers: offers.map(({ raw }) => raw) });
  if (answers.length !== offers.length) throw new Error(`${answers.length} answers`);
  offers.forEach(({ name, raw }, i) => {
    const reason = ours(story, raw);
    const answer = answers[i] as string;
    reasons.set(reason ?? 'accepted', (reasons.get(reason ?? 'accepted') ?? 0) + 1);
    const isAccepted = answer === 'ok';
    if (reason === undefined && !isAccepted) faults.push(`${name}: accepted; ${judge}: ${answer}`);
    if (reason !== undefined && isAccepted && !isOurOwn(judge, reason)) {
      faults.push(`${name}: refused (${reason}); ${judge} accepts`);
    }
  });
}

const seed = Number(values.seed);
const random = seeded(seed);
const dice = (below: number): number => Math.floor(random() * below);
process.stderr.write(`seed ${seed}: the stories and ${values.count} blocks at random\n`);
const base = regtestBase();
compare(base, [...storyOffers(base), ...randomOffers(base, dice, Number(values.count))]);
for (const height of EDGES) {
  process.stderr.write(`edges above height ${height}\n`);
  const story = plainChain(height);
  compare(story, edgeOffers(story));
}
let total = 0;
for (const [reason, count] of [...reasons].sort(([, a], [, b]) => b - a)) {
  console.log(`${String(count).padStart(6)} ${reason}`);
  total += count;
}
for (const fault of faults) console.log(`FAULT ${fault}`);
console.log(`${total} blocks, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
