/** What a story (chain-builder.ts) is asked for, and what it answers. */
import type { TxFields } from '../../lib/codec/tx.ts';
import type { BlockEffects, BlockEntry } from '../../lib/consensus/types.ts';
import type { Block, BlockHeader, Tx, TxOut } from '../../lib/types.ts';

export interface StoryKey {
  readonly name: string;
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly hash160: Uint8Array;
  readonly script: Uint8Array;
  readonly address: string;
}

/** A block that the rules accepted, in its place. */
export interface StoryBlock {
  readonly name: string;
  readonly block: Block;
  readonly entry: BlockEntry;
  readonly parent?: StoryBlock;
  readonly effects: BlockEffects;
}

/** A key's name, or a whole script. */
export type Payee = string | Uint8Array;
export interface Payment {
  readonly to: Payee;
  readonly sats: number | bigint;
}

export interface SpendInput {
  /** `tx:vout`, or the coinbase of a block: `b1:0`. */
  readonly coin: string;
  readonly sequence?: number;
  /** Signs with this key, not with the coin's. */
  readonly key?: string;
  /** Takes this for a script, in place of signing. */
  readonly scriptSig?: Uint8Array;
}

export interface TxPlan {
  /** Under which its coins are found; its id if absent. */
  readonly name?: string;
  readonly inputs: readonly (string | SpendInput)[];
  readonly outputs: readonly Payment[];
  readonly version?: number;
  readonly lockTime?: number;
}

export interface BlockPlan {
  /** `b<height>` if absent, with a stroke for each that is taken. */
  readonly name?: string;
  /** Parent, by name or itself; the story's tip if absent. */
  readonly on?: string | StoryBlock;
  /** By name or themselves. */
  readonly txs?: readonly (string | Tx)[];
  /** The parent's time and one spacing if absent. */
  readonly time?: number;
  readonly payTo?: Payee;
  /** What the coinbase takes: subsidy and fees if absent. */
  readonly reward?: number | bigint;
  /** After the reward's. */
  readonly moreOutputs?: readonly TxOut[];
  readonly version?: number;
  readonly bits?: number;
  /** Changes the coinbase's fields. */
  readonly coinbase?: (fields: TxFields) => TxFields;
  /** Changes the list of transactions before the Merkle root is made. */
  readonly arrange?: (txs: readonly Tx[]) => readonly Tx[];
  /** Changes the header's fields before it is mined. */
  readonly header?: (fields: HeaderPlan) => HeaderPlan;
  /** Searches a nonce whose hash is above the target. */
  readonly unmined?: boolean;
}

export type HeaderPlan = Omit<BlockHeader, 'raw' | 'hash'>;
