/** Reads test/vectors. The shape of a case is told by the file's own note. */
import { readFileSync } from 'node:fs';
import { fromHex } from '../../lib/codec/hex.ts';
import type { Verdict } from '../../lib/types.ts';

const urlOf = (path: string): URL => new URL(`../vectors/${path}`, import.meta.url);

/** The cases of a file, e.g. `tx_decode`. Fails for an empty one, which would test nothing. */
export function vectorCases<T>(name: string): T[] {
  const { cases } = JSON.parse(readFileSync(urlOf(`${name}.json`), 'utf8')) as { cases: T[] };
  if (cases.length === 0) throw new Error(`no cases in ${name}`);
  return cases;
}

/** A raw file, e.g. `blocks/000170.bin`. */
export const vectorBytes = (path: string): Uint8Array => new Uint8Array(readFileSync(urlOf(path)));

export function bytes(hex: string): Uint8Array {
  const value = fromHex(hex);
  if (value === undefined) throw new Error(`not hex: ${hex}`);
  return value;
}

/** The value of a verdict that must be good. */
export function must<T>(verdict: Verdict<T>): T {
  if (!verdict.ok) throw new Error(`${verdict.reject.reason} ${verdict.reject.detail ?? ''}`);
  return verdict.value;
}

/** The reason of a verdict, undefined if it is good. */
export const reasonOf = (verdict: Verdict<unknown>): string | undefined =>
  verdict.ok ? undefined : verdict.reject.reason;
