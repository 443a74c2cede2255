/** Whole numbers and ports as flags bring them. */
import { usage } from './errors.ts';

/** The flag's number within its bounds, or a usage error that names the flag. */
export function wholeNumber(
  text: string,
  bounds: { readonly flag: string; readonly min: number; readonly max: number },
): number {
  const { flag, min, max } = bounds;
  const number = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw usage(`Error: ${flag} takes a whole number from ${min} to ${max}.`);
}

/** More than any machine has. */
const THREADS_MAX = 1024;

export const threadCount = (text: string): number =>
  wholeNumber(text, { flag: '--threads', min: 1, max: THREADS_MAX });

export const portNumber = (text: string): number =>
  wholeNumber(text, { flag: '--port', min: 0, max: 65_535 });
