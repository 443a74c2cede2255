/**
 * Scripts in words, in the two dialects that clients know: Bitcoin Core's and Esplora's. Only the
 * templates of this network, and what genesis blocks hold, have names.
 */
import { encodeAddress, toHex } from '../codec/index.ts';
import { parseAnyDer } from '../crypto/der.ts';
import { matchP2pkh } from '../script/index.ts';

const OP_PUSHDATA1 = 0x4c;
const OP_PUSHDATA4 = 0x4e;
const OP_1NEGATE = 0x4f;
const OP_1 = 0x51;
const OP_16 = 0x60;
const OP_RETURN = 0x6a;
const NUMBER_BYTES_MAX = 4;

const NAMES: Readonly<Record<number, string>> = {
  106: 'OP_RETURN',
  117: 'OP_DROP',
  118: 'OP_DUP',
  135: 'OP_EQUAL',
  136: 'OP_EQUALVERIFY',
  169: 'OP_HASH160',
  172: 'OP_CHECKSIG',
  173: 'OP_CHECKSIGVERIFY',
  174: 'OP_CHECKMULTISIG',
};

export type Dialect = 'core' | 'esplora';

interface Step {
  readonly opcode: number;
  readonly data?: Uint8Array;
}

/** Undefined in place of a step: the push is broken, the rest is not read. */
function* stepsOf(script: Uint8Array): Generator<Step | undefined> {
  let at = 0;
  while (at < script.length) {
    const opcode = script[at++] as number;
    if (opcode === 0 || opcode > OP_PUSHDATA4) {
      yield { opcode };
      continue;
    }
    let length = opcode;
    if (opcode >= OP_PUSHDATA1) {
      const width = 1 << (opcode - OP_PUSHDATA1);
      length = 0;
      for (let i = width - 1; i >= 0; i--) length = length * 256 + (script[at + i] ?? Infinity);
      at += width;
    }
    if (!(at + length <= script.length)) return yield undefined;
    yield { opcode, data: script.subarray(at, at + length) };
    at += length;
  }
}

/** A push of up to four bytes, as Core prints it: a little-endian number with a sign bit. */
function smallNumber(data: Uint8Array): number {
  const last = data.at(-1);
  if (last === undefined) return 0;
  let value = last & 0x7f;
  for (let i = data.length - 2; i >= 0; i--) value = value * 256 + (data[i] as number);
  return last & 0x80 ? -value : value;
}

function coreStep({ opcode, data }: Step): string {
  if (data !== undefined) {
    return data.length <= NUMBER_BYTES_MAX ? String(smallNumber(data)) : toHex(data);
  }
  if (opcode === 0) return '0';
  if (opcode === OP_1NEGATE) return '-1';
  if (opcode >= OP_1 && opcode <= OP_16) return String(opcode - OP_1 + 1);
  return NAMES[opcode] ?? 'OP_UNKNOWN';
}

function esploraStep({ opcode, data }: Step): string {
  if (data !== undefined) {
    const name =
      opcode < OP_PUSHDATA1
        ? `OP_PUSHBYTES_${opcode}`
        : `OP_PUSHDATA${1 << (opcode - OP_PUSHDATA1)}`;
    return data.length === 0 ? name : `${name} ${toHex(data)}`;
  }
  if (opcode === 0) return 'OP_0';
  if (opcode === OP_1NEGATE) return 'OP_PUSHNUM_NEG1';
  if (opcode >= OP_1 && opcode <= OP_16) return `OP_PUSHNUM_${opcode - OP_1 + 1}`;
  return NAMES[opcode] ?? `OP_UNKNOWN_${opcode}`;
}

/** Core's names of hash types, also with 80 (ANYONECANPAY). */
const HASH_TYPES: Readonly<Record<number, string>> = { 1: 'ALL', 2: 'NONE', 3: 'SINGLE' };

/** A signature as Core shows it in a scriptSig: `<DER>[ALL]`; undefined for other data. */
function signatureText(data: Uint8Array): string | undefined {
  const type = data.at(-1) ?? 0;
  const name = HASH_TYPES[type & 0x7f];
  const der = data.subarray(0, -1);
  if (name === undefined || !parseAnyDer(der).ok) return undefined;
  return `${toHex(der)}[${type & 0x80 ? `${name}|ANYONECANPAY` : name}]`;
}

/** As Core's getrawtransaction and its like show a scriptSig: hash types of signatures by name. */
export function scriptSigAsm(script: Uint8Array): string {
  if (script[0] === OP_RETURN) return scriptAsm(script, 'core');
  const words: string[] = [];
  for (const step of stepsOf(script)) {
    if (step === undefined) words.push('[error]');
    else words.push((step.data && signatureText(step.data)) ?? coreStep(step));
  }
  return words.join(' ');
}

export function scriptAsm(script: Uint8Array, dialect: Dialect): string {
  const words: string[] = [];
  for (const step of stepsOf(script)) {
    if (step === undefined) words.push(dialect === 'core' ? '[error]' : '<unexpected end>');
    else words.push(dialect === 'core' ? coreStep(step) : esploraStep(step));
  }
  return words.join(' ');
}

const TYPES = {
  core: { p2pkh: 'pubkeyhash', data: 'nulldata', key: 'pubkey', other: 'nonstandard' },
  esplora: { p2pkh: 'p2pkh', data: 'op_return', key: 'p2pk', other: 'unknown' },
} as const;

/** A bare key, as the first genesis blocks pay: `<33 or 65 bytes> OP_CHECKSIG`. */
const isBareKey = (script: Uint8Array): boolean =>
  (script.length === 35 || script.length === 67) &&
  script[0] === script.length - 2 &&
  script.at(-1) === 0xac;

export function scriptType(script: Uint8Array, dialect: Dialect): string {
  const names = TYPES[dialect];
  if (matchP2pkh(script) !== undefined) return names.p2pkh;
  if (script[0] === OP_RETURN) return names.data;
  return isBareKey(script) ? names.key : names.other;
}

export function scriptAddress(script: Uint8Array, addressVersion: number): string | undefined {
  const hash = matchP2pkh(script);
  return hash && encodeAddress(hash, addressVersion);
}
