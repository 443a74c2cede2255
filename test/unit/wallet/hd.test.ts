/** Phrases, derivation and the path of our addresses, by published vectors. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAddress, toHex } from '../../../lib/codec/index.ts';
import { hash160 } from '../../../lib/crypto/hash.ts';
import {
  addressBranch,
  addressPath,
  entropyToPhrase,
  MAINNET_HD,
  masterKey,
  parseExtendedKey,
  parsePhrase,
  phraseToSeed,
} from '../../../lib/wallet/hd.ts';
import { addressOfKey } from '../../../lib/wallet/key-ring.ts';
import { FUZZ_RUNS, fuzzSeed } from '../../helpers/fuzz.ts';
import { bytes, must, vectorCases } from '../../helpers/vectors.ts';

interface Bip32Case {
  readonly seed?: string;
  readonly path?: string;
  readonly xprv: string;
  readonly xpub: string;
  readonly privateKey: string;
  readonly publicKey: string;
  readonly chainCode: string;
  readonly p2pkhAddress: string;
  readonly extendedKey?: string;
  readonly why?: string;
}

describe('BIP32', () => {
  const cases = vectorCases<Bip32Case>('bip32');
  const chains = cases.filter(({ seed }) => seed !== undefined);
  const bad = cases.filter(({ extendedKey }) => extendedKey !== undefined);

  it('has both kinds of cases', () => {
    expect(chains.length).toBeGreaterThan(5);
    expect(bad.length).toBeGreaterThan(5);
  });

  it.each(chains)('derives $path of $seed', (vector) => {
    const master = must(masterKey(bytes(vector.seed ?? ''), MAINNET_HD));
    const key = must(master.derive(vector.path ?? ''));
    expect(key.xprv).toBe(vector.xprv);
    expect(key.xpub).toBe(vector.xpub);
    expect(toHex(key.privateKey ?? new Uint8Array())).toBe(vector.privateKey);
    expect(toHex(key.publicKey)).toBe(vector.publicKey);
    expect(toHex(key.chainCode)).toBe(vector.chainCode);
    expect(encodeAddress(hash160(key.publicKey), 0)).toBe(vector.p2pkhAddress);
  });

  it.each(chains)('reads $xprv', ({ xprv, xpub, publicKey }) => {
    expect(toHex(must(parseExtendedKey(xprv)).publicKey)).toBe(publicKey);
    const shown = must(parseExtendedKey(xpub));
    expect(shown.privateKey).toBeUndefined();
    expect(shown.xpub).toBe(xpub);
  });

  it.each(bad)('refuses: $why', ({ extendedKey }) => {
    const parsed = parseExtendedKey(extendedKey ?? '');
    expect(parsed.ok || parsed.reject.reason).toBe('invalid-hd-key');
  });

  it('refuses what cannot be derived', () => {
    const master = must(masterKey(new Uint8Array(32).fill(1)));
    const shown = must(parseExtendedKey(master.xpub));
    for (const path of ['', '0', 'm/', "m/x'", 'm/2147483648', `m${'/0'.repeat(33)}`, 'm/-1']) {
      expect(master.derive(path).ok, path).toBe(false);
    }
    expect(shown.derive("m/0'").ok, 'hardened, from an xpub').toBe(false);
    expect(shown.derive('m/0').ok).toBe(true);
    expect(masterKey(new Uint8Array(15)).ok).toBe(false);
    expect(masterKey(new Uint8Array(65)).ok).toBe(false);
  });
});

interface Bip39Case {
  readonly entropy?: string;
  readonly mnemonic: string;
  readonly passphrase?: string;
  readonly seed?: string;
  readonly xprv?: string;
  readonly valid: boolean;
}

describe('BIP39', () => {
  const cases = vectorCases<Bip39Case>('bip39');

  it.each(cases.filter(({ valid }) => valid))('makes the seed of "$mnemonic"', (vector) => {
    const { entropy = '', mnemonic, passphrase, seed, xprv } = vector;
    expect(must(entropyToPhrase(bytes(entropy)))).toBe(mnemonic);
    expect(must(parsePhrase(mnemonic))).toBe(mnemonic);
    const made = must(phraseToSeed(mnemonic, passphrase));
    expect(toHex(made)).toBe(seed);
    expect(must(masterKey(made, MAINNET_HD)).xprv).toBe(xprv);
  });

  it.each(cases.filter(({ valid }) => !valid))('refuses "$mnemonic"', ({ mnemonic }) => {
    const parsed = parsePhrase(mnemonic);
    expect(parsed.ok || parsed.reject.reason).toBe('invalid-phrase');
  });

  it('reads a phrase as people type it', () => {
    const words = 'legal winner thank year wave sausage worth useful legal winner thank yellow';
    const typed = `\n  ${words.toUpperCase().split(' ').join('  \t')}\r\n`;
    expect(must(parsePhrase(typed))).toBe(words);
  });

  it('never repeats a word of a bad phrase, nor throws', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (text) => {
        const parsed = parsePhrase(text);
        expect(parsed.ok).toBe(false);
        if (!parsed.ok && text.trim().length > 8) {
          expect(parsed.reject.detail).not.toContain(text.trim());
        }
      }),
      { numRuns: FUZZ_RUNS, seed: fuzzSeed('phrases') },
    );
  });
});

interface Bip44Case {
  readonly mnemonic: string;
  readonly path: string;
  readonly chain: string;
  readonly privateKey: string;
  readonly address: string;
}

describe('BIP44', () => {
  const cases = vectorCases<Bip44Case>('bip44');
  const versionOf = (chain: string): number => (chain === 'main' ? 0 : 0x6f);

  it.each(cases)('finds $address at $path', ({ mnemonic, path, chain, privateKey, address }) => {
    const key = must(must(masterKey(must(phraseToSeed(mnemonic)))).derive(path));
    expect(toHex(key.privateKey ?? new Uint8Array())).toBe(privateKey);
    expect(addressOfKey(key.privateKey ?? new Uint8Array(), versionOf(chain))).toBe(address);
  });

  it('is the path of our addresses', () => {
    const ours = cases.filter(({ path }) => path.startsWith("m/44'/1'/0'/0/"));
    expect(ours.length).toBeGreaterThan(0);
    for (const { mnemonic, path, privateKey } of ours) {
      const index = Number(path.split('/').at(-1));
      expect(addressPath(index)).toBe(path);
      expect(toHex(must(addressBranch(mnemonic))(index))).toBe(privateKey);
    }
  });
});
