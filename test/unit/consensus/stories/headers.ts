/** Stories of headers. */
import { genesisEntry, medianTimePast } from '../../../../lib/consensus/context.ts';
import { regtest } from '../../../../lib/params/index.ts';
import { easyNetwork, Story } from '../../../helpers/chain-builder.ts';
import { accepts, type BlockStory, offer, tells } from './story-base.ts';

/** The last block came fast: the next must be harder than its parents. */
const easy = () => {
  const story = new Story(easyNetwork());
  story.mineMany(20);
  story.mine({ time: story.tip.entry.header.time + 1 });
  return story;
};
const LIMIT = 7200;

export const headerStories: readonly BlockStory[] = [
  accepts('as it should be', (story) => story.build()),
  tells('hash above the target', 'high-hash', (story) => story.build({ unmined: true }), {
    kind: 'consensus',
  }),
  tells('bits of another form', 'bad-diffbits', (story) => story.build({ bits: 0x207ffffe })),
  tells('bits harder than they must be', 'bad-diffbits', (story) =>
    story.build({ bits: 0x2000ffff }),
  ),
  tells(
    'bits of the parent where they should move',
    'bad-diffbits',
    (story) => story.build({ bits: story.block('b21').entry.header.bits }),
    { base: easy },
  ),
  accepts('bits that follow the rule', (story) => story.build(), easy),
  tells('time of the median', 'time-too-old', (story) =>
    story.build({ time: medianTimePast(story.tip.entry) }),
  ),
  accepts('a second above the median, before its parent', (story) =>
    story.build({ time: medianTimePast(story.tip.entry) + 1 }),
  ),
  tells(
    'a second beyond the future limit',
    'time-too-new',
    (story) => {
      const now = story.tip.entry.header.time;
      return offer(story.build({ time: now + LIMIT + 1 }), { now });
    },
    { kind: 'early' },
  ),
  accepts('at the future limit', (story) => {
    const now = story.tip.entry.header.time;
    return offer(story.build({ time: now + LIMIT }), { now });
  }),
  tells('version 3', 'bad-version(0x00000003)', (story) => story.build({ version: 3 })),
  tells('version below zero', 'bad-version(0x80000004)', (story) =>
    story.build({ version: 0x80000004 - 0x1_0000_0000 }),
  ),
  accepts('version with bits of BIP9', (story) => story.build({ version: 0x3fffe000 })),
  tells('another block at a checkpoint', 'checkpoint mismatch', (story) => story.build(), {
    base: () => {
      const { hash } = genesisEntry(regtest);
      return new Story({ ...regtest, checkpoints: [{ height: 1, hash }] });
    },
  }),
];
