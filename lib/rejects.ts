/**
 * Every reject reason, in one place: whose fault it is and where the name comes from. Reasons are
 * stable (API); details are not. Spelling is Bitcoin Core's (30.0) or BIP22's; ours begin with
 * `stack-` and name rules that are stricter than Bitcoin's. Owns the table, no rule.
 */
import type { Reject, RejectKind } from './types.ts';

interface RejectInfo {
  readonly kind: RejectKind;
  readonly source: string;
}

const core = (kind: RejectKind): RejectInfo => ({ kind, source: 'Bitcoin Core' });
const ours = (kind: RejectKind, source: string): RejectInfo => ({ kind, source });

export const REJECTS = {
  /* Bytes that are no transaction, block or header. */
  'tx-decode-failed': ours('mutated', 'Core: RPC error -22, TX decode failed'),
  'block-decode-failed': ours('mutated', 'Core: RPC error -22, Block decode failed'),
  'header-decode-failed': ours('mutated', 'Core: RPC error -22, Block header decode failed'),
  'stack-trailing-bytes': ours('mutated', 'nothing may follow a transaction or block'),
  'stack-witness': ours('mutated', 'BIP144 is not spoken here'),

  /* A header. */
  'high-hash': core('consensus'),
  'bad-diffbits': core('consensus'),
  'bad-version': core('consensus'),
  'time-too-old': core('consensus'),
  'time-too-new': core('early'),
  'prev-blk-not-found': core('missing'),
  'bad-prevblk': core('consensus'),
  'too-little-chainwork': core('policy'),
  'checkpoint mismatch': ours('consensus', 'Core before 24; the network file'),

  /* A block by itself. */
  'bad-txnmrklroot': core('mutated'),
  'bad-txns-duplicate': ours('mutated', 'CVE-2012-2459'),
  'bad-blk-length': core('consensus'),
  'bad-blk-sigops': core('consensus'),
  'bad-cb-missing': core('consensus'),
  'bad-cb-multiple': core('consensus'),
  'stack-commitment': ours('consensus', 'BIP141 wants a witness with such an output'),

  /* A block in its place. */
  'bad-cb-height': ours('consensus', 'BIP34'),
  'bad-txns-nonfinal': ours('consensus', 'Core, BIP68, BIP113'),
  'bad-cb-amount': core('consensus'),
  'bad-txns-accumulated-fee-outofrange': core('consensus'),
  'bad-txns-BIP30': ours('consensus', 'BIP30'),

  /* A transaction by itself. */
  'bad-txns-vin-empty': core('consensus'),
  'bad-txns-vout-empty': core('consensus'),
  'bad-txns-oversize': core('consensus'),
  'bad-txns-vout-negative': core('consensus'),
  'bad-txns-vout-toolarge': core('consensus'),
  'bad-txns-txouttotal-toolarge': ours('consensus', 'CVE-2010-5139'),
  'bad-txns-inputs-duplicate': ours('consensus', 'CVE-2018-17144'),
  'bad-cb-length': core('consensus'),
  'bad-txns-prevout-null': core('consensus'),
  // In a block it may be two inner nodes of an honest Merkle tree: not held against the hash.
  'stack-64-bytes': ours('mutated', 'BIP54, CVE-2017-12842'),
  'stack-sighash-bytes': ours(
    'consensus',
    'inputs times bytes without scriptSigs: at most 25,000,000; CVE-2013-2292',
  ),
  'stack-output': ours('consensus', 'outputs are P2PKH or OP_RETURN'),
  'stack-op-return': ours(
    'consensus',
    'OP_RETURN: value 0, at most one shortest push of 1 to 80 bytes',
  ),

  /* A transaction's inputs. */
  'bad-txns-inputs-missingorspent': core('consensus'),
  'bad-txns-premature-spend-of-coinbase': core('consensus'),
  'bad-txns-inputvalues-outofrange': core('consensus'),
  'bad-txns-in-belowout': core('consensus'),
  'bad-txns-fee-outofrange': core('consensus'),
  'stack-scriptsig': ours('consensus', 'a scriptSig is two direct pushes: signature and key'),
  'stack-pubkey': ours('consensus', 'key 02/03 + 32 or 04 + 64 bytes'),
  'stack-high-s': ours('consensus', 'BIP146 low S'),
  'stack-hash-type': ours('consensus', 'SIGHASH_ALL only'),
  'block-script-verify-flag-failed': core('consensus'),
  'mempool-script-verify-flag-failed': core('consensus'),

  /* What the mempool does not take: no ground for blame. */
  coinbase: core('policy'),
  version: core('policy'),
  dust: core('policy'),
  'tx-size': core('policy'),
  'tx-size-small': core('policy'),
  'multi-op-return': core('policy'),
  'non-final': core('policy'),
  'non-BIP68-final': core('policy'),
  'min relay fee not met': core('policy'),
  'mempool min fee not met': core('policy'),
  'mempool full': core('policy'),
  'txn-mempool-conflict': core('policy'),
  'insufficient fee': ours('policy', 'BIP125 rules 3 and 4, Core'),
  'too many potential replacements': ours('policy', 'BIP125 rule 5, Core'),
  'replacement-adds-unconfirmed': ours('policy', 'BIP125 rule 2, Core'),
  'bad-txns-spends-conflicting-tx': core('policy'),
  'too-long-mempool-chain': core('policy'),
  'missing-inputs': core('missing'),
  'txn-already-in-mempool': core('known'),
  'txn-already-known': core('known'),

  /* Verdicts on what was offered, not on what it is. */
  duplicate: ours('known', 'BIP22'),
  'duplicate-invalid': core('consensus'),
  'duplicate-inconclusive': core('known'),
  inconclusive: core('policy'),
  'inconclusive-not-best-prevblk': core('policy'),
  'stale-prevblk': ours('policy', 'BIP22'),
  rejected: ours('policy', 'BIP22'),
  clock: ours('early', 'our clock is behind the chain'),
  'out-of-time': ours('early', 'a host whose calls are bounded'),

  /* A network file. */
  'stack-network': ours('policy', 'a network file that is not one'),

  /* A wallet, and what its user typed. */
  'insufficient-funds': ours('policy', 'wallet'),
  'invalid-address': ours('policy', 'wallet'),
  'invalid-amount': ours('policy', 'wallet'),
  'invalid-wif': ours('policy', 'wallet'),
  'invalid-phrase': ours('policy', 'BIP39'),
  'invalid-hd-key': ours('policy', 'BIP32'),
  'invalid-base58': ours('policy', 'library'),
  'invalid-hex': ours('policy', 'library'),
  'unknown-key': ours('policy', 'wallet'),
  conflict: ours('policy', 'wallet'),
} as const satisfies Record<string, RejectInfo>;

export type Reason = keyof typeof REJECTS;

/** The reason without what is filled in behind it in brackets: a key of REJECTS. */
export function reasonCode(reason: string): string {
  const bracket = reason.indexOf('(');
  return bracket < 0 ? reason : reason.slice(0, bracket).trimEnd();
}

/**
 * A reject by its reason, which may carry something in brackets: `bad-version(0x00000003)`.
 * An unknown reason is a bug of ours and throws.
 */
export function rejectOf(reason: string, detail?: string): Reject {
  const code = reasonCode(reason);
  const info = Object.hasOwn(REJECTS, code) ? REJECTS[code as Reason] : undefined;
  if (info === undefined) throw new Error(`assertion failed: no reject reason "${reason}"`);
  return { reason, kind: info.kind, ...(detail !== undefined && { detail }) };
}

/** A refusing verdict. */
export const refuse = (reason: string, detail?: string): { ok: false; reject: Reject } => ({
  ok: false,
  reject: rejectOf(reason, detail),
});

/** A script failed: `error` is Core's text of the script error, e.g. `Non-canonical DER signature`. */
export const scriptFailure = (error: string): { ok: false; reject: Reject } =>
  refuse(`block-script-verify-flag-failed (${error})`);

/** The same reject as the mempool names it. */
export const asMempoolReject = (reject: Reject): Reject =>
  reject.reason.startsWith('block-script')
    ? { ...reject, reason: reject.reason.replace('block', 'mempool') }
    : reject;
