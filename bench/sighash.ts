/**
 * What the digests of a transaction of many inputs cost, which grows with the square of their count:
 * processor time of all of them, beside hashing anew for each input all that it signs.
 *
 *   npx node bench/sighash.ts [--inputs 780] [--rounds 5]
 */
import { parseArgs } from 'node:util';
import { makeTx } from '../lib/codec/tx.ts';
import { hash256 } from '../lib/crypto/hash.ts';
import { p2pkhScript } from '../lib/script/p2pkh.ts';
import { sighashAll } from '../lib/script/sighash.ts';
import type { Tx, Txid } from '../lib/types.ts';
import { median, round } from './figures.ts';

const { values } = parseArgs({
  options: {
    /** So many is about what the rules let pass: 25 MB to sign. */
    inputs: { type: 'string', default: '780' },
    rounds: { type: 'string', default: '5' },
  },
});
const count = Number(values.inputs);
const SCRIPT_SIG_BYTES = 106;
const script = p2pkhScript(new Uint8Array(20).fill(7));

function manyInputs(seed: number): Tx {
  const inputs = Array.from({ length: count }, (_, vout) => ({
    prevout: { txid: seed.toString(16).padStart(64, '0') as Txid, vout },
    scriptSig: new Uint8Array(SCRIPT_SIG_BYTES).fill(vout),
    sequence: 0xffff_fffd,
  }));
  return makeTx({
    version: 2,
    inputs,
    outputs: [{ value: 1n, scriptPubKey: script }],
    lockTime: 0,
  });
}

function cpuMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const rows = Array.from({ length: Number(values.rounds) }, (_, seed) => {
  const tx = manyInputs(seed);
  const signed = new Uint8Array(tx.raw.length - count * SCRIPT_SIG_BYTES + script.length + 4);
  return {
    digests: cpuMs(() => {
      for (let i = 0; i < count; i++) sighashAll(tx, i, script);
    }),
    anew: cpuMs(() => {
      for (let i = 0; i < count; i++) hash256(signed);
    }),
  };
});
const digests = median(rows.map((row) => row.digests));
const anew = median(rows.map((row) => row.anew));
console.log(`${count} inputs: digests ${round(digests, 1)} ms, hashing anew ${round(anew, 1)} ms`);
console.log(`ratio ${round(digests / anew, 2)}`);
