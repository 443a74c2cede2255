/**
 * A tree of blocks at random on regtest: branches that overtake each other, spend each other's coins
 * and turn out wrong halfway. Each block is nearly right, or right; which one it is is known here by
 * the pure rules, but whether a node follows them over reorganisations is not.
 */

import { equalBytes } from '../../lib/codec/hex.ts';
import { checkBlock } from '../../lib/consensus/check-block.ts';
import { childEntry } from '../../lib/consensus/context.ts';
import type { Block, Sats } from '../../lib/types.ts';
import type { Story, StoryBlock } from '../helpers/chain-builder.ts';
import { replayCoins } from '../helpers/chain-rig.ts';
import { type Dice, randomBlock } from './random-blocks.ts';

/** Reasons that only the coins or signatures tell: until a branch wins, nobody need know. */
const LATE = [
  'bad-txns-inputs-missingorspent',
  'bad-txns-in-belowout',
  'bad-txns-premature-spend-of-coinbase',
  'bad-cb-amount',
  'block-script-verify-flag-failed',
  'signatures',
];
/** A branch forks at most so far below the best. */
const FORK_DEPTH = 6;
/** How far a branch that is wrong is built on above the best that is right. */
const DOOMED_ABOVE = 2;
const TRIES = 8;

export interface Grown {
  readonly block: Block;
  /** `stack-…`: our own reason. */
  readonly reason: string | undefined;
}

interface Leaf extends StoryBlock {
  /** A block below, or this one, breaks a rule. */
  readonly isDoomed: boolean;
}

const nothing = { created: [], spent: [], fees: 0 as Sats, signatureChecks: [] };

/** Names of the coins of alice's after this block, for Story.spend; a few of them too young. */
function coinsOf(story: Story, at: StoryBlock): string[] {
  const own = story.key('alice').script;
  return [...replayCoins(at)].flatMap(([outpoint, coin]) => {
    if (!equalBytes(coin.scriptPubKey, own) || coin.value < 2000) return [];
    const youngest = at.entry.height + 1 - story.params.maturity + 1;
    return coin.coinbase && coin.height > youngest ? [] : [outpoint];
  });
}

/** Blocks in the order in which they are offered. `story.tip`: the block that all stand on. */
export function growTree(dice: Dice, story: Story, count: number, clock: number): Grown[] {
  const grown: Grown[] = [];
  const leaves: Leaf[] = [{ ...story.tip, isDoomed: false }];
  const attempt = (parent: Leaf): void => {
    story.tip = parent;
    const isPlain = dice(3) === 0 || parent.isDoomed;
    const block = isPlain
      ? story.build({ time: timeAbove(dice, parent) })
      : randomBlock(dice, story, coinsOf(story, parent));
    for (const tx of block.txs) story.name(tx);
    const verdict = story.check(block, parent, clock);
    const reason = verdict.ok
      ? story.isSigned(verdict.value)
        ? undefined
        : 'signatures'
      : verdict.reject.reason;
    grown.push({ block, reason });
    if (verdict.ok && reason === undefined) {
      leaves.push({ ...verdict.value, isDoomed: parent.isDoomed });
    } else if (
      LATE.some((late) => reason?.startsWith(late)) &&
      checkBlock(block, story.params).ok
    ) {
      const name = block.header.hash;
      const entry = childEntry(block.header, parent.entry, story.params);
      leaves.push({ name, block, entry, parent, effects: nothing, isDoomed: true });
    }
  };
  let favourite = leaves[0] as Leaf;
  while (grown.length < count) {
    const top = Math.max(...leaves.map(({ isDoomed, entry }) => (isDoomed ? 0 : entry.height)));
    const near = leaves.filter(
      ({ isDoomed, entry }) =>
        entry.height > top - FORK_DEPTH && (!isDoomed || entry.height <= top + DOOMED_ABOVE),
    );
    // A branch is stayed with until it has overtaken, or is left behind.
    if (dice(5) === 0 || !near.includes(favourite)) favourite = near[dice(near.length)] as Leaf;
    const before = leaves.length;
    for (let tries = 0; tries < TRIES && leaves.length === before; tries++) attempt(favourite);
    favourite = leaves.at(-1) as Leaf;
  }
  return grown;
}

function timeAbove(dice: Dice, { entry }: StoryBlock): number {
  const sorted = [...entry.times].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] as number;
  return [median + 1, entry.header.time + 1, entry.header.time + 600, entry.header.time + 512 * 3][
    dice(4)
  ] as number;
}
