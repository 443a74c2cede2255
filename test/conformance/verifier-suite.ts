/**
 * The promises of the Verifier port as tests: the verdicts of the published vectors, the first bad
 * index, the same answers as the reference on random input.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getPublicKey, signAsync } from '@noble/secp256k1';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Verifier } from '../../lib/ports/verifier.ts';
import type { SignatureCheck } from '../../lib/types.ts';

export interface VerifierSuiteOptions {
  readonly name: string;
  open(): Verifier | undefined;
  /** Why it cannot be opened on some platforms; where it cannot, the suite is skipped by this. */
  readonly absent?: string;
}

const ORDER = BigInt('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const sha256 = (data: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(data).digest());

interface Case extends SignatureCheck {
  readonly name: string;
  readonly valid: boolean;
}

const vectors = (file: string): Record<string, never>[] =>
  JSON.parse(readFileSync(new URL(`../vectors/${file}.json`, import.meta.url), 'utf8')).cases;

/** r and s of a strict DER signature that our own rules let through to a verifier, as 64 bytes. */
function compact(der: Uint8Array): Uint8Array | undefined {
  const parts: bigint[] = [];
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  let at = 2;
  for (let i = 0; i < 2; i++) {
    const length = der[at + 1] ?? 0;
    const digits = der.subarray(at + 2, at + 2 + length);
    if (der[at] !== 2 || length === 0 || digits.length !== length) return undefined;
    const first = digits[0] as number;
    if (first > 0x7f || (length > 1 && first === 0 && (digits[1] as number) < 0x80))
      return undefined;
    parts.push(BigInt(`0x${Buffer.from(digits).toString('hex')}`));
    at += 2 + length;
  }
  const [r, s] = parts as [bigint, bigint];
  if (at !== der.length || r < 1n || r >= ORDER || s < 1n || s > ORDER / 2n) return undefined;
  return hex(parts.map((part) => part.toString(16).padStart(64, '0')).join(''));
}

function wycheproof(): Case[] {
  return vectors('wycheproof_bitcoin').flatMap((one) => {
    const { publicKey, msg, sig, valid, tcId, comment } = one as unknown as {
      publicKey: string;
      msg: string;
      sig: string;
      valid: boolean;
      tcId: number;
      comment: string;
    };
    const signature = compact(hex(sig));
    if (signature === undefined && valid) throw new Error(`case ${tcId} should parse`);
    return signature === undefined
      ? []
      : [
          {
            name: `${tcId} ${comment}`,
            publicKey: hex(publicKey),
            digest: sha256(hex(msg)),
            signature,
            valid,
          },
        ];
  });
}

interface SpendInput {
  sighash?: string;
  publicKey?: string;
  signature?: string;
  problems?: string[];
}

function spends(): Case[] {
  return vectors('p2pkh_spends').flatMap((one) => {
    const { inputs, txid } = one as unknown as { inputs: SpendInput[]; txid: string };
    return inputs.flatMap(({ sighash, publicKey, signature: der }, i) => {
      const signature = der === undefined ? undefined : compact(hex(der).subarray(0, -1));
      return signature === undefined || !publicKey || !sighash
        ? []
        : [
            {
              name: `${txid}:${i}`,
              publicKey: hex(publicKey),
              digest: hex(sighash),
              signature,
              valid: true,
            },
          ];
    });
  });
}

/** Points and numbers out of range: our rules stop them earlier, and still nothing may throw. */
function impossible(): Case[] {
  return vectors('ecdsa_invalid').flatMap((one) => {
    const { op, publicKey, hash, compactSignature, why } = one as unknown as Record<string, string>;
    return op !== 'verify' || !publicKey || !hash || !compactSignature
      ? []
      : [
          {
            name: why as string,
            publicKey: hex(publicKey),
            digest: hex(hash),
            signature: hex(compactSignature),
            valid: false,
          },
        ];
  });
}

/** Twelve good checks of different keys, every third with a long key. */
async function goodChecks(): Promise<SignatureCheck[]> {
  return Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const secret = sha256(new Uint8Array([i]));
      const digest = sha256(secret);
      const signature = await signAsync(digest, secret, { prehash: false });
      return { publicKey: getPublicKey(secret, i % 3 !== 0), digest, signature };
    }),
  );
}

const flipped = (data: Uint8Array, at: number): Uint8Array => {
  const changed = data.slice();
  changed[at] = (changed[at] as number) ^ 1;
  return changed;
};

export function verifierSuite({ name, open, absent }: VerifierSuiteOptions): void {
  const verifier = open();
  if (verifier === undefined) {
    it.skip(`verifier ${name}: ${absent ?? 'not here'}`, () => undefined);
    return;
  }
  describe(`verifier: ${name}`, () => {
    let good: SignatureCheck[];
    beforeAll(async () => {
      good = await goodChecks();
    });

    it.each([
      ['wycheproof', wycheproof(), 40],
      ['spends of mainnet', spends(), 100],
      ['impossible', impossible(), 5],
    ] as const)(
      '%s',
      async (_name, cases, least) => {
        expect(cases.length, 'cases').toBeGreaterThan(least);
        for (const one of cases)
          expect(await verifier.firstInvalid([one]), one.name).toBe(one.valid ? -1 : 0);
      },
      30_000,
    );

    it('nothing to check, and all good', async () => {
      expect(await verifier.firstInvalid([])).toBe(-1);
      expect(await verifier.firstInvalid(good)).toBe(-1);
    });

    it('the first bad one is named, wherever it stands and whatever is wrong', async () => {
      for (let at = 0; at < good.length; at++) {
        const check = good[at] as SignatureCheck;
        for (const bad of [
          { ...check, digest: flipped(check.digest, at) },
          { ...check, signature: flipped(check.signature, 31) },
          { ...check, signature: flipped(check.signature, 63) },
          { ...check, publicKey: (good[(at + 1) % good.length] as SignatureCheck).publicKey },
        ]) {
          const checks = good.slice();
          checks[at] = bad;
          checks[good.length - 1] = at === good.length - 1 ? bad : { ...bad };
          expect(await verifier.firstInvalid(checks)).toBe(at);
          expect(await verifier.firstInvalid(checks), 'asked again').toBe(at);
        }
      }
      expect(await verifier.firstInvalid(good)).toBe(-1);
    }, 30_000);

    it('high S is not valid', async () => {
      const check = good[0] as SignatureCheck;
      const s = BigInt(`0x${Buffer.from(check.signature.subarray(32)).toString('hex')}`);
      const high = hex((ORDER - s).toString(16).padStart(64, '0'));
      const signature = new Uint8Array([...check.signature.subarray(0, 32), ...high]);
      expect(await verifier.firstInvalid([{ ...check, signature }])).toBe(0);
    });
  });
}
