/**
 * From words to keys: BIP-0039 phrases, BIP-0032 derivation, and the one BIP-0044 path that all
 * addresses of a wallet come from. The arithmetic is scure's; here its exceptions become Verdicts,
 * for phrases, paths and extended keys are typed by people.
 */
import { HDKey } from '@scure/bip32';
import { entropyToMnemonic, mnemonicToSeedSync, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { refuse } from '../rejects.ts';
import { type Verdict, valid } from '../types.ts';

/** BIP-0044 with coin type 1, the one of all test networks: account 0, receiving addresses. */
const ACCOUNT_PATH = "m/44'/1'/0'/0";
/** Longest word is 8 letters: more than this cannot be 24 words, however they are spaced. */
const PHRASE_CHARS_MAX = 1024;
const EXTENDED_KEY_CHARS_MAX = 120;
const PATH_CHARS_MAX = 512;
const PATH_FORM = /^m(\/\d{1,10}'?){0,32}$/;
const INDEX_LIMIT = 2 ** 31;

/** Version bytes of extended keys. */
export interface HdVersions {
  readonly private: number;
  readonly public: number;
}
/** xprv and xpub. */
export const MAINNET_HD: HdVersions = { private: 0x0488ade4, public: 0x0488b21e };
/** tprv and tpub: regtest and all networks of ours. */
export const TESTNET_HD: HdVersions = { private: 0x04358394, public: 0x043587cf };

export interface HdKey {
  /** 32 bytes; absent in a key that came from an xpub. */
  readonly privateKey?: Uint8Array;
  /** Compressed, 33 bytes. */
  readonly publicKey: Uint8Array;
  readonly chainCode: Uint8Array;
  readonly depth: number;
  /** Base58check, absent without a private key. */
  readonly xprv?: string;
  readonly xpub: string;
  /** `path`: `m/44'/1'/0'/0/0`, from this key on. Rejects: `invalid-hd-key`. */
  derive(path: string): Verdict<HdKey>;
}

export const addressPath = (index: number): string => `${ACCOUNT_PATH}/${index}`;

/** 12 to 24 words for 16, 20, 24, 28 or 32 random bytes. Rejects: `invalid-phrase`. */
export function entropyToPhrase(entropy: Uint8Array): Verdict<string> {
  try {
    return valid(entropyToMnemonic(entropy, wordlist));
  } catch {
    return refuse('invalid-phrase', 'a phrase is made of 16, 20, 24, 28 or 32 bytes');
  }
}

/**
 * A phrase as it is kept: lower case, single spaces. Rejects: `invalid-phrase`, never with a word of
 * it in the detail.
 */
export function parsePhrase(text: string): Verdict<string> {
  if (text.length > PHRASE_CHARS_MAX) return refuse('invalid-phrase', 'the text is too long');
  const phrase = text.normalize('NFKD').toLowerCase().trim().split(/\s+/).join(' ');
  const count = phrase === '' ? 0 : phrase.split(' ').length;
  if (count < 12 || count > 24 || count % 3 !== 0) {
    return refuse('invalid-phrase', `a phrase has 12, 15, 18, 21 or 24 words, not ${count}`);
  }
  if (!validateMnemonic(phrase, wordlist)) {
    return refuse('invalid-phrase', 'a word is not in the English list, or the checksum is wrong');
  }
  return valid(phrase);
}

/** The 64 bytes that BIP-0032 starts from. Rejects: `invalid-phrase`. */
export function phraseToSeed(text: string, passphrase = ''): Verdict<Uint8Array> {
  const phrase = parsePhrase(text);
  return phrase.ok ? valid(mnemonicToSeedSync(phrase.value, passphrase)) : phrase;
}

/** The key `m` of a seed of 16 to 64 bytes. Rejects: `invalid-hd-key`. */
export function masterKey(seed: Uint8Array, versions: HdVersions = TESTNET_HD): Verdict<HdKey> {
  return guarded(() => HDKey.fromMasterSeed(seed, versions), 'a seed has 16 to 64 bytes');
}

/** Reads an xprv, xpub, tprv or tpub. Rejects: `invalid-hd-key`. */
export function parseExtendedKey(text: string): Verdict<HdKey> {
  if (text.length > EXTENDED_KEY_CHARS_MAX) {
    return refuse('invalid-hd-key', 'the text is too long');
  }
  const main = guarded(() => HDKey.fromExtendedKey(text, MAINNET_HD), 'not an extended key');
  if (main.ok) return main;
  return guarded(() => HDKey.fromExtendedKey(text, TESTNET_HD), 'not an extended key');
}

function guarded(make: () => HDKey, detail: string): Verdict<HdKey> {
  try {
    return valid(toHdKey(make()));
  } catch {
    return refuse('invalid-hd-key', detail);
  }
}

function toHdKey(node: HDKey): HdKey {
  const { privateKey, publicKey, chainCode, depth } = node;
  if (publicKey === null || chainCode === null) throw new Error('a key without its parts');
  return {
    ...(privateKey !== null && { privateKey, xprv: node.privateExtendedKey }),
    publicKey,
    chainCode,
    depth,
    xpub: node.publicExtendedKey,
    derive: (path) => {
      if (!isPath(path)) return refuse('invalid-hd-key', "a path is like m/44'/1'/0'/0/0");
      return guarded(() => node.derive(path), 'this key cannot be derived on that path');
    },
  };
}

function isPath(path: string): boolean {
  if (path.length > PATH_CHARS_MAX || !PATH_FORM.test(path)) return false;
  return path
    .split('/')
    .slice(1)
    .every((step) => Number.parseInt(step, 10) < INDEX_LIMIT);
}

/** What the addresses of one phrase are derived from; making it is slow, a child of it is not. */
export function addressBranch(phrase: string): Verdict<(index: number) => Uint8Array> {
  const seed = phraseToSeed(phrase);
  if (!seed.ok) return seed;
  const branch = HDKey.fromMasterSeed(seed.value, TESTNET_HD).derive(ACCOUNT_PATH);
  return valid((index: number) => {
    const { privateKey } = branch.deriveChild(index);
    // BIP-0032: one index in 2^127 has no key. Nobody has met it.
    if (privateKey === null) throw new Error('assertion failed: a branch that cannot sign');
    return privateKey;
  });
}
