import type { ChainParams } from '../params/chain-params.ts';
import type { Height, Sats } from '../types.ts';
import { HALVINGS_MAX } from './limits.ts';

/** What a block at this height may create: halved every `halving` blocks, 0 from the 64th on. */
export function subsidy(height: Height, params: ChainParams): Sats {
  const halvings = Math.floor(height / params.halving);
  if (halvings >= HALVINGS_MAX) return 0 as Sats;
  return Number(BigInt(params.subsidySats) >> BigInt(halvings)) as Sats;
}
