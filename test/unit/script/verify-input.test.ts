import { verify } from '@noble/secp256k1';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTx, makeTx, toHex } from '../../../lib/codec/index.ts';
import { encodeDer } from '../../../lib/crypto/der.ts';
import { publicKey, sign } from '../../../lib/crypto/ecdsa.ts';
import { hash160 } from '../../../lib/crypto/hash.ts';
import { reasonCode } from '../../../lib/rejects.ts';
import {
  inputSignatureCheck,
  p2pkhScript,
  p2pkhScriptSig,
  revealedScript,
  sighashAll,
} from '../../../lib/script/index.ts';
import type { SignatureCheck, Tx, Txid, Verdict } from '../../../lib/types.ts';
import { FUZZ_RUNS, fuzzSeed, mangled } from '../../helpers/fuzz.ts';
import { bytes, must, vectorCases } from '../../helpers/vectors.ts';

interface Input {
  readonly scriptPubKey: string;
  readonly sighash?: string;
  readonly publicKey?: string;
  readonly problems?: string[];
  readonly hashType?: number;
}

const holds = ({ publicKey: key, digest, signature }: SignatureCheck): boolean => {
  try {
    return verify(signature, digest, key, { prehash: false, lowS: true });
  } catch {
    return false;
  }
};

const codeOf = (verdict: Verdict<unknown>): string | undefined =>
  verdict.ok ? undefined : reasonCode(verdict.reject.reason);

const REASONS: Record<string, string> = {
  'high-s': 'stack-high-s',
  'not-strict-der': 'block-script-verify-flag-failed',
  'prevout-not-p2pkh': 'stack-output',
  'scriptSig-not-two-pushes': 'stack-scriptsig',
  'hash-type-not-all': 'stack-hash-type',
  'pubkey-hash-mismatch': 'block-script-verify-flag-failed',
};

/** The first problem of the vector is the reason; without one the signature is good. */
function checkVector(tx: Tx, index: number, input: Input): void {
  const verdict = inputSignatureCheck(tx, index, bytes(input.scriptPubKey));
  const problems = input.problems ?? [];
  if (problems.length === 0) {
    const check = must(verdict);
    expect(toHex(check.digest)).toBe(input.sighash);
    expect(toHex(check.publicKey)).toBe(input.publicKey);
    expect(holds(check)).toBe(true);
    expect(revealedScript(tx.inputs[index]?.scriptSig ?? new Uint8Array())).toEqual(
      bytes(input.scriptPubKey),
    );
    return;
  }
  if (problems.includes('signature-invalid') && verdict.ok) {
    expect(holds(verdict.value)).toBe(false);
    return;
  }
  expect(problems.map((problem) => REASONS[problem])).toContain(codeOf(verdict));
}

describe('spends of the main network', () => {
  const cases = vectorCases<{ txid: string; tx: string; inputs: Input[] }>('p2pkh_spends');
  it.each(cases)('$txid', ({ tx: hex, inputs }) => {
    const tx = must(decodeTx(bytes(hex)));
    for (const [i, input] of inputs.entries()) checkVector(tx, i, input);
  });
});

describe("Core's scripts", () => {
  interface ScriptCase extends Input {
    readonly tx: string;
    readonly strictValid: boolean;
    readonly comment: string;
  }
  it.each(vectorCases<ScriptCase>('script_p2pkh'))('$comment', (one) => {
    const tx = must(decodeTx(bytes(one.tx)));
    const verdict = inputSignatureCheck(tx, 0, bytes(one.scriptPubKey));
    expect(verdict.ok && holds(verdict.value)).toBe(one.strictValid);
    checkVector(tx, 0, one);
  });

  interface TxCase {
    readonly tx: string;
    readonly txid: string;
    readonly inputs?: Input[];
    readonly prevouts: { txid: string; vout: number; scriptPubKey: string }[];
    readonly strictP2pkhValid?: boolean;
  }
  const cases = vectorCases<TxCase>('tx_core').filter(
    (one) => one.strictP2pkhValid !== undefined && one.inputs !== undefined,
  );
  it.each(cases)('$txid', (one) => {
    const tx = must(decodeTx(bytes(one.tx)));
    const verdicts = (one.inputs ?? []).map((input, i) => {
      const verdict = inputSignatureCheck(tx, i, bytes(input.scriptPubKey));
      if (input.sighash !== undefined && verdict.ok) {
        expect(toHex(verdict.value.digest)).toBe(input.sighash);
      }
      return verdict.ok && holds(verdict.value);
    });
    expect(verdicts.every(Boolean)).toBe(one.strictP2pkhValid);
  });
});

const KEY = new Uint8Array(32).fill(7);
const P = 2n ** 256n - 2n ** 32n - 977n;
const hex32 = (value: bigint): string => value.toString(16).padStart(64, '0');

/** A transaction that spends a coin of `key` with a good signature by KEY, and changes on the way. */
function spend(
  key: Uint8Array,
  change: { scriptSig?: (good: Uint8Array) => Uint8Array; hashType?: number } = {},
): { tx: Tx; coinScript: Uint8Array } {
  const coinScript = p2pkhScript(hash160(key));
  const prevout = { txid: 'ab'.repeat(32) as Txid, vout: 1 };
  const outputs = [{ value: 5n, scriptPubKey: coinScript }];
  const fields = { version: 2, outputs, lockTime: 0 };
  const blank = { prevout, scriptSig: new Uint8Array(), sequence: 0xffff_ffff };
  const digest = sighashAll(makeTx({ ...fields, inputs: [blank] }), 0, coinScript);
  const der = encodeDer(sign(digest, KEY));
  const good = p2pkhScriptSig(Uint8Array.of(...der, change.hashType ?? 1), key);
  const scriptSig = change.scriptSig?.(good) ?? good;
  return { tx: makeTx({ ...fields, inputs: [{ ...blank, scriptSig }] }), coinScript };
}

describe('what may stand in a scriptSig', () => {
  const short = publicKey(KEY);
  const long = uncompressed(short);

  it.each([
    ['a compressed key', short],
    ['an uncompressed key', long],
  ])('%s', (_, key) => {
    const { tx, coinScript } = spend(key);
    expect(holds(must(inputSignatureCheck(tx, 0, coinScript)))).toBe(true);
  });

  it.each([
    ['a hybrid key', bytes(`06${toHex(long).slice(2)}`), 'stack-pubkey'],
    ['another hybrid key', bytes(`07${toHex(long).slice(2)}`), 'stack-pubkey'],
    ['33 bytes that begin with 04', bytes(`04${toHex(short).slice(2)}`), 'stack-pubkey'],
    ['65 bytes that begin with 02', bytes(`02${toHex(long).slice(2)}`), 'stack-pubkey'],
    ['x = p', bytes(`02${hex32(P)}`), 'stack-pubkey'],
    ['x = 2^256 - 1', bytes(`03${'ff'.repeat(32)}`), 'stack-pubkey'],
    ['y = p + 1', bytes(`04${hex32(1n)}${hex32(P + 1n)}`), 'stack-pubkey'],
    ['a point that is not on the curve', bytes(`04${hex32(1n)}${hex32(1n)}`), 'stack-pubkey'],
  ])('%s: %s', (_, key, reason) => {
    const { tx, coinScript } = spend(key);
    expect(codeOf(inputSignatureCheck(tx, 0, coinScript))).toBe(reason);
  });

  it('an x without a point passes here and holds under no verifier', () => {
    const { tx, coinScript } = spend(bytes(`02${hex32(5n)}`));
    expect(holds(must(inputSignatureCheck(tx, 0, coinScript)))).toBe(false);
  });

  it.each([
    ['nothing', () => new Uint8Array()],
    ['a third push', (good: Uint8Array) => Uint8Array.of(...good, 1, 1)],
    ['an empty push before', (good: Uint8Array) => Uint8Array.of(0, ...good)],
    ['a byte missing', (good: Uint8Array) => good.slice(0, -1)],
    ['a byte more', (good: Uint8Array) => Uint8Array.of(...good, 0)],
    ['PUSHDATA1', (good: Uint8Array) => Uint8Array.of(0x4c, ...good)],
    ['an empty signature', (good: Uint8Array) => Uint8Array.of(0, 33, ...good.slice(-33))],
    ['only the key', (good: Uint8Array) => good.slice(-34)],
  ])('%s: stack-scriptsig', (_, scriptSig) => {
    const { tx, coinScript } = spend(short, { scriptSig });
    expect(codeOf(inputSignatureCheck(tx, 0, coinScript))).toBe('stack-scriptsig');
    expect(revealedScript(tx.inputs[0]?.scriptSig ?? new Uint8Array())).toBeUndefined();
  });

  it.each([0, 2, 3, 0x81, 0x41, 0xff])('hash type %d: stack-hash-type', (hashType) => {
    const { tx, coinScript } = spend(short, { hashType });
    expect(codeOf(inputSignatureCheck(tx, 0, coinScript))).toBe('stack-hash-type');
  });

  it("another's coin: as Core's OP_EQUALVERIFY", () => {
    const { tx } = spend(short);
    const verdict = inputSignatureCheck(tx, 0, p2pkhScript(new Uint8Array(20)));
    expect(verdict.ok ? '' : verdict.reject.reason).toContain('OP_EQUALVERIFY');
  });

  it('a signature over anything else does not hold', () => {
    const { tx, coinScript } = spend(short);
    const other = makeTx({ ...tx, lockTime: 1 });
    expect(holds(must(inputSignatureCheck(other, 0, coinScript)))).toBe(false);
  });

  it('any bytes give a verdict', () => {
    const { tx, coinScript } = spend(short);
    const messages = [tx.inputs[0]?.scriptSig ?? new Uint8Array()];
    fc.assert(
      fc.property(mangled(messages), (scriptSig) => {
        const changed = makeTx({
          ...tx,
          inputs: tx.inputs.map((input) => ({ ...input, scriptSig })),
        });
        const verdict = inputSignatureCheck(changed, 0, coinScript);
        // Whatever passes shows the coin's own script, so the coin is found by it.
        if (verdict.ok) expect(revealedScript(scriptSig)).toEqual(coinScript);
      }),
      { seed: fuzzSeed('inputSignatureCheck'), numRuns: FUZZ_RUNS },
    );
  });
});

/** By the curve's equation: y is a root of x^3 + 7, of the parity that the first byte tells. */
function uncompressed(key: Uint8Array): Uint8Array {
  const x = BigInt(`0x${toHex(key.subarray(1))}`);
  let root = 1n;
  let base = (x ** 3n + 7n) % P;
  for (let exponent = (P + 1n) / 4n; exponent > 0n; exponent /= 2n) {
    if (exponent % 2n === 1n) root = (root * base) % P;
    base = (base * base) % P;
  }
  const y = root % 2n === BigInt((key[0] as number) % 2) ? root : P - root;
  return bytes(`04${hex32(x)}${hex32(y)}`);
}
