/** Runs a decoder and turns what it throws into a Verdict. */
import { refuse } from '../rejects.ts';
import type { Verdict } from '../types.ts';
import { DecodeError } from './reader.ts';

export function decoded<T>(reason: string, decode: () => T): Verdict<T> {
  try {
    return { ok: true, value: decode() };
  } catch (error) {
    if (error instanceof DecodeError) return refuse(error.reason ?? reason, error.message);
    throw error;
  }
}
