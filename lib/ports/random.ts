/** The only source of randomness below the entry points; cryptographically strong but in tests. */
export interface Random {
  bytes(count: number): Uint8Array;
}
