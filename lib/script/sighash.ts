/** The digest that a signature signs, in Bitcoin's legacy form. */
import { fromDisplay } from '../codec/hex.ts';
import { ByteWriter, compactSizeBytes } from '../codec/writer.ts';
import { hash256, type Sha256, sha256, startSha256 } from '../crypto/hash.ts';
import type { Tx } from '../types.ts';

export const SIGHASH_ALL = 1;
const SIGHASH_NONE = 2;
const SIGHASH_SINGLE = 3;
const ANYONE_CAN_PAY = 0x80;
const TYPE_MASK = 0x1f;
const NOTHING = new Uint8Array(0);
const OP_CODESEPARATOR = 0xab;
const OUTPOINT_BYTES = 36;
/** Outpoint, empty script, sequence. */
const BARE_INPUT_BYTES = OUTPOINT_BYTES + 1 + 4;

/** From so many inputs on, hashing what lies before one only once pays for remembering it. */
const MANY_INPUTS = 12;

/**
 * All inputs and outputs, scriptSigs left out but the one at `index`, which is the script of the
 * coin that it spends. 32 bytes in byte order. The script must hold no OP_CODESEPARATOR (P2PKH).
 */
export function sighashAll(tx: Tx, index: number, scriptCode: Uint8Array): Uint8Array {
  return tx.inputs.length < MANY_INPUTS
    ? hash256(signedBytes(tx, index, scriptCode))
    : sighashOfMany(tx, index, scriptCode);
}

function signedBytes({ raw, inputs }: Tx, index: number, scriptCode: Uint8Array): Uint8Array {
  // Copied from the raw bytes: outpoints need not be turned round twice.
  const scripts = inputs.reduce((sum, input) => sum + scriptBytes(input.scriptSig), 0);
  const to = new ByteWriter(raw.length - scripts + inputs.length + scriptCode.length + 12);
  let at = inputsAt(inputs.length);
  to.bytes(raw.subarray(0, at));
  inputs.forEach((input, i) => {
    to.bytes(raw.subarray(at, at + OUTPOINT_BYTES));
    to.varBytes(i === index ? scriptCode : NOTHING).u32(input.sequence);
    at += OUTPOINT_BYTES + scriptBytes(input.scriptSig) + 4;
  });
  return to.bytes(raw.subarray(at)).u32(SIGHASH_ALL).done();
}

const inputsAt = (count: number): number => 4 + compactSizeBytes(count);
const scriptBytes = (script: Uint8Array): number => compactSizeBytes(script.length) + script.length;

/** What all inputs of a transaction sign alike, and the hash of its first `at` bytes under way. */
interface Begun {
  /** No script at any input. */
  readonly bytes: Uint8Array;
  at: number;
  hash: Sha256;
}

const begun = new WeakMap<Tx, Begun>();

/** Inputs come in order, and what lies before one is the same for all that follow it. */
function sighashOfMany(tx: Tx, index: number, scriptCode: Uint8Array): Uint8Array {
  const known = begun.get(tx) ?? {
    bytes: signedBytes(tx, -1, NOTHING),
    at: 0,
    hash: startSha256(),
  };
  begun.set(tx, known);
  const { bytes } = known;
  const at = inputsAt(tx.inputs.length) + index * BARE_INPUT_BYTES;
  if (at < known.at) Object.assign(known, { at: 0, hash: startSha256() });
  known.hash.update(bytes.subarray(known.at, at));
  known.at = at;
  const scriptAt = at + OUTPOINT_BYTES;
  const script = new ByteWriter().varBytes(scriptCode).done();
  const all = known.hash.clone().update(bytes.subarray(at, scriptAt)).update(script);
  return sha256(all.update(bytes.subarray(scriptAt + 1)).digest());
}

/** OP_CODESEPARATOR is not signed. Data that looks like one stays. */
function withoutSeparators(script: Uint8Array): Uint8Array {
  const kept: number[] = [];
  for (let at = 0; at < script.length; ) {
    const opcode = script[at] as number;
    let length = 1;
    if (opcode >= 1 && opcode <= 0x4b) length = 1 + opcode;
    else if (opcode >= 0x4c && opcode <= 0x4e) {
      const width = 1 << (opcode - 0x4c);
      let data = 0;
      for (let i = width; i >= 1; i--) data = data * 256 + (script[at + i] ?? 0);
      length = 1 + width + data;
    }
    const end = Math.min(at + length, script.length);
    if (opcode !== OP_CODESEPARATOR) for (let i = at; i < end; i++) kept.push(script[i] as number);
    at = end;
  }
  return Uint8Array.from(kept);
}

/** Any hash type (a signed 32-bit number), as Bitcoin computes it, its bug of SINGLE included. */
export function sighash(
  tx: Tx,
  index: number,
  scriptCode: Uint8Array,
  hashType: number,
): Uint8Array {
  const base = hashType & TYPE_MASK;
  if (index >= tx.inputs.length || (base === SIGHASH_SINGLE && index >= tx.outputs.length)) {
    const one = new Uint8Array(32);
    one[0] = 1;
    return one;
  }
  const to = new ByteWriter().u32(tx.version);
  writeInputs(to, tx, { index, script: withoutSeparators(scriptCode), hashType });
  writeOutputs(to, tx, index, base);
  return hash256(to.u32(tx.lockTime).u32(hashType).done());
}

function writeInputs(
  to: ByteWriter,
  tx: Tx,
  signed: { readonly index: number; readonly script: Uint8Array; readonly hashType: number },
): void {
  const { index, script, hashType } = signed;
  const base = hashType & TYPE_MASK;
  const isAlone = (hashType & ANYONE_CAN_PAY) !== 0;
  const othersMayChange = base === SIGHASH_NONE || base === SIGHASH_SINGLE;
  to.compactSize(isAlone ? 1 : tx.inputs.length);
  tx.inputs.forEach(({ prevout, sequence }, i) => {
    if (isAlone && i !== index) return;
    to.bytes(fromDisplay(prevout.txid)).u32(prevout.vout);
    to.varBytes(i === index ? script : NOTHING);
    to.u32(i !== index && othersMayChange ? 0 : sequence);
  });
}

function writeOutputs(to: ByteWriter, tx: Tx, index: number, base: number): void {
  if (base === SIGHASH_NONE) {
    to.compactSize(0);
    return;
  }
  const count = base === SIGHASH_SINGLE ? index + 1 : tx.outputs.length;
  to.compactSize(count);
  tx.outputs.slice(0, count).forEach(({ value, scriptPubKey }, i) => {
    if (base === SIGHASH_SINGLE && i < index) to.u64(-1n).varBytes(NOTHING);
    else to.u64(value).varBytes(scriptPubKey);
  });
}
