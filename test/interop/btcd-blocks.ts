/**
 * Holds our rules on regtest against btcd's: every story of test/unit/consensus and many blocks at
 * random. A block that we accept and btcd refuses, or that we refuse for another reason than one of
 * our own (`stack-…`) while btcd accepts, is a fault. Needs Go, which fetches btcd.
 *
 *   npx node test/interop/btcd-blocks.ts [--count 2000] [--seed N]
 */
import { parseArgs } from 'node:util';
import { seeded } from '../../bench/asert/simulate.ts';
import { decodeBlock } from '../../lib/codec/block.ts';
import { bodyStories } from '../unit/consensus/stories/bodies.ts';
import { coinStories } from '../unit/consensus/stories/coins.ts';
import { headerStories } from '../unit/consensus/stories/headers.ts';
import { lockStories } from '../unit/consensus/stories/locks.ts';
import { scriptStories } from '../unit/consensus/stories/scripts.ts';
import { regtestBase } from '../unit/consensus/stories/story-base.ts';
import { askBtcd } from './ask-btcd.ts';
import { randomBlock } from './random-blocks.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() >>> 0) },
  },
});
const story = regtestBase();
/** The node that looks has the tip's time on its clock. */
const clock = story.tip.entry.header.time;

/** The reason for which we refuse, undefined if we accept. */
function ours(raw: Uint8Array): string | undefined {
  const block = decodeBlock(raw);
  if (!block.ok) return block.reject.reason;
  const verdict = story.check(block.value, story.tip, clock);
  if (!verdict.ok) return verdict.reject.reason;
  return story.isSigned(verdict.value) ? undefined : 'block-script-verify-flag-failed';
}

interface Offer {
  readonly name: string;
  readonly raw: Uint8Array;
}

function storyOffers(): Offer[] {
  const all = [headerStories, bodyStories, coinStories, lockStories, scriptStories].flat();
  // Stories of other networks are none of btcd's.
  return all
    .filter(({ base }) => base === regtestBase)
    .map(({ name, make }) => ({ name, raw: make(story).raw }));
}

function randomOffers(count: number, seed: number): Offer[] {
  const random = seeded(seed);
  const dice = (below: number): number => Math.floor(random() * below);
  const coins = [
    ...Array.from({ length: 40 }, (_, i) => `split:${i}`),
    ...[2, 3, 4, 5, 6, 7, 8, 9].map((height) => `b${height}:0`),
  ];
  return Array.from({ length: count }, (_, i) => ({
    name: `random ${i}`,
    raw: randomBlock(dice, story, coins).raw,
  }));
}

const seed = Number(values.seed);
process.stderr.write(`seed ${seed}: making ${values.count} blocks at random\n`);
const offers = [...storyOffers(), ...randomOffers(Number(values.count), seed)];
process.stderr.write('asking btcd\n');
const base = story.path().map(({ block }) => block.raw);
const answers = askBtcd({ clock, base, offers: offers.map(({ raw }) => raw) });
if (answers.length !== offers.length) throw new Error(`${answers.length} answers`);
const faults: string[] = [];
const reasons = new Map<string, number>();
offers.forEach(({ name, raw }, i) => {
  const reason = ours(raw);
  const answer = answers[i] as string;
  reasons.set(reason ?? 'accepted', (reasons.get(reason ?? 'accepted') ?? 0) + 1);
  const isAccepted = answer === 'ok';
  if (reason === undefined && !isAccepted) faults.push(`${name}: accepted; btcd: ${answer}`);
  if (reason !== undefined && isAccepted && !reason.startsWith('stack-')) {
    faults.push(`${name}: refused (${reason}); btcd accepts`);
  }
});
for (const [reason, count] of [...reasons].sort(([, a], [, b]) => b - a)) {
  console.log(`${String(count).padStart(6)} ${reason}`);
}
for (const fault of faults) console.log(`FAULT ${fault}`);
console.log(`${offers.length} blocks, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
