/** Stories of lock times, absolute and relative. */
import { medianTimePast } from '../../../../lib/consensus/context.ts';
import type { Block } from '../../../../lib/types.ts';
import type { Story } from '../../../helpers/chain-builder.ts';
import { accepts, type BlockStory, COIN, tells } from './story-base.ts';

const NOT_FINAL = 'bad-txns-nonfinal';
const LATER = 0xffff_fffe;
const BY_TIME = 0x0040_0000;
const DISABLED = 0x8000_0000;
/** Of the block that the stories build: the coins of `split` are one block below. */
const HEIGHT = 107;

const locked = (
  story: Story,
  plan: { lockTime?: number; sequence?: number; version?: number; coin?: string },
): Block => {
  const { coin = 'split:0', sequence = LATER, version = 1, lockTime = 0 } = plan;
  const inputs = [{ coin, sequence }];
  const sats = coin.startsWith('split') ? COIN : 1;
  const tx = story.spend({ inputs, outputs: [{ to: 'bob', sats }], version, lockTime });
  return story.build({ txs: [tx] });
};

const coinbaseLocked = (story: Story, lockTime: number, sequence: number): Block =>
  story.build({
    coinbase: (fields) => ({
      ...fields,
      lockTime,
      inputs: fields.inputs.map((input) => ({ ...input, sequence })),
    }),
  });

/** Units of 512 s that the coins of a block are old, rounded down; the story's spacing is 600 s. */
const unitsSince = (story: Story, height: number): number => {
  const since = story.coins(story.tip).medianTimePast(height - 1);
  return Math.floor((medianTimePast(story.tip.entry) - since) / 512);
};

const absolute: readonly BlockStory[] = [
  accepts('below the height', (story) => locked(story, { lockTime: HEIGHT - 1 })),
  tells('the height', NOT_FINAL, (story) => locked(story, { lockTime: HEIGHT })),
  accepts('the height, all sequences final', (story) =>
    locked(story, { lockTime: HEIGHT, sequence: 0xffff_ffff }),
  ),
  accepts("below the parent's median time", (story) =>
    locked(story, { lockTime: medianTimePast(story.tip.entry) - 1 }),
  ),
  tells("the parent's median time, though below the block's own", NOT_FINAL, (story) =>
    locked(story, { lockTime: medianTimePast(story.tip.entry) }),
  ),
  tells('a coinbase that is locked', NOT_FINAL, (story) => coinbaseLocked(story, HEIGHT, 0)),
  accepts('a coinbase whose lock is over', (story) => coinbaseLocked(story, HEIGHT - 1, 0)),
  accepts('a coinbase with a lock and a final sequence', (story) =>
    coinbaseLocked(story, HEIGHT, 0xffff_ffff),
  ),
  accepts('a coinbase with a relative lock: there is no coin', (story) =>
    story.build({
      coinbase: (fields) => ({
        ...fields,
        version: 2,
        inputs: fields.inputs.map((input) => ({ ...input, sequence: 1000 })),
      }),
    }),
  ),
];

const relative: readonly BlockStory[] = [
  accepts('1 block', (story) => locked(story, { version: 2, sequence: 1 })),
  tells('2 blocks', NOT_FINAL, (story) => locked(story, { version: 2, sequence: 2 })),
  accepts('2 blocks, version 1', (story) => locked(story, { version: 1, sequence: 2 })),
  accepts('2 blocks, version 0', (story) => locked(story, { version: 0, sequence: 2 })),
  tells('2 blocks, version -1, which is above 2', NOT_FINAL, (story) =>
    locked(story, { version: -1, sequence: 2 }),
  ),
  accepts('2 blocks, switched off', (story) =>
    locked(story, { version: 2, sequence: DISABLED + 2 }),
  ),
  accepts('bits 16 to 21 mean nothing', (story) =>
    locked(story, { version: 2, sequence: 0x003f_0001 }),
  ),
  tells('bits 16 to 21 mean nothing, 2 blocks', NOT_FINAL, (story) =>
    locked(story, { version: 2, sequence: 0x003f_0002 }),
  ),
  accepts('100 blocks of a coinbase', (story) =>
    locked(story, { version: 2, sequence: 100, coin: 'b7:0' }),
  ),
  tells('101 blocks of a coinbase', NOT_FINAL, (story) =>
    locked(story, { version: 2, sequence: 101, coin: 'b7:0' }),
  ),
  accepts('no time', (story) => locked(story, { version: 2, sequence: BY_TIME })),
  accepts('the time that passed', (story) =>
    locked(story, { version: 2, sequence: BY_TIME + unitsSince(story, 7), coin: 'b7:0' }),
  ),
  tells('a unit more', NOT_FINAL, (story) =>
    locked(story, { version: 2, sequence: BY_TIME + unitsSince(story, 7) + 1, coin: 'b7:0' }),
  ),
  accepts('a parent in the same block, no lock', (story) => {
    const parent = story.pay({ name: 'kin', from: 'split:0', to: 'alice', sats: COIN / 2 });
    const inputs = [{ coin: 'kin:0', sequence: 0 }];
    const outputs = [{ to: 'bob', sats: 1 }];
    return story.build({ txs: [parent, story.spend({ version: 2, inputs, outputs })] });
  }),
  tells('a parent in the same block, 1 block', NOT_FINAL, (story) => {
    const parent = story.pay({ name: 'kin2', from: 'split:0', to: 'alice', sats: COIN / 2 });
    const inputs = [{ coin: 'kin2:0', sequence: 1 }];
    const outputs = [{ to: 'bob', sats: 1 }];
    return story.build({ txs: [parent, story.spend({ version: 2, inputs, outputs })] });
  }),
  tells('a parent in the same block, 1 unit of time', NOT_FINAL, (story) => {
    const parent = story.pay({ name: 'kin3', from: 'split:0', to: 'alice', sats: COIN / 2 });
    const inputs = [{ coin: 'kin3:0', sequence: BY_TIME + 1 }];
    const outputs = [{ to: 'bob', sats: 1 }];
    return story.build({ txs: [parent, story.spend({ version: 2, inputs, outputs })] });
  }),
  tells('one input of two', NOT_FINAL, (story) => {
    const inputs = [
      { coin: 'split:0', sequence: 1 },
      { coin: 'split:1', sequence: 2 },
    ];
    const outputs = [{ to: 'bob', sats: COIN }];
    return story.build({ txs: [story.spend({ version: 2, inputs, outputs })] });
  }),
];

export const lockStories: readonly BlockStory[] = [...absolute, ...relative];
