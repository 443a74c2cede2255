/**
 * Founded networks: one set of parameters, a genesis each. The genesis coinbase carries the SHA-256
 * of the parameters' canonical JSON, so that the genesis hash names the rules.
 */
import { makeBlock } from '../codec/block.ts';
import { makeHeader } from '../codec/header.ts';
import { toDisplay } from '../codec/hex.ts';
import { makeTx } from '../codec/tx.ts';
import { hash256 } from '../crypto/hash.ts';
import { assert } from '../faults.ts';
import type { Engine } from '../ports/engine.ts';
import { opReturnScript } from '../script/op-return.ts';
import { p2pkhScript } from '../script/p2pkh.ts';
import type { BlockHash, BlockHeader, Hash, Sats, Tx, Txid } from '../types.ts';
import type { ChainParams, FoundingInput } from './chain-params.ts';
import { ASERT_REORG_LIMIT, canonicalTarget, commitmentOf } from './network-file.ts';

const COIN = 100_000_000;

/** Parameters of a network, all but its genesis. */
export type NetworkBase = Omit<ChainParams, 'genesis' | 'genesisHash' | 'genesisSpendable'>;

/** What stacknet's founded networks share (design: blocks every 15 s, a half-life of 40 blocks). */
export const stacknetBase: NetworkBase = {
  name: 'stacknet',
  powLimit: 0xfffffn << 216n,
  powLimitBits: 0x1e0fffff,
  retarget: { kind: 'asert', spacing: 15, halfLife: 600, maxSolveSeconds: 2400 },
  maxFutureSeconds: 60,
  halving: 210_000,
  subsidySats: (50 * COIN) as Sats,
  maturity: 1,
  addressVersion: 0x00,
  wifVersion: 0x80,
  minimumChainWork: 0n,
  checkpoints: [],
  reorgLimit: ASERT_REORG_LIMIT,
  peers: [],
};

const NONCES = 0x1_0000_0000;
const CHUNK = 0x1_0000;
const NO_FOUNDER = new TextEncoder().encode('stackchain');

/** Tries nonces one by one: for the few hashes of a test, or where no engine is given. */
export const plainSearch: Engine = {
  name: 'in place',
  search(header, target, start, count) {
    const bytes = header.slice();
    const nonceAt = new DataView(bytes.buffer, 76);
    for (let nonce = start; nonce < start + count; nonce++) {
      nonceAt.setUint32(0, nonce, true);
      if (BigInt(`0x${toDisplay(hash256(bytes))}`) <= target) return nonce;
    }
    return -1;
  },
};

function genesisCoinbase(base: NetworkBase, input: FoundingInput): Tx {
  const commitment = commitmentOf(base);
  const scriptSig = new Uint8Array(1 + commitment.length);
  scriptSig[0] = commitment.length;
  scriptSig.set(commitment, 1);
  const prevout = { txid: '0'.repeat(64) as Txid, vout: 0xffff_ffff };
  const output =
    input.payTo === undefined
      ? { value: 0n, scriptPubKey: opReturnScript(NO_FOUNDER) }
      : { value: BigInt(base.subsidySats), scriptPubKey: p2pkhScript(input.payTo) };
  return makeTx({
    version: 1,
    inputs: [{ prevout, scriptSig, sequence: 0xffff_ffff }],
    outputs: [output],
    lockTime: 0,
  });
}

/**
 * The target of bits that a founder chose, undefined for what is no canonical target of the network:
 * `init-blockchain --genesis-bits`.
 */
export function foundingTarget(
  bits: number,
  base: Pick<NetworkBase, 'powLimit'> = stacknetBase,
): bigint | undefined {
  const target = canonicalTarget(bits);
  return target !== undefined && target <= base.powLimit ? target : undefined;
}

/**
 * Founds a network: mines its block 0, which takes about a million hashes at stacknet's limit.
 * Time, founder and bits are the only inputs besides the parameters.
 */
export function foundNetwork(
  input: FoundingInput,
  options: { readonly base?: NetworkBase; readonly engine?: Engine } = {},
): ChainParams {
  const { base = stacknetBase, engine = plainSearch } = options;
  const coinbase = genesisCoinbase(base, input);
  const target = foundingTarget(input.bits, base);
  assert(target !== undefined, `${input.bits} are no bits of this network`);
  for (let time = input.time; ; time++) {
    const header = mineGenesis({ coinbase, time, bits: input.bits }, target, engine);
    if (header === undefined) continue;
    return {
      ...base,
      genesis: makeBlock(header, [coinbase]).raw,
      genesisHash: header.hash,
      genesisSpendable: input.payTo !== undefined,
    };
  }
}

/** Block 0's header, undefined if no nonce of this second does. */
function mineGenesis(
  plan: { readonly coinbase: Tx; readonly time: number; readonly bits: number },
  target: bigint,
  engine: Engine,
): BlockHeader | undefined {
  const fields = {
    version: 4,
    prevHash: '0'.repeat(64) as BlockHash,
    merkleRoot: plan.coinbase.txid as string as Hash,
    time: plan.time,
    bits: plan.bits,
  };
  const { raw } = makeHeader({ ...fields, nonce: 0 });
  for (let start = 0; start < NONCES; ) {
    const end = Math.min(start + CHUNK, NONCES);
    const nonce = engine.search(raw, target, start, end - start);
    if (nonce >= 0) {
      // An engine proposes; the rule is ours.
      const header = makeHeader({ ...fields, nonce });
      if (BigInt(`0x${header.hash}`) <= target) return header;
    }
    start = nonce >= start ? nonce + 1 : end;
  }
  return undefined;
}
