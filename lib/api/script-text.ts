/**
 * Scripts in words, in the two dialects that clients know: Bitcoin Core's (ScriptToAsmStr) and
 * Esplora's (rust-bitcoin's). Whatever a caller may hand in to be decoded has a name.
 */
import { toHex } from '../codec/index.ts';
import { parseAnyDer } from '../crypto/der.ts';
import { matchP2pkh } from '../script/index.ts';

const OP_PUSHDATA1 = 0x4c;
const OP_PUSHDATA4 = 0x4e;
const OP_1NEGATE = 0x4f;
const OP_RESERVED = 0x50;
const OP_1 = 0x51;
const OP_16 = 0x60;
const OP_NOP = 0x61;
const OP_RETURN = 0x6a;
const OP_EQUAL = 0x87;
const OP_HASH160 = 0xa9;
const OP_CHECKSIG = 0xac;
const OP_CHECKMULTISIG = 0xae;
const OP_INVALIDOPCODE = 0xff;
const NUMBER_BYTES_MAX = 4;

/** Opcodes from OP_NOP on, without OP_ (Core's script.h). */
const NAMES: readonly string[] = [
  'NOP VER IF NOTIF VERIF VERNOTIF ELSE ENDIF VERIFY RETURN TOALTSTACK FROMALTSTACK',
  '2DROP 2DUP 3DUP 2OVER 2ROT 2SWAP IFDUP DEPTH DROP DUP NIP OVER PICK ROLL ROT SWAP',
  'TUCK CAT SUBSTR LEFT RIGHT SIZE INVERT AND OR XOR EQUAL EQUALVERIFY RESERVED1',
  'RESERVED2 1ADD 1SUB 2MUL 2DIV NEGATE ABS NOT 0NOTEQUAL ADD SUB MUL DIV MOD LSHIFT',
  'RSHIFT BOOLAND BOOLOR NUMEQUAL NUMEQUALVERIFY NUMNOTEQUAL LESSTHAN GREATERTHAN',
  'LESSTHANOREQUAL GREATERTHANOREQUAL MIN MAX WITHIN RIPEMD160 SHA1 SHA256 HASH160',
  'HASH256 CODESEPARATOR CHECKSIG CHECKSIGVERIFY CHECKMULTISIG CHECKMULTISIGVERIFY NOP1',
  'CHECKLOCKTIMEVERIFY CHECKSEQUENCEVERIFY NOP4 NOP5 NOP6 NOP7 NOP8 NOP9 NOP10',
  'CHECKSIGADD',
]
  .join(' ')
  .split(' ');

/** Where rust-bitcoin, and so Esplora, has another name. */
const ESPLORA_NAMES: Readonly<Record<string, string>> = {
  OP_CHECKLOCKTIMEVERIFY: 'OP_CLTV',
  OP_CHECKSEQUENCEVERIFY: 'OP_CSV',
};

/** The name of what is neither push nor small number; undefined where there is none. */
function nameOf(opcode: number): string | undefined {
  if (opcode === OP_RESERVED) return 'OP_RESERVED';
  if (opcode === OP_INVALIDOPCODE) return 'OP_INVALIDOPCODE';
  const name = NAMES[opcode - OP_NOP];
  return name && `OP_${name}`;
}

export type Dialect = 'core' | 'esplora';

interface Step {
  readonly opcode: number;
  readonly data?: Uint8Array;
  /** What of a push the script is too short for; nothing is read after it. */
  readonly broken?: 'length' | 'data';
}

function* stepsOf(script: Uint8Array): Generator<Step> {
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
      if (at + width > script.length) return yield { opcode, broken: 'length' };
      length = 0;
      for (let i = width - 1; i >= 0; i--) length = length * 256 + (script[at + i] as number);
      at += width;
    }
    if (at + length > script.length) return yield { opcode, broken: 'data' };
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

function coreStep({ opcode, data, broken }: Step): string {
  if (broken !== undefined) return '[error]';
  if (data !== undefined) {
    return data.length <= NUMBER_BYTES_MAX ? String(smallNumber(data)) : toHex(data);
  }
  if (opcode === 0) return '0';
  if (opcode === OP_1NEGATE) return '-1';
  if (opcode >= OP_1 && opcode <= OP_16) return String(opcode - OP_1 + 1);
  return nameOf(opcode) ?? 'OP_UNKNOWN';
}

/** With the space before it: rust-bitcoin writes none where a length is cut off. */
function esploraStep({ opcode, data, broken }: Step): string {
  if (broken === 'length') return '<unexpected end>';
  if (data !== undefined || broken !== undefined) {
    const name =
      opcode < OP_PUSHDATA1
        ? `OP_PUSHBYTES_${opcode}`
        : `OP_PUSHDATA${1 << (opcode - OP_PUSHDATA1)}`;
    if (data === undefined) return ` ${name} <push past end>`;
    return data.length === 0 ? ` ${name}` : ` ${name} ${toHex(data)}`;
  }
  if (opcode === 0) return ' OP_0';
  if (opcode === OP_1NEGATE) return ' OP_PUSHNUM_NEG1';
  if (opcode >= OP_1 && opcode <= OP_16) return ` OP_PUSHNUM_${opcode - OP_1 + 1}`;
  const name = nameOf(opcode) ?? `OP_RETURN_${opcode}`;
  return ` ${ESPLORA_NAMES[name] ?? name}`;
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
  const words = Array.from(
    stepsOf(script),
    (step) => (step.data && signatureText(step.data)) ?? coreStep(step),
  );
  return words.join(' ');
}

export function scriptAsm(script: Uint8Array, dialect: Dialect): string {
  const steps = stepsOf(script);
  if (dialect === 'core') return Array.from(steps, coreStep).join(' ');
  return Array.from(steps, esploraStep).join('').trimStart();
}

/** [Core's name, Esplora's]. */
const TYPES = {
  p2pkh: ['pubkeyhash', 'p2pkh'],
  p2sh: ['scripthash', 'p2sh'],
  data: ['nulldata', 'op_return'],
  unspendable: ['nonstandard', 'op_return'],
  key: ['pubkey', 'p2pk'],
  keys: ['multisig', 'unknown'],
  witnessKey: ['witness_v0_keyhash', 'v0_p2wpkh'],
  witnessScript: ['witness_v0_scripthash', 'v0_p2wsh'],
  taproot: ['witness_v1_taproot', 'v1_p2tr'],
  witness: ['witness_unknown', 'unknown'],
  empty: ['nonstandard', 'empty'],
  other: ['nonstandard', 'unknown'],
} as const;

type Kind = keyof typeof TYPES;

const isKey = (data: Uint8Array | undefined): boolean => {
  const first = data?.[0] ?? 0;
  return data?.length === 33 ? first === 2 || first === 3 : data?.length === 65 && first === 4;
};

const smallInt = ({ opcode }: Step): number =>
  opcode >= OP_1 && opcode <= OP_16 ? opcode - OP_1 + 1 : 0;

/** `m <key> … n OP_CHECKMULTISIG`. */
function isBareMultisig(steps: readonly Step[]): boolean {
  const [first, ...rest] = steps;
  const [count, last] = rest.slice(-2);
  if (first === undefined || count === undefined || last?.opcode !== OP_CHECKMULTISIG) return false;
  const keys = rest.slice(0, -2);
  const wanted = smallInt(first);
  return (
    wanted >= 1 &&
    wanted <= keys.length &&
    smallInt(count) === keys.length &&
    keys.every(({ data }) => isKey(data))
  );
}

/** Kind of a witness program (BIP141), undefined for other scripts. */
function witnessKind(
  [version, program, ...more]: readonly Step[],
  length: number,
): Kind | undefined {
  const size = program?.data?.length ?? 0;
  const isProgram = size >= 2 && size <= 40 && size === program?.opcode && more.length === 0;
  if (version === undefined || version.data !== undefined || !isProgram) return undefined;
  if (version.opcode === 0) {
    if (length === 22) return 'witnessKey';
    return length === 34 ? 'witnessScript' : 'other';
  }
  const number = smallInt(version);
  if (number === 0) return undefined;
  return number === 1 && size === 32 ? 'taproot' : 'witness';
}

function kindOf(script: Uint8Array): Kind {
  if (matchP2pkh(script) !== undefined) return 'p2pkh';
  if (script.length === 0) return 'empty';
  const steps = [...stepsOf(script)];
  const [first, second, third] = steps;
  if (script[0] === OP_RETURN) {
    const isPushOnly = steps.slice(1).every(({ opcode, broken }) => opcode <= OP_16 && !broken);
    return isPushOnly ? 'data' : 'unspendable';
  }
  const isP2sh = script.length === 23 && script[1] === 20 && third?.opcode === OP_EQUAL;
  if (first?.opcode === OP_HASH160 && isP2sh) return 'p2sh';
  if (steps.length === 2 && isKey(first?.data) && second?.opcode === OP_CHECKSIG) return 'key';
  const witness = witnessKind(steps, script.length);
  return witness ?? (isBareMultisig(steps) ? 'keys' : 'other');
}

export const scriptType = (script: Uint8Array, dialect: Dialect): string =>
  TYPES[kindOf(script)][dialect === 'core' ? 0 : 1];
