/** Searches nonces. The host re-hashes each candidate itself and does the full compare. */
export interface Engine {
  readonly name: string;
  /**
   * Tries nonces start .. start+count-1 (count <= 65,536, no wrap) of an 80-byte header against a
   * 256-bit target. Answers the first nonce whose hash is <= target, or -1.
   */
  search(header: Uint8Array, target: bigint, start: number, count: number): number;
}
