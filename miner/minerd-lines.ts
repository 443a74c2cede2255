/**
 * The lines that minerd (pooler's cpuminer) prints, so that what reads or graphs its output reads
 * ours. Rates are in khash/s, with two decimals below 1,000.
 */

/** `[2026-11-25 09:05:00] text`, in local time. */
export function stamped(date: Date, text: string): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `[${day} ${time}] ${text}`;
}

const khash = (hashesPerSecond: number): string =>
  (hashesPerSecond / 1000).toFixed(hashesPerSecond >= 1e6 ? 0 : 2);

export const startedText = (threads: number): string =>
  `${threads} miner threads started, using 'sha256d' algorithm.`;

export const longPollText = (url: string): string => `Long-polling activated for ${url}`;

export const NEW_WORK_TEXT = 'LONGPOLL pushed new work';

export const threadText = (index: number, hashes: number, hashesPerSecond: number): string =>
  `thread ${index}: ${hashes} hashes, ${khash(hashesPerSecond)} khash/s`;

export interface Shares {
  readonly accepted: number;
  readonly rejected: number;
}

/** After each block that was submitted; both counts include it. */
export function shareText(
  { accepted, rejected }: Shares,
  hashesPerSecond: number,
  isAccepted: boolean,
): string {
  const all = accepted + rejected;
  const percent = ((100 * accepted) / all).toFixed(2);
  const cheer = isAccepted ? '(yay!!!)' : '(booooo)';
  return `accepted: ${accepted}/${all} (${percent}%), ${khash(hashesPerSecond)} khash/s ${cheer}`;
}
