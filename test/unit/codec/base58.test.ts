import { describe, expect, it } from 'vitest';
import {
  decodeBase58,
  decodeBase58Check,
  encodeAddress,
  encodeBase58,
  encodeBase58Check,
  encodeWif,
  parseAddress,
  parseWif,
  toHex,
} from '../../../lib/codec/index.ts';
import { publicKey } from '../../../lib/crypto/ecdsa.ts';
import { hash160 } from '../../../lib/crypto/hash.ts';
import { matchP2pkh, p2pkhScript } from '../../../lib/script/p2pkh.ts';
import { bytes, must, reasonOf, vectorCases } from '../../helpers/vectors.ts';

describe('base58', () => {
  const cases = vectorCases<{ hex?: string; b58: string; valid: boolean }>('base58');
  it.each(cases)('$b58', ({ hex, b58, valid }) => {
    const decoded = decodeBase58(b58);
    if (!valid || hex === undefined) {
      expect(decoded).toBeUndefined();
      return;
    }
    expect(decoded).toEqual(bytes(hex));
    expect(encodeBase58(bytes(hex))).toBe(b58);
  });

  it('does not even look at a text of a million characters', () => {
    expect(decodeBase58('1'.repeat(1_000_000))).toBeUndefined();
    expect(decodeBase58Check('1'.repeat(1_000_000))).toBeUndefined();
  });
});

describe('base58check', () => {
  const cases = vectorCases<{ payload?: string; string: string; valid: boolean }>('base58check');
  it.each(cases)('$string', ({ payload, string, valid }) => {
    const decoded = decodeBase58Check(string);
    if (!valid || payload === undefined) {
      expect(decoded).toBeUndefined();
      return;
    }
    expect(decoded).toEqual(bytes(payload));
    expect(encodeBase58Check(bytes(payload))).toBe(string);
  });
});

describe('addresses', () => {
  interface AddressCase {
    readonly address: string;
    readonly versionByte: number;
    readonly hash160: string;
    readonly scriptPubKey: string;
    readonly p2pkh: boolean;
  }
  it.each(vectorCases<AddressCase>('address'))('$address', (one) => {
    const parsed = must(parseAddress(one.address));
    expect(parsed).toEqual({ version: one.versionByte, hash160: bytes(one.hash160) });
    expect(encodeAddress(parsed.hash160, parsed.version)).toBe(one.address);
    const script = bytes(one.scriptPubKey);
    expect(matchP2pkh(script)).toEqual(one.p2pkh ? bytes(one.hash160) : undefined);
    if (one.p2pkh) expect(p2pkhScript(parsed.hash160)).toEqual(script);
  });

  /** Version bytes of P2PKH and P2SH, and of keys, on Bitcoin's main and test networks. */
  const ADDRESS_VERSIONS = [0x00, 0x05, 0x6f, 0xc4];
  const WIF_VERSIONS = [0x80, 0xef];
  const invalid = vectorCases<{ text: string; why: string }>('address_invalid');
  it.each(invalid)('refuses $text: $why', ({ text }) => {
    const address = parseAddress(text);
    const wif = parseWif(text);
    // Which version bytes count is the caller's to say; all else is refused here.
    if (address.ok) expect(ADDRESS_VERSIONS).not.toContain(address.value.version);
    else expect(address.reject.reason).toBe('invalid-address');
    if (wif.ok) expect(WIF_VERSIONS).not.toContain(wif.value.version);
    else expect(wif.reject.reason).toBe('invalid-wif');
  });
});

describe('wif', () => {
  interface WifCase {
    readonly wif: string;
    readonly privateKey: string;
    readonly compressed: boolean;
    readonly chain: string;
    readonly publicKey: string;
    readonly p2pkhAddress: string;
    readonly valid: boolean;
  }
  const cases = vectorCases<WifCase>('wif');
  it.each(cases.filter(({ valid }) => valid))('$wif', (one) => {
    const parsed = must(parseWif(one.wif));
    expect(toHex(parsed.key)).toBe(one.privateKey);
    expect(parsed.compressed).toBe(one.compressed);
    expect(parsed.version).toBe(one.chain === 'main' ? 0x80 : 0xef);
    if (!one.compressed) return;
    expect(encodeWif(parsed.key, parsed.version)).toBe(one.wif);
    expect(toHex(publicKey(parsed.key))).toBe(one.publicKey);
    const version = one.chain === 'main' ? 0x00 : 0x6f;
    expect(encodeAddress(hash160(publicKey(parsed.key)), version)).toBe(one.p2pkhAddress);
  });

  it.each(cases.filter(({ valid }) => !valid))('refuses $wif', ({ wif }) => {
    expect(reasonOf(parseWif(wif))).toBe('invalid-wif');
  });

  const ORDER = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';
  it.each([
    ['00'.repeat(32), false],
    [`${'00'.repeat(31)}01`, true],
    [ORDER.replace(/41$/, '40'), true],
    [ORDER, false],
    ['ff'.repeat(32), false],
  ])('key %s in range: %s', (key, inRange) => {
    const wif = encodeBase58Check(bytes(`ef${key}01`));
    expect(parseWif(wif).ok).toBe(inRange);
  });
});
