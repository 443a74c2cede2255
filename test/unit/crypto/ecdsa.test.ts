import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../lib/codec/hex.ts';
import { encodeDer } from '../../../lib/crypto/der.ts';
import { publicKey, sign } from '../../../lib/crypto/ecdsa.ts';
import { hash160, hash256, sha256 } from '../../../lib/crypto/hash.ts';
import { bytes, vectorCases } from '../../helpers/vectors.ts';

describe('signing by RFC 6979', () => {
  interface SignCase {
    readonly privateKey: string;
    readonly publicKey: string;
    readonly hash: string;
    readonly r: string;
    readonly s: string;
    readonly der: string;
  }
  it.each(vectorCases<SignCase>('rfc6979'))('$hash by $privateKey', (one) => {
    const key = bytes(one.privateKey);
    expect(toHex(publicKey(key))).toBe(one.publicKey);
    const signature = sign(bytes(one.hash), key);
    expect(toHex(signature)).toBe(one.r + one.s);
    expect(toHex(encodeDer(signature))).toBe(one.der);
  });

  const bad = vectorCases<{ op: string; privateKey: string; hash: string }>('ecdsa_invalid').filter(
    ({ op }) => op === 'sign',
  );
  it.each(bad)('refuses the key $privateKey', ({ privateKey, hash }) => {
    expect(() => sign(bytes(hash), bytes(privateKey))).toThrow();
    expect(() => publicKey(bytes(privateKey))).toThrow();
  });
});

it('the hashes are those of OpenSSL', () => {
  const openssl = (name: string, data: Uint8Array): Uint8Array =>
    new Uint8Array(createHash(name).update(data).digest());
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) {
    const data = Uint8Array.from({ length }, (_, i) => i * 7);
    const once = openssl('sha256', data);
    expect(sha256(data)).toEqual(once);
    expect(hash256(data)).toEqual(openssl('sha256', once));
    expect(hash160(data)).toEqual(openssl('ripemd160', once));
  }
});
