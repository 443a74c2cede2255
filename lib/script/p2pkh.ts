/**
 * The template of all coins, and what spends them:
 *
 *   scriptPubKey  76 a9 14 <20 bytes> 88 ac
 *   scriptSig     <signature with hash type> <public key>, two direct pushes
 */
import { encodeAddress } from '../codec/address.ts';
import { toHex } from '../codec/hex.ts';
import { hash160, sha256 } from '../crypto/hash.ts';
import { refuse } from '../rejects.ts';
import type { ScriptHash, Verdict } from '../types.ts';
import { DIRECT_PUSH_MAX } from './push.ts';

const SCRIPT_BYTES = 25;
const COMPRESSED_BYTES = 33;
const UNCOMPRESSED_BYTES = 65;

/** `hash`: 20 bytes. */
export function p2pkhScript(hash: Uint8Array): Uint8Array {
  const script = new Uint8Array(SCRIPT_BYTES);
  script[0] = 0x76;
  script[1] = 0xa9;
  script[2] = 0x14;
  script.set(hash, 3);
  script[23] = 0x88;
  script[24] = 0xac;
  return script;
}

/** The 20 bytes that the script names, undefined when it is no P2PKH script. */
export function matchP2pkh(script: Uint8Array): Uint8Array | undefined {
  const isMatch =
    script.length === SCRIPT_BYTES &&
    script[0] === 0x76 &&
    script[1] === 0xa9 &&
    script[2] === 0x14 &&
    script[23] === 0x88 &&
    script[24] === 0xac;
  return isMatch ? script.subarray(3, 23) : undefined;
}

/** The address that the script pays; undefined: it pays none. */
export function scriptAddress(script: Uint8Array, addressVersion: number): string | undefined {
  const hash = matchP2pkh(script);
  return hash && encodeAddress(hash, addressVersion);
}

/** SHA-256 of the script as hex, not reversed: Esplora's and Electrum's name for it. */
export const scriptHash = (script: Uint8Array): ScriptHash => toHex(sha256(script)) as ScriptHash;

export interface P2pkhPushes {
  /** With its hash type. */
  readonly signature: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** Exactly two direct pushes (01 .. 4b). Rejects: `stack-scriptsig`. */
export function parseScriptSig(scriptSig: Uint8Array): Verdict<P2pkhPushes> {
  const first = scriptSig[0] ?? 0;
  const second = scriptSig[1 + first] ?? 0;
  const isDirect = (length: number): boolean => length >= 1 && length <= DIRECT_PUSH_MAX;
  if (!isDirect(first) || !isDirect(second) || scriptSig.length !== 2 + first + second) {
    return refuse('stack-scriptsig', 'not two direct pushes');
  }
  return {
    ok: true,
    value: {
      signature: scriptSig.subarray(1, 1 + first),
      publicKey: scriptSig.subarray(2 + first),
    },
  };
}

/** 02/03 and 32 bytes, or 04 and 64; the hybrid forms 06/07 are refused. */
export function isPublicKeyForm(key: Uint8Array): boolean {
  const first = key[0];
  return (
    (key.length === COMPRESSED_BYTES && (first === 2 || first === 3)) ||
    (key.length === UNCOMPRESSED_BYTES && first === 4)
  );
}

/** The P2PKH script of the key that a scriptSig shows: where the coin is looked for. */
export function revealedScript(scriptSig: Uint8Array): Uint8Array | undefined {
  const pushes = parseScriptSig(scriptSig);
  if (!pushes.ok || !isPublicKeyForm(pushes.value.publicKey)) return undefined;
  return p2pkhScript(hash160(pushes.value.publicKey));
}

export function p2pkhScriptSig(signature: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const script = new Uint8Array(2 + signature.length + publicKey.length);
  script[0] = signature.length;
  script.set(signature, 1);
  script[1 + signature.length] = publicKey.length;
  script.set(publicKey, 2 + signature.length);
  return script;
}
