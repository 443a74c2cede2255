/**
 * From a template to headers to search and to the block that was found. What changes with the extra
 * nonce is the coinbase alone, so a worker holds its bytes around the extra nonce and the Merkle
 * branch beside it, and makes a new header with one coinbase hash and a hash per level. Pure.
 */
import {
  ByteWriter,
  fromDisplay,
  HEADER_BYTES,
  makeBlock,
  makeHeader,
  toDisplay,
} from '../codec/index.ts';
import { hash256 } from '../crypto/hash.ts';
import { assert } from '../faults.ts';
import type { Block, Txid, UnixSeconds } from '../types.ts';
import { coinbaseScript, makeCoinbase } from './coinbase.ts';
import type { MiningJob, Template, WorkUnit } from './types.ts';

const HASH_BYTES = 32;
/** version, count of inputs, null prevout, length of the script. */
const BYTES_BEFORE_SCRIPT = 4 + 1 + 36 + 1;

/** The hashes beside the path from the first transaction up to the root, leaf level first. */
export function coinbaseBranch(txids: readonly Txid[]): Uint8Array[] {
  const branch: Uint8Array[] = [];
  // Place 0 stands for the coinbase, whose path is not hashed here.
  let level: (Uint8Array | undefined)[] = [undefined, ...txids.map((txid) => fromDisplay(txid))];
  while (level.length > 1) {
    branch.push(level[1] as Uint8Array);
    if (level.length % 2 === 1) level.push(level.at(-1));
    const above: (Uint8Array | undefined)[] = [undefined];
    for (let i = 2; i < level.length; i += 2) {
      above.push(hashPair(level[i] as Uint8Array, level[i + 1] as Uint8Array));
    }
    level = above;
  }
  return branch;
}

function hashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * HASH_BYTES);
  pair.set(left);
  pair.set(right, HASH_BYTES);
  return hash256(pair);
}

/** Root of a block whose coinbase has this hash (wire order). */
export const rootFrom = (coinbaseHash: Uint8Array, branch: readonly Uint8Array[]): Uint8Array =>
  branch.reduce(hashPair, coinbaseHash);

/**
 * What a worker needs to make headers of its own: plain data, so that it can be sent to a thread.
 * `extraNonceBytes`: length of the extra nonce that `workUnit` will be given.
 */
export function miningJob(
  template: Template,
  of: { readonly payTo: Uint8Array; readonly extraNonceBytes: number },
): MiningJob {
  const extraNonce = new Uint8Array(of.extraNonceBytes);
  const coinbase = coinbaseOf(template, of.payTo, extraNonce);
  const script = coinbaseScript(template.height, template.coinbaseFlags, extraNonce);
  const end = BYTES_BEFORE_SCRIPT + script.length;
  return {
    templateId: template.id,
    height: template.height,
    version: template.version,
    prevHash: fromDisplay(template.prevHash),
    bits: template.bits,
    target: template.target,
    curTime: template.curTime,
    minTime: template.minTime,
    coinbaseHead: coinbase.raw.slice(0, end - of.extraNonceBytes),
    coinbaseTail: coinbase.raw.slice(end),
    extraNonceBytes: of.extraNonceBytes,
    branch: coinbaseBranch(template.txs.map(({ entry }) => entry.txid)),
  };
}

/** A header to search, nonce 0. */
export function workUnit(job: MiningJob, extraNonce: Uint8Array, time?: UnixSeconds): WorkUnit {
  assert(extraNonce.length === job.extraNonceBytes, 'the extra nonce has the length of the job');
  const headLength = job.coinbaseHead.length;
  const coinbase = new Uint8Array(headLength + extraNonce.length + job.coinbaseTail.length);
  coinbase.set(job.coinbaseHead);
  coinbase.set(extraNonce, headLength);
  coinbase.set(job.coinbaseTail, headLength + extraNonce.length);
  const header = new ByteWriter(HEADER_BYTES)
    .u32(job.version)
    .bytes(job.prevHash)
    .bytes(rootFrom(hash256(coinbase), job.branch))
    .u32(time ?? job.curTime)
    .u32(job.bits)
    .u32(0)
    .done();
  return { header, target: job.target };
}

const coinbaseOf = (template: Template, payTo: Uint8Array, extraNonce: Uint8Array) =>
  makeCoinbase({
    height: template.height,
    flags: template.coinbaseFlags,
    extraNonce,
    payTo,
    value: template.coinbaseValue,
  });

/** The whole block; its proof of work is whatever the nonce gives. */
export function assembleBlock(
  template: Template,
  of: {
    /** P2PKH or OP_RETURN. */
    readonly payTo: Uint8Array;
    readonly extraNonce: Uint8Array;
    readonly time?: UnixSeconds;
    readonly nonce?: number;
  },
): Block {
  const coinbase = coinbaseOf(template, of.payTo, of.extraNonce);
  const branch = coinbaseBranch(template.txs.map(({ entry }) => entry.txid));
  const header = makeHeader({
    version: template.version,
    prevHash: template.prevHash,
    merkleRoot: toDisplay(rootFrom(fromDisplay(coinbase.txid), branch)),
    time: of.time ?? template.curTime,
    bits: template.bits,
    nonce: of.nonce ?? 0,
  });
  return makeBlock(header, [coinbase, ...template.txs.map(({ entry }) => entry.tx)]);
}
