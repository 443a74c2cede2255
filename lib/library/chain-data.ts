/**
 * The library's part on transactions, blocks and the rules on them by themselves. Owns names and
 * documentation that stay; the work is done in codec/, script/ and consensus/. Ids are display hex.
 */
import { verify } from '@noble/secp256k1';
import * as codec from '../codec/index.ts';
import * as consensus from '../consensus/index.ts';
import * as merkle from '../crypto/merkle.ts';
import type { ChainParams } from '../params/index.ts';
import { refuse, scriptFailure } from '../rejects.ts';
import * as script from '../script/index.ts';
import {
  type Block,
  type BlockHash,
  type BlockHeader,
  type Hash,
  type Sats,
  type SignatureCheck,
  type Tx,
  type Txid,
  type Verdict,
  valid,
} from '../types.ts';

/**
 * A text as an id of a transaction. Rejects: `invalid-hex` for what is not 64 lower-case hex digits.
 * @example
 * console.log(parseTxid('ab'.repeat(32)).ok, parseTxid('AB'.repeat(32)).ok); // true false
 */
export const parseTxid = (text: string): Verdict<Txid> =>
  codec.isHash(text)
    ? valid(text as string as Txid)
    : refuse('invalid-hex', 'an id is 64 lower-case hex digits');

/**
 * A number as an amount in base units. Rejects: `invalid-amount` for what is not a whole number from
 * 0 to 21e14.
 * @example
 * console.log(parseSats(5_000_000_000).ok, parseSats(0.5).ok); // true false
 */
export const parseSats = (value: number): Verdict<Sats> =>
  Number.isSafeInteger(value) && value >= 0 && value <= consensus.MONEY_MAX
    ? valid(value as Sats)
    : refuse('invalid-amount', 'an amount is a whole number from 0 to 21e14');

/**
 * Bitcoin's legacy form, nothing after it, no witness; keeps the bytes. Rejects: `tx-decode-failed`,
 * `stack-trailing-bytes`, `stack-witness`.
 * @example
 * const tx = decodeTx(genesisBlock(regtest).txs[0].raw);
 * console.log(tx.ok && tx.value.outputs[0].value); // 5000000000n
 */
export const decodeTx = (raw: Uint8Array): Verdict<Tx> => codec.decodeTx(raw);

/**
 * The bytes of a transaction: of one that was decoded, those it came in.
 * @example
 * const [coinbase] = genesisBlock(regtest).txs;
 * console.log(toHex(encodeTx(coinbase)) === toHex(coinbase.raw)); // true
 */
export const encodeTx = (fields: codec.TxFields): Uint8Array => codec.encodeTx(fields);

/**
 * A transaction from its fields, with bytes and id.
 * @example
 * const tx = makeTx({ version: 2, inputs: [], outputs: [], lockTime: 0 });
 * console.log(tx.raw.length); // 10
 */
export const makeTx = (fields: codec.TxFields): Tx => codec.makeTx(fields);

/**
 * The id of a transaction, or of its bytes: double SHA-256, display order.
 * @example
 * const [coinbase] = genesisBlock(regtest).txs;
 * console.log(txid(coinbase.raw).slice(0, 16)); // 4a5e1e4baab89f3a
 */
export const txid = (tx: Tx | Uint8Array): Txid =>
  tx instanceof Uint8Array ? codec.txidOf(tx) : tx.txid;

/**
 * What a transaction must be by itself, in Core's order. Rejects: `bad-txns-vin-empty`,
 * `bad-txns-vout-empty`, `bad-txns-oversize`, `bad-txns-vout-negative`, `bad-txns-vout-toolarge`,
 * `bad-txns-txouttotal-toolarge`, `bad-txns-inputs-duplicate`, `bad-cb-length`,
 * `bad-txns-prevout-null`, `stack-64-bytes`, `stack-sighash-bytes`.
 * @example
 * const checked = checkTransaction(makeTx({ version: 2, inputs: [], outputs: [], lockTime: 0 }));
 * console.log(checked.ok || checked.reject.reason); // bad-txns-vin-empty
 */
export const checkTransaction = (tx: Tx): Verdict => consensus.checkTransaction(tx);

/**
 * The 32 bytes, in byte order, that a signature of input `index` signs. `scriptCode`: the script of
 * the coin. `hashType`: 1 (SIGHASH_ALL) is the only one that our networks take; all are computed as
 * Bitcoin does, its answer of 1 for an index that is not there included.
 * @example
 * const [coinbase] = genesisBlock(regtest).txs;
 * console.log(sighash(coinbase, 0, p2pkhScript(new Uint8Array(20))).length); // 32
 */
export const sighash = (
  tx: Tx,
  index: number,
  scriptCode: Uint8Array,
  hashType: number = script.SIGHASH_ALL,
): Uint8Array => script.sighash(tx, index, scriptCode, hashType);

/**
 * Whether input `index` may spend a coin with this script: two pushes, strict DER, low S, the key
 * that the coin names, and a signature that holds. Rejects: `stack-output`, `stack-scriptsig`,
 * `stack-pubkey`, `stack-high-s`, `stack-hash-type`, `block-script-verify-flag-failed`.
 * @example
 * const [coinbase] = genesisBlock(regtest).txs;
 * const spent = verifyInput(coinbase, 0, p2pkhScript(new Uint8Array(20)));
 * console.log(spent.ok || spent.reject.reason); // stack-scriptsig
 */
export function verifyInput(tx: Tx, index: number, coinScript: Uint8Array): Verdict {
  const check = script.inputSignatureCheck(tx, index, coinScript);
  if (!check.ok) return check;
  if (holds(check.value)) return valid();
  return scriptFailure('Signature must be zero for failed CHECK(MULTI)SIG operation');
}

function holds({ signature, digest, publicKey }: SignatureCheck): boolean {
  try {
    return verify(signature, digest, publicKey, { prehash: false, lowS: true });
  } catch {
    return false;
  }
}

/**
 * The script that pays a HASH160 (20 bytes).
 * @example
 * console.log(toHex(p2pkhScript(new Uint8Array(20))).slice(0, 6)); // 76a914
 */
export const p2pkhScript = (hash: Uint8Array): Uint8Array => script.p2pkhScript(hash);

/**
 * The HASH160 that a script pays, undefined when it is not P2PKH.
 * @example
 * console.log(matchP2pkh(p2pkhScript(new Uint8Array(20)))?.length); // 20
 */
export const matchP2pkh = (scriptPubKey: Uint8Array): Uint8Array | undefined =>
  script.matchP2pkh(scriptPubKey);

/**
 * The 80 bytes of a header. Rejects: `header-decode-failed`.
 * @example
 * const header = decodeHeader(genesisBlock(regtest).header.raw);
 * console.log(header.ok && header.value.bits.toString(16)); // 207fffff
 */
export const decodeHeader = (raw: Uint8Array): Verdict<BlockHeader> => codec.decodeHeader(raw);

/**
 * A header's fields as 80 bytes.
 * @example
 * console.log(encodeHeader(genesisBlock(regtest).header).length); // 80
 */
export const encodeHeader = (fields: codec.HeaderFields): Uint8Array => codec.encodeHeader(fields);

/**
 * The hash of a header, or of its 80 bytes: double SHA-256, display order.
 * @example
 * console.log(headerHash(genesisBlock(regtest).header.raw) === regtest.genesisHash); // true
 */
export const headerHash = (header: BlockHeader | Uint8Array): BlockHash =>
  codec.headerHash(header instanceof Uint8Array ? header : header.raw);

/**
 * A whole block, nothing after it; every count is held against the bytes that are left. Rejects:
 * `block-decode-failed`, `stack-trailing-bytes`, `stack-witness`.
 * @example
 * const block = decodeBlock(regtest.genesis);
 * console.log(block.ok && block.value.txs.length); // 1
 */
export const decodeBlock = (raw: Uint8Array): Verdict<Block> => codec.decodeBlock(raw);

/**
 * The bytes of a block.
 * @example
 * const { header, txs } = genesisBlock(regtest);
 * console.log(encodeBlock(header, txs).length === regtest.genesis.length); // true
 */
export const encodeBlock = (header: BlockHeader, txs: readonly Tx[]): Uint8Array =>
  codec.encodeBlock(header, txs);

/**
 * What a block must be by itself: size, Merkle root, one coinbase, sigops, its transactions; and its
 * proof of work, unless `proofOfWork` is false. Rejects: `high-hash`, `bad-diffbits`,
 * `bad-txnmrklroot`, `bad-txns-duplicate`, `bad-blk-length`, `bad-cb-missing`, `bad-cb-multiple`,
 * `bad-blk-sigops` and those of checkTransaction.
 * @example
 * console.log(checkBlock(genesisBlock(regtest), regtest).ok); // true
 */
export const checkBlock = (
  block: Block,
  params: ChainParams,
  options?: { readonly proofOfWork?: boolean },
): Verdict => consensus.checkBlock(block, params, options);

/**
 * The Merkle root of ids in order, and whether another list has the same one (CVE-2012-2459).
 * @example
 * const [coinbase] = genesisBlock(regtest).txs;
 * console.log(merkleRoot([coinbase.txid]).root === genesisBlock(regtest).header.merkleRoot); // true
 * console.log(merkleRoot([coinbase.txid, coinbase.txid]).mutated); // true
 */
export const merkleRoot = (ids: readonly (Txid | Hash)[]): merkle.MerkleRoot =>
  merkle.merkleRoot(ids);

/**
 * nBits to a target. `negative` and `overflow` tell of bits that no header may bear.
 * @example
 * console.log(decodeCompact(0x1d00ffff).target === 0xffffn << 208n); // true
 */
export const decodeCompact = (bits: number): consensus.CompactTarget =>
  consensus.decodeCompact(bits);

/**
 * A target to nBits; it keeps 16 to 23 leading bits.
 * @example
 * console.log(encodeCompact(0xffffn << 208n).toString(16)); // 1d00ffff
 */
export const encodeCompact = (target: bigint): number => consensus.encodeCompact(target);

/**
 * Hashes that a block with these bits takes on average: 2^256 / (target + 1). 0 for bits that are no
 * target.
 * @example
 * console.log(work(0x1d00ffff)); // 4295032833n
 */
export const work = (bits: number): bigint => consensus.work(bits);

/**
 * Bitcoin's retarget: old bits, seconds from the first to the last block of the window, the rule.
 * @example
 * const rule = { spacing: 600, window: 2016, powLimit: mainnet.powLimit };
 * console.log(nextBits(0x1d00ffff, 600 * 2016, rule).toString(16)); // 1d00ffff
 * console.log(nextBits(0x1d00ffff, 0, rule).toString(16)); // 1c3fffc0
 */
export const nextBits = (
  bits: number,
  timespan: number,
  rule: { readonly spacing: number; readonly window: number; readonly powLimit: bigint },
): number => consensus.nextBits(bits, timespan, rule);

/**
 * aserti3-2d: the anchor's target times 2^((timeDiff - spacing * (heightDiff + 1)) / halfLife).
 * @example
 * const { powLimit } = stacknetBase;
 * const on = { anchorBits: 0x1d00ffff, heightDiff: 0, spacing: 15, halfLife: 600, powLimit };
 * console.log(asertBits({ ...on, timeDiff: 15 }).toString(16)); // 1d00ffff
 * console.log(asertBits({ ...on, timeDiff: 615 }).toString(16)); // 1d01fffe
 */
export const asertBits = (input: Parameters<typeof consensus.asertBits>[0]): number =>
  consensus.asertBits(input);

/**
 * New coins of a block at a height, in base units.
 * @example
 * console.log(subsidy(0, regtest), subsidy(150, regtest)); // 5000000000 2500000000
 */
export const subsidy = (height: number, params: ChainParams): number =>
  consensus.subsidy(height, params);
