import type { BlockHash, Height, Sats, UnixSeconds } from '../types.ts';

/** How the bits of the next block follow from the chain. */
export type Retarget =
  | { readonly kind: 'none'; readonly spacing: number }
  /** Every `window` blocks by the time that the last window - 1 intervals took, clamped to a factor 4. */
  | { readonly kind: 'bitcoin'; readonly spacing: number; readonly window: number }
  /** aserti3-2d whose anchor is the parent; a solve time counts as at most maxSolveSeconds. */
  | {
      readonly kind: 'asert';
      readonly spacing: number;
      readonly halfLife: number;
      readonly maxSolveSeconds: number;
    };

/** The rules of one network. No rule asks for its name. */
export interface ChainParams {
  readonly name: string;
  /** The whole genesis block, wire bytes. */
  readonly genesis: Uint8Array;
  readonly genesisHash: BlockHash;
  /** Whether block 0's P2PKH output can be spent; never on regtest, as in Bitcoin. */
  readonly genesisSpendable: boolean;
  /** Largest target, also as its compact form. */
  readonly powLimit: bigint;
  readonly powLimitBits: number;
  readonly retarget: Retarget;
  /** A header's time may be this many seconds ahead of our clock. */
  readonly maxFutureSeconds: number;
  /** Blocks between halvings of the subsidy. */
  readonly halving: number;
  readonly subsidySats: Sats;
  /** A coinbase's coin can be spent by a block this many heights above it. */
  readonly maturity: number;
  readonly addressVersion: number;
  readonly wifVersion: number;

  /* The operator's own, not part of the network's identity. */
  readonly minimumChainWork: bigint;
  readonly checkpoints: readonly { readonly height: Height; readonly hash: BlockHash }[];
  /** A better branch that forks deeper is parked. 0: none. */
  readonly reorgLimit: number;
  /** Peers named in the network file. */
  readonly peers: readonly string[];
}

/** The JSON of `network.json` and `GET /v1/network` (interfaces section 4). */
export interface NetworkFile {
  readonly name: string;
  readonly genesis: string;
  readonly genesisSpendable: boolean;
  readonly powLimitBits: string;
  readonly retarget: {
    readonly kind: 'none' | 'bitcoin' | 'asert';
    readonly spacing: number;
    readonly halfLife?: number;
    readonly maxSolveSeconds?: number;
    readonly window?: number;
  };
  readonly maxFutureSeconds: number;
  readonly halving: number;
  readonly maturity: number;
  readonly subsidySats: number;
  readonly addressVersion: number;
  readonly wifVersion: number;
  readonly minimumChainWork?: string;
  readonly checkpoints?: readonly { readonly height: number; readonly hash: string }[];
  readonly reorgLimit?: number;
  readonly peers?: readonly string[];
}

/** What founds a network: the only input besides the parameters. */
export interface FoundingInput {
  readonly time: UnixSeconds;
  readonly bits: number;
  /** HASH160 of the founder's address; absent: the genesis coin is an OP_RETURN. */
  readonly payTo?: Uint8Array;
}
