/**
 * Script hashes, each computed once: connecting a block asks for the same one several times. Keyed
 * by the array itself, so nothing outlives its coin.
 */
import { scriptHash } from '../script/p2pkh.ts';
import type { ScriptHash } from '../types.ts';

const known = new WeakMap<Uint8Array, ScriptHash>();

export function scriptHashOf(script: Uint8Array): ScriptHash {
  const found = known.get(script);
  if (found !== undefined) return found;
  const hash = scriptHash(script);
  known.set(script, hash);
  return hash;
}

/** For one who knows it already. */
export function rememberScriptHash(script: Uint8Array, hash: ScriptHash): void {
  known.set(script, hash);
}
