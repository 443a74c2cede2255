/** Tables for people: columns as wide as their widest cell. */

/** Lines with two blanks between columns and none at their ends. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

const RATES = ['H/s', 'kH/s', 'MH/s', 'GH/s', 'TH/s'];

/** Hashes per second with three digits and a unit. */
export function rateText(hashesPerSecond: number): string {
  let rate = hashesPerSecond;
  let unit = 0;
  while (rate >= 1000 && unit < RATES.length - 1) {
    rate /= 1000;
    unit++;
  }
  const digits = unit === 0 || rate >= 100 ? 0 : rate >= 10 ? 1 : 2;
  return `${rate.toFixed(digits)} ${RATES[unit]}`;
}
