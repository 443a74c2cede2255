/** What all block stories share: the form of one, and the chains that they go on from. */

import type { ChainParams } from '../../../../lib/params/chain-params.ts';
import type { Block, RejectKind } from '../../../../lib/types.ts';
import { easyNetwork, Story, type StoryBlock } from '../../../helpers/chain-builder.ts';

/** A block's bytes, above which block they come, and the clock of the node that looks. */
export interface Offer {
  readonly raw: Uint8Array;
  readonly on?: StoryBlock;
  readonly now?: number;
}

export interface BlockStory {
  readonly name: string;
  /** Undefined: the block is accepted. */
  readonly reason: string | undefined;
  readonly kind?: RejectKind;
  readonly base: () => Story;
  readonly make: (story: Story) => Offer;
}

export const COIN = 100_000_000;
export const SUBSIDY = 50 * COIN;

/** btcd asks for BIP16 before it verifies a witness, and turns it on by the time: 2012-04-01. */
const AFTER_BIP16 = 1_700_000_000;

const once = (make: () => Story): (() => Story) => {
  let story: Story | undefined;
  return () => {
    story ??= make();
    return story;
  };
};

/**
 * Regtest with 106 blocks: `b1:0` to `b6:0` and later are alice's coinbases; `split` in block 106
 * has forty coins of alice's, 1 coin each.
 */
export const regtestBase = once(() => {
  const story = new Story();
  story.miner = 'alice';
  story.mine({ time: AFTER_BIP16 });
  story.mineMany(104);
  const outputs = Array.from({ length: 40 }, () => ({ to: 'alice', sats: COIN }));
  story.mine({ txs: [story.spend({ name: 'split', inputs: ['b1:0'], outputs })] });
  return story;
});

/** A network of easy blocks with rules of its own, and some of them. */
export const easyBase = (changes: Partial<ChainParams>, blocks: number): (() => Story) =>
  once(() => {
    const story = new Story(easyNetwork(changes));
    story.miner = 'alice';
    story.mineMany(blocks);
    return story;
  });

export const offer = ({ raw }: Block, more: Omit<Offer, 'raw'> = {}): Offer => ({ raw, ...more });

type Make = (story: Story) => Block | Offer;
const asOffer = (made: Block | Offer): Offer => ('txs' in made ? offer(made) : made);

/** A story on regtest. */
export const tells = (
  name: string,
  reason: string | undefined,
  make: Make,
  more: { readonly kind?: RejectKind; readonly base?: () => Story } = {},
): BlockStory => ({
  name,
  reason,
  base: more.base ?? regtestBase,
  make: (story) => asOffer(make(story)),
  ...(more.kind !== undefined && { kind: more.kind }),
});

export const accepts = (name: string, make: Make, base?: () => Story): BlockStory =>
  tells(name, undefined, make, base && { base });
