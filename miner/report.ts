/** The miner's lines: hash rate, blocks found, blocks that came too late. */
import type { FoundBlock, MinerStats } from './miner.ts';

const UNITS = ['H/s', 'kH/s', 'MH/s', 'GH/s', 'TH/s'];

/** `1.72 MH/s`: three digits that count. */
export function rateText(hashesPerSecond: number): string {
  let value = hashesPerSecond;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toPrecision(3)} ${UNITS[unit]}`;
}

export function statsLine(stats: MinerStats): string {
  const { hashRate, found, stale, rejected, height, templateAgeMs } = stats;
  if (height === 0) return 'waiting for work';
  const parts = [rateText(hashRate), `height ${height}`, `${found} found`, `${stale} stale`];
  if (rejected > 0) parts.push(`${rejected} refused`);
  parts.push(`work ${Math.round(templateAgeMs / 1000)} s old`);
  return parts.join(', ');
}

export const foundLine = ({ hash, height }: FoundBlock): string => `found ${height} ${hash}`;

export const lostLine = ({ hash, height }: FoundBlock, reason: string): string =>
  `lost ${height} ${hash} ${reason}`;
