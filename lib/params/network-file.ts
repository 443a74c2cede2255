/**
 * `network.json` and `GET /v1/network`: parameters as JSON, both ways. What comes from outside is
 * checked field by field, and its genesis must commit to its rules.
 */
import { decodeBlock } from '../codec/block.ts';
import { fromHex, toHex } from '../codec/hex.ts';
import { sha256 } from '../crypto/hash.ts';
import { merkleRoot } from '../crypto/merkle.ts';
import { refuse } from '../rejects.ts';
import { matchOpReturn } from '../script/op-return.ts';
import { matchP2pkh } from '../script/p2pkh.ts';
import type { Block, BlockHash, Sats, Tx, Verdict } from '../types.ts';
import { mainnet, regtest } from './bitcoin.ts';
import type { ChainParams, NetworkFile, Retarget } from './chain-params.ts';

const GENESIS_HEX_MAX = 4000;
const NAME = /^[a-z][a-z0-9-]{0,19}$/;
const HEX8 = /^[0-9a-f]{8}$/;
const HEX64 = /^[0-9a-f]{64}$/;
const SECONDS_MAX = 1_000_000_000;
const HEIGHT_MAX = 1_000_000_000;
const MONEY_MAX = 2_100_000_000_000_000;
const LIST_MAX = 1000;
const PEER_CHARS_MAX = 2000;
/** Blocks, 12 hours of stacknet's: where the file says nothing and the work is small. */
export const ASERT_REORG_LIMIT = 2880;
/** Below, a one-sided clamp of the solve time becomes an attack. */
const FUTURE_LIMITS_IN_CAP = 10;

type RulesOf = Pick<
  ChainParams,
  | 'powLimitBits'
  | 'retarget'
  | 'maxFutureSeconds'
  | 'halving'
  | 'maturity'
  | 'subsidySats'
  | 'addressVersion'
  | 'wifVersion'
>;

const hex8 = (value: number): string => value.toString(16).padStart(8, '0');

function rulesJson(params: RulesOf) {
  return {
    powLimitBits: hex8(params.powLimitBits),
    retarget: params.retarget,
    maxFutureSeconds: params.maxFutureSeconds,
    halving: params.halving,
    maturity: params.maturity,
    subsidySats: params.subsidySats,
    addressVersion: params.addressVersion,
    wifVersion: params.wifVersion,
  };
}

/** JSON with sorted keys and no white space (RFC 8785, for whole numbers and strings). */
function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
  return `{${fields.join(',')}}`;
}

/** What a founded network's genesis coinbase carries: 32 bytes. */
export const commitmentOf = (params: RulesOf): Uint8Array =>
  sha256(new TextEncoder().encode(canonicalJson(rulesJson(params))));

/** The file, operator's fields included where they say something. */
export function toNetworkFile(
  params: ChainParams,
  options: { operator?: boolean } = {},
): NetworkFile {
  const { minimumChainWork, checkpoints, reorgLimit, peers } = params;
  const file: NetworkFile = {
    name: params.name,
    genesis: toHex(params.genesis),
    genesisSpendable: params.genesisSpendable,
    ...rulesJson(params),
  };
  if (options.operator === false) return file;
  return {
    ...file,
    minimumChainWork: minimumChainWork.toString(16).padStart(64, '0'),
    checkpoints,
    reorgLimit,
    peers,
  };
}

class FieldError extends Error {}
const fail = (message: string): never => {
  throw new FieldError(message);
};

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function integer(from: Fields, name: string, least: number, most: number): number {
  const value = from[name];
  const fits =
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
  return fits ? (value as number) : fail(`${name} is not a whole number from ${least} to ${most}`);
}

function text(from: Fields, name: string, pattern: RegExp): string {
  const value = from[name];
  return typeof value === 'string' && pattern.test(value) ? value : fail(`${name} is malformed`);
}

function boolean(from: Fields, name: string): boolean {
  const value = from[name];
  return typeof value === 'boolean' ? value : fail(`${name} is not true or false`);
}

function parseRetarget(value: unknown, maxFutureSeconds: number): Retarget {
  if (!isFields(value)) return fail('retarget is not an object');
  const spacing = integer(value, 'spacing', 1, SECONDS_MAX);
  switch (value['kind']) {
    case 'none':
      return { kind: 'none', spacing };
    case 'bitcoin':
      return { kind: 'bitcoin', spacing, window: integer(value, 'window', 2, 100_000) };
    case 'asert': {
      const least = Math.max(1, FUTURE_LIMITS_IN_CAP * maxFutureSeconds);
      return {
        kind: 'asert',
        spacing,
        halfLife: integer(value, 'halfLife', 1, SECONDS_MAX),
        // Not above the spacing, every block would make the next harder.
        maxSolveSeconds: integer(
          value,
          'maxSolveSeconds',
          Math.max(least, spacing + 1),
          SECONDS_MAX,
        ),
      };
    }
    default:
      return fail('retarget.kind is none of none, bitcoin, asert');
  }
}

/** The target of bits in their canonical form: positive, at least 3 bytes, below 2^255. */
export function canonicalTarget(bits: number): bigint | undefined {
  const size = bits >>> 24;
  const word = bits & 0x00ff_ffff;
  const isCanonical = word >= 0x8000 && word <= 0x7f_ffff && size >= 3 && size <= 32;
  return isCanonical ? BigInt(word) << BigInt(8 * (size - 3)) : undefined;
}

const parseTarget = (bits: number, name: string): bigint =>
  canonicalTarget(bits) ?? fail(`${name} is no target`);

function parseGenesis(from: Fields): Block {
  const value = from['genesis'];
  if (typeof value !== 'string' || value.length > GENESIS_HEX_MAX)
    return fail('genesis is no block');
  const raw = value === value.toLowerCase() ? fromHex(value) : undefined;
  const block = raw === undefined ? undefined : decodeBlock(raw);
  if (block?.ok !== true) return fail('genesis is no block');
  return block.value;
}

const isNull = ({ inputs }: Tx): boolean =>
  inputs.every(({ prevout }) => prevout.vout === 0xffff_ffff && /^0+$/.test(prevout.txid));

/** Checks that block 0 is one coinbase which commits to the rules, with its proof of work. */
function checkGenesis(block: Block, rules: RulesOf, limit: bigint, spendable: boolean): void {
  const { header, txs } = block;
  const [coinbase] = txs;
  const [output] = coinbase?.outputs ?? [];
  if (txs.length !== 1 || coinbase === undefined || output === undefined)
    fail('genesis is no coinbase');
  else {
    const { root } = merkleRoot([coinbase.txid]);
    if (root !== header.merkleRoot) fail('genesis has another Merkle root');
    if (!/^0+$/.test(header.prevHash)) fail('genesis has a parent');
    if (!isNull(coinbase)) fail('genesis is no coinbase');
    const target = parseTarget(header.bits, 'the bits of genesis');
    if (target > limit || BigInt(`0x${header.hash}`) > target) fail('genesis has too little work');
    const script = coinbase.inputs[0]?.scriptSig ?? new Uint8Array(0);
    const carried = script[0] === 32 && script.length === 33 ? toHex(script.subarray(1)) : '';
    if (coinbase.inputs.length !== 1 || carried !== toHex(commitmentOf(rules))) {
      fail('genesis names other rules');
    }
    const isPaid = matchP2pkh(output.scriptPubKey) !== undefined;
    const fits = spendable
      ? isPaid && output.value === BigInt(rules.subsidySats)
      : matchOpReturn(output.scriptPubKey) && output.value === 0n;
    if (coinbase.outputs.length !== 1 || !fits) fail('genesis pays what it may not');
  }
}

function parseOperator(from: Fields, { kind }: Retarget) {
  const work = from['minimumChainWork'] ?? '0'.repeat(64);
  if (typeof work !== 'string' || !HEX64.test(work)) return fail('minimumChainWork is not 64 hex');
  const checkpoints = from['checkpoints'] ?? [];
  const peers = from['peers'] ?? [];
  if (!Array.isArray(checkpoints) || checkpoints.length > LIST_MAX)
    return fail('checkpoints is no list');
  if (!Array.isArray(peers) || peers.length > LIST_MAX) return fail('peers is no list');
  return {
    minimumChainWork: BigInt(`0x${work}`),
    checkpoints: checkpoints.map((point: unknown) => {
      if (!isFields(point)) return fail('a checkpoint is no object');
      return {
        height: integer(point, 'height', 1, HEIGHT_MAX),
        hash: text(point, 'hash', HEX64) as BlockHash,
      };
    }),
    reorgLimit:
      'reorgLimit' in from
        ? integer(from, 'reorgLimit', 0, HEIGHT_MAX)
        : kind === 'asert'
          ? ASERT_REORG_LIMIT
          : 0,
    peers: peers.map((peer: unknown) =>
      typeof peer === 'string' && peer.length <= PEER_CHARS_MAX ? peer : fail('a peer is no text'),
    ),
  };
}

function parse(json: unknown): ChainParams {
  if (!isFields(json)) return fail('not an object');
  const name = text(json, 'name', NAME);
  const block = parseGenesis(json);
  const maxFutureSeconds = integer(json, 'maxFutureSeconds', 1, 1_000_000);
  const powLimitBits = Number.parseInt(text(json, 'powLimitBits', HEX8), 16);
  const rules: RulesOf = {
    powLimitBits,
    retarget: parseRetarget(json['retarget'], maxFutureSeconds),
    maxFutureSeconds,
    halving: integer(json, 'halving', 1, HEIGHT_MAX),
    maturity: integer(json, 'maturity', 1, HEIGHT_MAX),
    subsidySats: integer(json, 'subsidySats', 0, MONEY_MAX) as Sats,
    addressVersion: integer(json, 'addressVersion', 0, 255),
    wifVersion: integer(json, 'wifVersion', 0, 255),
  };
  const genesisSpendable = boolean(json, 'genesisSpendable');
  const operator = parseOperator(json, rules.retarget);
  if (block.header.hash === mainnet.genesisHash) return fail('no node runs on Bitcoin itself');
  if (block.header.hash === regtest.genesisHash) {
    const same = canonicalJson(rulesJson(rules)) === canonicalJson(rulesJson(regtest));
    return same && !genesisSpendable && name === regtest.name
      ? { ...regtest, ...operator }
      : fail("regtest's rules are Bitcoin's");
  }
  const powLimit = parseTarget(powLimitBits, 'powLimitBits');
  checkGenesis(block, rules, powLimit, genesisSpendable);
  return {
    name,
    ...rules,
    powLimit,
    genesis: block.raw,
    genesisHash: block.header.hash,
    genesisSpendable,
    ...operator,
  };
}

/** Rejects: `stack-network`, with the field that is wrong. Unknown fields are passed over. */
export function parseNetworkFile(json: unknown): Verdict<ChainParams> {
  try {
    return { ok: true, value: parse(json) };
  } catch (error) {
    if (error instanceof FieldError) return refuse('stack-network', error.message);
    throw error;
  }
}
