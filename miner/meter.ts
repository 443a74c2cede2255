/** Hash rate: nonces tried over wall time, both of the last few seconds. */
const WINDOW_MS = 10_000;

export interface Meter {
  /** Notes that `hashes` were tried in all by now. */
  note(nowMs: number, hashes: number): void;
  /** Hashes per second. */
  rate(): number;
}

export function createMeter(): Meter {
  let notes: { readonly atMs: number; readonly hashes: number }[] = [];
  return {
    note(atMs, hashes) {
      notes = [...notes.filter((one) => atMs - one.atMs <= WINDOW_MS), { atMs, hashes }];
    },
    rate() {
      const first = notes[0];
      const last = notes.at(-1);
      if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
      return ((last.hashes - first.hashes) * 1000) / (last.atMs - first.atMs);
    },
  };
}
