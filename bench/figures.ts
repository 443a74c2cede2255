/** What the benches share: medians, tables, and the line for programs. */
import { loadavg } from 'node:os';

/** The value below which the share of the sorted list lies; NaN for an empty one. */
export function quantile(list: readonly number[], share: number): number {
  const sorted = [...list].sort((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.floor(share * sorted.length));
  return sorted[at] ?? Number.NaN;
}

export const median = (list: readonly number[]): number => quantile(list, 0.5);
export const worst = (list: readonly number[]): number => Math.max(...list);

export type Row = Readonly<Record<string, string | number>>;

/** Rows as columns of text, numbers to the right. */
export function printTable(rows: readonly Row[]): void {
  const [first] = rows;
  if (first === undefined) return;
  const columns = Object.keys(first);
  const lines = [columns, ...rows.map((row) => columns.map((name) => String(row[name] ?? '')))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  for (const line of lines) {
    const cells = line.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
    );
    console.log(cells.join('  ').trimEnd());
  }
}

/** Load of the machine: figures of a busy one say little. */
export const loadText = (): string => `load ${loadavg()[0]?.toFixed(2)}`;

export const round = (value: number, digits = 0): number => Number(value.toFixed(digits));
