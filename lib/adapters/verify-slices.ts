/** Runs checks in place, a slice at a time, so that a large block does not stop the host's loop. */
import type { SignatureCheck } from '../types.ts';

/** The index of the first check that is not valid, or -1. */
export async function firstInvalidBySlices(
  checks: readonly SignatureCheck[],
  isValid: (check: SignatureCheck) => boolean,
  checksPerSlice: number,
): Promise<number> {
  for (let start = 0; start < checks.length; start += checksPerSlice) {
    if (start > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    const end = Math.min(start + checksPerSlice, checks.length);
    for (let i = start; i < end; i++) {
      if (!isValid(checks[i] as SignatureCheck)) return i;
    }
  }
  return -1;
}
