/**
 * The library's part on text forms and keys: base58, addresses, WIF, signatures, BIP32 and BIP39.
 * Owns names and documentation that stay; the work is done in codec/, crypto/ and wallet/.
 */
import { verify } from '@noble/secp256k1';
import * as codec from '../codec/index.ts';
import * as der from '../crypto/der.ts';
import * as ecdsa from '../crypto/ecdsa.ts';
import { hash160 } from '../crypto/hash.ts';
import { refuse, scriptFailure } from '../rejects.ts';
import { type Verdict, valid } from '../types.ts';
import { lockOf } from '../wallet/build-transaction.ts';
import * as hd from '../wallet/hd.ts';

/**
 * Bytes as lower-case hex.
 * @example
 * console.log(toHex(Uint8Array.of(0, 255))); // 00ff
 */
export const toHex = (bytes: Uint8Array): string => codec.toHex(bytes);

/**
 * Hex digits of either case, two a byte. Rejects: `invalid-hex`.
 * @example
 * console.log(fromHex('00fF')); // { ok: true, value: Uint8Array(2) [ 0, 255 ] }
 */
export function fromHex(text: string): Verdict<Uint8Array> {
  const bytes = codec.fromHex(text);
  return bytes === undefined ? refuse('invalid-hex') : valid(bytes);
}

/**
 * Base58 without a checksum.
 * @example
 * console.log(encodeBase58(Uint8Array.of(0, 0, 97))); // 112g
 */
export const encodeBase58 = (bytes: Uint8Array): string => codec.encodeBase58(bytes);

/**
 * At most 512 characters. Rejects: `invalid-base58`.
 * @example
 * console.log(decodeBase58('112g')); // { ok: true, value: Uint8Array(3) [ 0, 0, 97 ] }
 */
export const decodeBase58 = (text: string): Verdict<Uint8Array> =>
  orRefuse(codec.decodeBase58(text));

/**
 * A payload and the first four bytes of its double SHA-256, in base58.
 * @example
 * console.log(encodeBase58Check(new Uint8Array(21))); // 1111111111111111111114oLvT2
 */
export const encodeBase58Check = (payload: Uint8Array): string => codec.encodeBase58Check(payload);

/**
 * The payload, its checksum checked. Rejects: `invalid-base58`.
 * @example
 * const payload = decodeBase58Check('1111111111111111111114oLvT2');
 * console.log(payload.ok && payload.value.length); // 21
 */
export const decodeBase58Check = (text: string): Verdict<Uint8Array> =>
  orRefuse(codec.decodeBase58Check(text));

const orRefuse = (bytes: Uint8Array | undefined): Verdict<Uint8Array> =>
  bytes === undefined ? refuse('invalid-base58') : valid(bytes);

/**
 * A P2PKH address: base58check of a version byte and a HASH160 (20 bytes).
 * @example
 * console.log(encodeAddress(new Uint8Array(20), 0x6f)); // mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8
 */
export const encodeAddress = (hash: Uint8Array, version: number): string =>
  codec.encodeAddress(hash, version);

/**
 * Version and HASH160, of any network: compare the version yourself. Rejects: `invalid-address`.
 * @example
 * const parsed = parseAddress('mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8');
 * console.log(parsed.ok && parsed.value.version === regtest.addressVersion); // true
 */
export const parseAddress = (text: string): Verdict<codec.ParsedAddress> =>
  codec.parseAddress(text);

/**
 * The address of a public key, in whatever form (33 or 65 bytes) it is given.
 * @example
 * const key = new Uint8Array(32).fill(1);
 * console.log(addressOf(publicKey(key), 0x00)); // 1C6Rc3w25VHud3dLDamutaqfKWqhrLRTaD
 */
export const addressOf = (key: Uint8Array, version: number): string =>
  codec.encodeAddress(hash160(key), version);

/**
 * The script that pays an address of the network with this version. Rejects: `invalid-address`.
 * @example
 * const script = addressScript('mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8', regtest.addressVersion);
 * console.log(script.ok && toHex(script.value).slice(0, 6)); // 76a914
 */
export const addressScript = (address: string, version: number): Verdict<Uint8Array> =>
  lockOf(address, version);

/**
 * A private key (32 bytes) in the wallet import format, as one whose public key is compressed.
 * @example
 * const wif = encodeWif(new Uint8Array(32).fill(1), 0x80);
 * console.log(wif); // KwFfNUhSDaASSAwtG7ssQM1uVX8RgX5GHWnnLfhfiQDigjioWXHH
 */
export const encodeWif = (key: Uint8Array, version: number): string =>
  codec.encodeWif(key, version);

/**
 * Version, key and whether its public key is compressed. Rejects: `invalid-wif`, also for a key that
 * is 0 or not below the order of the curve.
 * @example
 * const wif = parseWif('KwFfNUhSDaASSAwtG7ssQM1uVX8RgX5GHWnnLfhfiQDigjioWXHH');
 * console.log(wif.ok && wif.value.compressed); // true
 */
export const parseWif = (text: string): Verdict<codec.ParsedWif> => codec.parseWif(text);

/**
 * Whether 32 bytes are a private key: a number from 1 to n - 1, big-endian.
 * @example
 * console.log(isPrivateKey(new Uint8Array(32))); // false
 */
export const isPrivateKey = (key: Uint8Array): boolean => codec.isPrivateKey(key);

/**
 * The compressed public key (33 bytes) of a private key. What is no private key is a mistake of the
 * caller and throws: see isPrivateKey.
 * @example
 * console.log(toHex(publicKey(new Uint8Array(32).fill(1))).slice(0, 16)); // 031b84c5567b1264
 */
export const publicKey = (key: Uint8Array): Uint8Array => ecdsa.publicKey(key);

/**
 * Signs 32 bytes: 64 bytes r then s, big-endian, deterministic (RFC 6979), low S (BIP-0062). A key
 * that is none throws, as publicKey.
 * @example
 * const signature = sign(new Uint8Array(32).fill(2), new Uint8Array(32).fill(1));
 * console.log(signature.length, encodeDer(signature)[0]); // 64 48
 */
export const sign = (digest: Uint8Array, key: Uint8Array): Uint8Array => ecdsa.sign(digest, key);

/**
 * 64 bytes r then s as DER, without a hash type.
 * @example
 * const one = new Uint8Array(32).with(31, 1);
 * console.log(toHex(encodeDer(Uint8Array.of(...one, ...one)))); // 3006020101020101
 */
export const encodeDer = (signature: Uint8Array): Uint8Array => der.encodeDer(signature);

/**
 * Whether a DER signature without a hash type holds for a digest (32 bytes) and a public key (33 or
 * 65 bytes): strict DER (BIP-0066), low S, then the curve. Rejects: `stack-high-s`, `stack-pubkey`,
 * `block-script-verify-flag-failed` for DER and for a signature that does not hold.
 * @example
 * const [digest, key] = [new Uint8Array(32).fill(2), new Uint8Array(32).fill(1)];
 * const signature = encodeDer(sign(digest, key));
 * console.log(verifyDer(signature, digest, publicKey(key)).ok); // true
 * console.log(verifyDer(signature, key, publicKey(key)).ok); // false
 */
export function verifyDer(signature: Uint8Array, digest: Uint8Array, key: Uint8Array): Verdict {
  const parsed = der.parseDer(signature);
  if (!parsed.ok) return parsed;
  // noble would also read the hybrid forms 06 and 07.
  const isForm =
    key.length === 33 ? key[0] === 2 || key[0] === 3 : key.length === 65 && key[0] === 4;
  if (!isForm) return refuse('stack-pubkey');
  try {
    if (verify(parsed.value, digest, key, { prehash: false, lowS: true })) return valid();
  } catch {
    // A key that is not on the curve, or a digest that is not 32 bytes: neither holds.
  }
  return scriptFailure('Signature must be zero for failed CHECK(MULTI)SIG operation');
}

/**
 * The encoding of a signature with its hash type, as scripts push it: strict DER, low S, hash type
 * exactly 01. Answers r and s, 64 bytes; the curve is not asked. Rejects: `stack-high-s`,
 * `stack-hash-type`, `block-script-verify-flag-failed` for DER.
 * @example
 * const der = encodeDer(sign(new Uint8Array(32).fill(2), new Uint8Array(32).fill(1)));
 * console.log(checkSignatureEncoding(Uint8Array.of(...der, 0x01)).ok); // true
 * const none = checkSignatureEncoding(Uint8Array.of(...der, 0x03));
 * console.log(none.ok || none.reject.reason); // stack-hash-type
 */
export const checkSignatureEncoding = (signature: Uint8Array): Verdict<Uint8Array> =>
  der.checkSignatureEncoding(signature);

/**
 * A BIP-0039 phrase of 12 to 24 words for 16 to 32 random bytes. Rejects: `invalid-phrase`.
 * @example
 * const phrase = entropyToMnemonic(new Uint8Array(16));
 * console.log(phrase.ok && phrase.value.split(' ').at(-1)); // about
 */
export const entropyToMnemonic = (entropy: Uint8Array): Verdict<string> =>
  hd.entropyToPhrase(entropy);

/**
 * The phrase in its one form (lower case, single spaces), words and checksum checked. Rejects:
 * `invalid-phrase`.
 * @example
 * const phrase = parseMnemonic(' ALL all all all all all all all all all all  all ');
 * console.log(phrase.ok && phrase.value.length); // 47
 */
export const parseMnemonic = (text: string): Verdict<string> => hd.parsePhrase(text);

/**
 * The 64 bytes that BIP-0032 starts from. Rejects: `invalid-phrase`.
 * @example
 * const seed = mnemonicToSeed('all all all all all all all all all all all all');
 * console.log(seed.ok && toHex(seed.value).slice(0, 16)); // c76c4ac4f4e4a00d
 */
export const mnemonicToSeed = (phrase: string, passphrase?: string): Verdict<Uint8Array> =>
  hd.phraseToSeed(phrase, passphrase);

/**
 * The key `m` of a seed of 16 to 64 bytes. Rejects: `invalid-hd-key`.
 * @example
 * const master = hdMaster(new Uint8Array(32), MAINNET_HD);
 * console.log(master.ok && master.value.xpub.slice(0, 4)); // xpub
 */
export const hdMaster = (seed: Uint8Array, versions?: hd.HdVersions): Verdict<hd.HdKey> =>
  hd.masterKey(seed, versions);

/**
 * Reads an xprv, xpub, tprv or tpub (BIP-0032). Rejects: `invalid-hd-key`.
 * @example
 * console.log(parseExtendedKey('xprv').ok); // false
 */
export const parseExtendedKey = (text: string): Verdict<hd.HdKey> => hd.parseExtendedKey(text);

/**
 * The key at a path from `key` on; a stroke marks a hardened step. Rejects: `invalid-hd-key`.
 * @example
 * const seed = mnemonicToSeed('all all all all all all all all all all all all');
 * const master = seed.ok ? hdMaster(seed.value) : seed;
 * const key = master.ok ? derive(master.value, "m/44'/1'/0'/0/0") : master;
 * console.log(key.ok && addressOf(key.value.publicKey, 0x6f)); // mvbu1Gdy8SUjTenqerxUaZyYjmveZvt33q
 */
export const derive = (key: hd.HdKey, path: string): Verdict<hd.HdKey> => key.derive(path);
