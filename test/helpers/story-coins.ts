/** The coins that are there after a block of a story, by what each block before it did to them. */
import type { Coin, OutpointKey } from '../../lib/types.ts';
import type { StoryBlock } from './story-plans.ts';

const indexes = new WeakMap<StoryBlock, Map<OutpointKey, Coin | null>>();

/** What a block does to coins: made, or null for spent. */
function indexOf(block: StoryBlock): Map<OutpointKey, Coin | null> {
  const known = indexes.get(block);
  if (known !== undefined) return known;
  const index = new Map<OutpointKey, Coin | null>();
  for (const { outpoint, coin } of block.effects.created) index.set(outpoint, coin);
  for (const { outpoint } of block.effects.spent) index.set(outpoint, null);
  indexes.set(block, index);
  return index;
}

export function coinAfter(block: StoryBlock, outpoint: OutpointKey): Coin | undefined {
  for (let at: StoryBlock | undefined = block; at !== undefined; at = at.parent) {
    const coin = indexOf(at).get(outpoint);
    if (coin !== undefined) return coin ?? undefined;
  }
  return undefined;
}
