import type { TemplateTx } from '../mempool/types.ts';
import type { BlockHash, Sats } from '../types.ts';

/** A block in waiting, without its coinbase (BIP22's fields are made from it). */
export interface Template {
  /** Changes with tip and mempool: `<tip hash><mempool sequence>`; BIP22's longpollid. */
  readonly id: string;
  readonly version: number;
  readonly prevHash: BlockHash;
  readonly height: number;
  readonly bits: number;
  readonly target: bigint;
  readonly curTime: number;
  readonly minTime: number;
  readonly coinbaseValue: Sats;
  /** First 8 bytes of the genesis hash, hex: keeps coinbase ids of two networks apart. */
  readonly coinbaseFlags: string;
  readonly txs: readonly TemplateTx[];
}

/** The miner's way to a node: JSON-RPC, or the node in the same process. */
export interface WorkSource {
  /** The work to do now. With `knownId`, waits (bounded) until there is other work. Throws Fault when unreachable. */
  template(options?: { knownId?: string; signal?: AbortSignal }): Promise<Template>;
  /** null: accepted. Else the BIP22 reject reason, e.g. `stale-prevblk`, `duplicate`, `inconclusive`. */
  submit(block: Uint8Array): Promise<string | null>;
}

/** A header to search and what its hash must not exceed: what the Engine port takes. */
export interface WorkUnit {
  /** 80 bytes, nonce 0. */
  readonly header: Uint8Array;
  readonly target: bigint;
}

/** What a worker needs to make headers by itself (assemble.ts). Plain data; hashes in wire order. */
export interface MiningJob {
  readonly templateId: string;
  readonly height: number;
  readonly version: number;
  readonly prevHash: Uint8Array;
  readonly bits: number;
  readonly target: bigint;
  readonly curTime: number;
  readonly minTime: number;
  /** The coinbase before and after its extra nonce. */
  readonly coinbaseHead: Uint8Array;
  readonly coinbaseTail: Uint8Array;
  readonly extraNonceBytes: number;
  /** Beside the coinbase's path up to the Merkle root, leaf level first. */
  readonly branch: readonly Uint8Array[];
}
