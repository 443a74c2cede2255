/**
 * Blocks that must be accepted and blocks that must not, one story a rule. The last test fails unless
 * every reason by which a block or transaction can be against the rules was given at least once.
 */
import { describe, expect, it } from 'vitest';
import { decodeBlock } from '../../../lib/codec/block.ts';
import { REJECTS, type Reason, reasonCode } from '../../../lib/rejects.ts';
import type { Verdict } from '../../../lib/types.ts';
import type { Story, StoryBlock } from '../../helpers/chain-builder.ts';
import { bodyStories } from './stories/bodies.ts';
import { coinStories } from './stories/coins.ts';
import { headerStories } from './stories/headers.ts';
import { lockStories } from './stories/locks.ts';
import { scriptStories } from './stories/scripts.ts';
import type { BlockStory } from './stories/story-base.ts';

/** The whole way of some bytes: decoded, checked, connected, signatures verified. */
function judge(
  story: Story,
  { raw, on, now }: ReturnType<BlockStory['make']>,
): Verdict<StoryBlock> {
  const block = decodeBlock(raw);
  if (!block.ok) return block;
  return story.check(block.value, on ?? story.tip, now);
}

const groups: Readonly<Record<string, readonly BlockStory[]>> = {
  headers: headerStories,
  bodies: bodyStories,
  coins: coinStories,
  locks: lockStories,
  scripts: scriptStories,
};
const given = new Set<string>();

describe.each(Object.entries(groups))('%s', (_group, stories) => {
  it.each(stories)('$name: $reason', ({ base, make, reason, kind }) => {
    const story = base();
    const verdict = judge(story, make(story));
    if (!verdict.ok) given.add(reasonCode(verdict.reject.reason));
    const found = verdict.ok ? undefined : verdict.reject.reason;
    expect(found).toBe(reason);
    if (verdict.ok) expect(story.isSigned(verdict.value)).toBe(true);
    else if (kind !== undefined) expect(verdict.reject.kind).toBe(kind);
  });
});

describe('all reasons', () => {
  /** Against the rules, but not by what a block or transaction is. */
  const elsewhere: Partial<Record<Reason, string>> = {
    'bad-prevblk': 'what the chain remembers of the parent: test/unit/chain',
    'duplicate-invalid': 'what the chain remembers of the block itself: test/unit/chain',
    'header-decode-failed': 'a header that comes alone: test/unit/codec',
    clock: 'a verdict of the node on itself: test/unit/chain',
    'out-of-time': 'a verdict of a host on itself: test/unit/functions/generate.test.ts',
    'tx-decode-failed': 'a transaction that comes alone: test/unit/codec',
    'mempool-script-verify-flag-failed': 'the name that the mempool gives: test/unit/mempool',
    'bad-txns-oversize': 'a block that held one would be too long itself: transaction.test.ts',
    'bad-txns-fee-outofrange': 'inputs within 21e14 leave no larger fee',
    'bad-txns-BIP30': 'follows from the height in the coinbase script',
  };
  const rules = Object.entries(REJECTS).filter(
    ([, { kind }]) => kind === 'consensus' || kind === 'mutated' || kind === 'early',
  );

  it('each was given by a story', () => {
    const missing = rules
      .map(([reason]) => reason)
      .filter((reason) => !given.has(reason) && !(reason in elsewhere));
    expect(missing).toEqual([]);
  });

  it('those of elsewhere are not given here', () => {
    expect(Object.keys(elsewhere).filter((reason) => given.has(reason))).toEqual([]);
  });
});
