/** A deployed node as the tests of its life know it. */
export interface LifeNode {
  readonly name: string;
  readonly url: string;
  /** Of its API. */
  readonly token: string;
  /** Its first wallet. */
  address: string;
}
