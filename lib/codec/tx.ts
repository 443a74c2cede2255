/**
 * Transactions in Bitcoin's legacy form:
 *
 *   version i32 | inputs: count, each prevout hash 32, index u32, script, sequence u32
 *   | outputs: count, each value i64, script | lock time u32
 *
 * A decoder keeps the bytes that it read: ids come from them.
 */
import { hash256 } from '../crypto/hash.ts';
import type { Tx, TxIn, Txid, TxOut, Verdict } from '../types.ts';
import { fromDisplay, toDisplay } from './hex.ts';
import { ByteReader, DecodeError } from './reader.ts';
import { decoded } from './verdict.ts';
import { ByteWriter } from './writer.ts';

export type TxFields = Pick<Tx, 'version' | 'inputs' | 'outputs' | 'lockTime'>;

/** Outpoint, empty script, sequence. */
const INPUT_BYTES_MIN = 41;
/** Value, empty script. */
const OUTPUT_BYTES_MIN = 9;
/** Least bytes of a transaction: what a count of them is held against. */
export const TX_BYTES_MIN = 10;

export const txidOf = (raw: Uint8Array): Txid => toDisplay(hash256(raw)) as string as Txid;

function readInput(from: ByteReader): TxIn {
  const txid = toDisplay(from.hash()) as string as Txid;
  const vout = from.u32();
  const scriptSig = from.varBytes();
  return { prevout: { txid, vout }, scriptSig, sequence: from.u32() };
}

const readOutput = (from: ByteReader): TxOut => ({
  value: from.i64(),
  scriptPubKey: from.varBytes(),
});

/** Reads one transaction out of a longer buffer. Throws DecodeError. */
export function readTx(from: ByteReader): Tx {
  const start = from.at;
  const version = from.i32();
  const inputs = new Array<TxIn>(from.count(INPUT_BYTES_MIN));
  for (let i = 0; i < inputs.length; i++) inputs[i] = readInput(from);
  const outputs = new Array<TxOut>(from.count(OUTPUT_BYTES_MIN));
  for (let i = 0; i < outputs.length; i++) outputs[i] = readOutput(from);
  const lockTime = from.u32();
  const raw = from.bytes.subarray(start, from.at);
  return { version, inputs, outputs, lockTime, raw, txid: txidOf(raw) };
}

/**
 * BIP144's marker 00 and flag 01, where the count of inputs is. A legacy transaction without inputs
 * and with one output begins the same way, so only what does not decode as legacy counts as witness.
 */
export const hasWitnessMarker = (bytes: Uint8Array, start: number): boolean =>
  bytes[start + 4] === 0 && bytes[start + 5] === 1;

export const witnessError = (error: unknown): unknown =>
  error instanceof DecodeError
    ? new DecodeError('the witness form is not spoken here', 'stack-witness')
    : error;

/** Rejects: `tx-decode-failed`, `stack-trailing-bytes`, `stack-witness`. Keeps the array it is given. */
export function decodeTx(raw: Uint8Array): Verdict<Tx> {
  return decoded('tx-decode-failed', () => {
    const from = new ByteReader(raw);
    try {
      const tx = readTx(from);
      from.end();
      return tx;
    } catch (error) {
      throw hasWitnessMarker(raw, 0) ? witnessError(error) : error;
    }
  });
}

export function encodeTx(fields: TxFields): Uint8Array {
  const to = new ByteWriter().u32(fields.version).compactSize(fields.inputs.length);
  for (const { prevout, scriptSig, sequence } of fields.inputs) {
    to.bytes(fromDisplay(prevout.txid)).u32(prevout.vout).varBytes(scriptSig).u32(sequence);
  }
  to.compactSize(fields.outputs.length);
  for (const { value, scriptPubKey } of fields.outputs) to.u64(value).varBytes(scriptPubKey);
  return to.u32(fields.lockTime).done();
}

/** A transaction of one's own making. */
export function makeTx(fields: TxFields): Tx {
  const raw = encodeTx(fields);
  return {
    version: fields.version,
    inputs: fields.inputs,
    outputs: fields.outputs,
    lockTime: fields.lockTime,
    raw,
    txid: txidOf(raw),
  };
}
