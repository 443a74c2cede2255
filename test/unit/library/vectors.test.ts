/** The published vectors by way of what `stackchain` exports: the names, and Verdicts in place of throws. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressOf,
  addressScript,
  decodeBase58,
  decodeBase58Check,
  decodeBlock,
  decodeHeader,
  decodeTx,
  encodeBase58,
  encodeBase58Check,
  encodeDer,
  fromHex,
  isPrivateKey,
  mnemonicToSeed,
  parseAddress,
  parseExtendedKey,
  parseNetworkFile,
  parseWif,
  publicKey,
  sighash,
  sign,
  toHex,
  type Verdict,
  verifyDer,
  verifyInput,
} from '../../../lib/index.ts';
import { FUZZ_RUNS, fuzzSeed } from '../../helpers/fuzz.ts';
import { bytes, must, reasonOf, vectorCases } from '../../helpers/vectors.ts';

const allHold = <T>(cases: readonly T[], holds: (one: T) => boolean): void =>
  expect(cases.filter((one) => !holds(one))).toEqual([]);

describe('text', () => {
  it('base58', () => {
    interface Case {
      readonly hex?: string;
      readonly b58: string;
      readonly valid: boolean;
    }
    allHold(vectorCases<Case>('base58'), ({ hex = '', b58, valid }) => {
      const decoded = decodeBase58(b58);
      if (!valid) return reasonOf(decoded) === 'invalid-base58';
      return toHex(must(decoded)) === hex && encodeBase58(must(fromHex(hex))) === b58;
    });
  });

  it('base58check', () => {
    interface Case {
      readonly payload?: string;
      readonly string: string;
      readonly valid: boolean;
    }
    allHold(vectorCases<Case>('base58check'), ({ payload = '', string, valid }) => {
      const decoded = decodeBase58Check(string);
      if (!valid) return reasonOf(decoded) === 'invalid-base58';
      return toHex(must(decoded)) === payload && encodeBase58Check(bytes(payload)) === string;
    });
  });

  it('addresses and what is none', () => {
    interface Case {
      readonly address: string;
      readonly versionByte: number;
      readonly hash160: string;
      readonly scriptPubKey: string;
      readonly p2pkh: boolean;
    }
    allHold(vectorCases<Case>('address'), ({ address, versionByte, hash160, ...one }) => {
      const { version, hash160: hash } = must(parseAddress(address));
      const script = addressScript(address, versionByte);
      const isScript = !one.p2pkh || toHex(must(script)) === one.scriptPubKey;
      return version === versionByte && toHex(hash) === hash160 && isScript;
    });
    // Any version parses, for networks choose theirs: Bitcoin's are these.
    const isOf = (versions: readonly number[], parsed: Verdict<{ version: number }>): boolean =>
      parsed.ok && versions.includes(parsed.value.version);
    allHold(
      vectorCases<{ text: string }>('address_invalid'),
      ({ text }) =>
        !isOf([0x00, 0x05, 0x6f, 0xc4], parseAddress(text)) && !isOf([0x80, 0xef], parseWif(text)),
    );
  });
});

describe('signatures', () => {
  interface Signed {
    readonly privateKey: string;
    readonly publicKey: string;
    readonly hash: string;
    readonly r: string;
    readonly s: string;
    readonly der: string;
    readonly hashNotBelowN?: boolean;
  }
  it('RFC 6979', () => {
    const cases = vectorCases<Signed>('rfc6979').filter(({ hashNotBelowN }) => !hashNotBelowN);
    allHold(cases, (one) => {
      const key = bytes(one.privateKey);
      const der = encodeDer(sign(bytes(one.hash), key));
      const isKey = toHex(publicKey(key)) === one.publicKey;
      return isKey && toHex(der) === one.der && verifyDer(der, bytes(one.hash), publicKey(key)).ok;
    });
  });

  it('Wycheproof', () => {
    interface Case {
      readonly publicKey: string;
      readonly msg: string;
      readonly sig: string;
      readonly valid: boolean;
    }
    allHold(vectorCases<Case>('wycheproof_bitcoin'), ({ sig, msg, valid, ...one }) => {
      const digest = new Uint8Array(createHash('sha256').update(bytes(msg)).digest());
      return verifyDer(bytes(sig), digest, bytes(one.publicKey)).ok === valid;
    });
  });

  it('what is to be refused', () => {
    interface Case {
      readonly op: 'verify' | 'sign';
      readonly publicKey?: string;
      readonly privateKey?: string;
      readonly hash: string;
      readonly compactSignature?: string;
    }
    allHold(vectorCases<Case>('ecdsa_invalid'), (one) => {
      const { op, privateKey = '', publicKey: key = '', compactSignature = '', hash } = one;
      if (op === 'sign') return !isPrivateKey(bytes(privateKey));
      return !verifyDer(encodeDer(bytes(compactSignature)), bytes(hash), bytes(key)).ok;
    });
  });

  it('spends of the main network', () => {
    interface Input {
      readonly scriptPubKey: string;
      readonly publicKey?: string;
      readonly sighash?: string;
      readonly hashType?: number;
      readonly problems: readonly string[];
    }
    interface Case {
      readonly tx: string;
      readonly txid: string;
      readonly inputs: readonly Input[];
    }
    const seen = { good: 0, bad: 0 };
    for (const { tx: hex, txid, inputs } of vectorCases<Case>('p2pkh_spends')) {
      const tx = must(decodeTx(bytes(hex)));
      expect(tx.txid).toBe(txid);
      inputs.forEach((input, i) => {
        const script = bytes(input.scriptPubKey);
        const isGood = input.problems.length === 0 && input.publicKey !== undefined;
        expect(verifyInput(tx, i, script).ok, `${txid} input ${i}`).toBe(isGood);
        seen[isGood ? 'good' : 'bad']++;
        if (input.sighash !== undefined) {
          expect(toHex(sighash(tx, i, script, input.hashType))).toBe(input.sighash);
          expect(addressOf(bytes(input.publicKey ?? ''), 0)).toMatch(/^1/);
        }
      });
    }
    expect(seen.good).toBeGreaterThan(100);
    expect(seen.bad).toBeGreaterThan(50);
  });
});

describe('nothing from outside makes it throw', () => {
  it('bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 70 }), (a, b) => {
        for (const read of [decodeTx, decodeHeader, decodeBlock]) read(a);
        verifyDer(a, b, a);
        verifyDer(a, a, b);
        isPrivateKey(b);
      }),
      { numRuns: FUZZ_RUNS, seed: fuzzSeed('library bytes') },
    );
  });

  it('texts and JSON', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.jsonValue(), (text, json) => {
        const readers = [fromHex, decodeBase58, decodeBase58Check, parseAddress, parseWif];
        for (const read of [...readers, parseExtendedKey, mnemonicToSeed]) read(text);
        addressScript(text, 0);
        expect(parseNetworkFile(json).ok).toBe(false);
      }),
      { numRuns: FUZZ_RUNS, seed: fuzzSeed('library texts') },
    );
  });
});
