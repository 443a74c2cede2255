/**
 * The partition of a script's coins and history, made once: connecting a block asks for the same one
 * several times, and every string put together anew costs as much as the hash. Keyed by the array
 * itself, so nothing outlives its coin.
 */
import { scriptHash } from '../script/p2pkh.ts';
import { addressPartition } from '../store/layout.ts';

const known = new WeakMap<Uint8Array, string>();

export function partitionOf(script: Uint8Array): string {
  const found = known.get(script);
  if (found !== undefined) return found;
  const pk = addressPartition(scriptHash(script));
  known.set(script, pk);
  return pk;
}

/** For one who knows it already. */
export function rememberPartition(script: Uint8Array, pk: string): void {
  known.set(script, pk);
}
