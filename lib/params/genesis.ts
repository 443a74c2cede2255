/** Block 0 as a value. Its bytes were checked when the parameters were made. */
import { decodeBlock } from '../codec/block.ts';
import { assert } from '../faults.ts';
import type { Block } from '../types.ts';
import type { ChainParams } from './chain-params.ts';

export function genesisBlock(params: Pick<ChainParams, 'genesis'>): Block {
  const block = decodeBlock(params.genesis);
  assert(block.ok, 'the genesis block does not decode');
  return block.value;
}
