/** The only source of time below the entry points. */
export interface Clock {
  /** Milliseconds since 1970. Never goes back within a process. */
  nowMs(): number;
}
/** Whole Unix seconds, as headers bear them. */
export const nowSeconds = (clock: Clock): number => Math.floor(clock.nowMs() / 1000);
