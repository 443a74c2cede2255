/**
 * One sealed revision as it lies on the disk. Three lines of ASCII, each ended by a line feed:
 *
 *   {"format":1,"revision":7,"writes":["<16 hex>",...],"kdf":{...},"check":"<16 hex>","nonce":"<48 hex>"}
 *   <the record under XChaCha20-Poly1305, hex; the first line is authenticated with it>
 *   <SHA-256 of the two lines before, with their line feeds, hex>
 *
 * kdf is {"name":"scrypt","N":131072,"r":8,"p":1,"salt":"<32 hex>"} or {"name":"key-file"}. The hash
 * tells damage from a wrong passphrase, and `check`, eight bytes derived beside the key, tells a
 * wrong passphrase before anything is opened. `writes` names the last changes, so that a writer can
 * see whether a later revision was built on its own. Owns the form; no file is touched here.
 */
import { createHash, scrypt, timingSafeEqual } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';

const FORMAT = 1;
const KEY_BYTES = 32;
const CHECK_BYTES = 8;
const SALT_BYTES = 16;
export const NONCE_BYTES = 24;
/** Writes that a revision remembers: a writer is never that far behind. */
const WRITES_MAX = 32;
/** 128 MiB, about a third of a second. What a file may ask for at most is eight times that. */
export const SCRYPT_N_DEFAULT = 2 ** 17;
const SCRYPT_N_MAX = 2 ** 20;
const SCRYPT_R = 8;

export type Kdf =
  | { readonly name: 'scrypt'; readonly N: number; readonly salt: Uint8Array }
  | { readonly name: 'key-file' };

export interface SealKey {
  readonly kdf: Kdf;
  readonly key: Uint8Array;
  readonly check: Uint8Array;
}

export interface SealedFile {
  readonly revision: number;
  /** Newest first. */
  readonly writes: readonly string[];
  readonly kdf: Kdf;
  readonly check: Uint8Array;
  readonly nonce: Uint8Array;
  /** The first line's bytes. */
  readonly header: Uint8Array;
  readonly sealed: Uint8Array;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The same passphrase typed on any keyboard (NFKC), stretched. */
export async function scryptKey(
  passphrase: string,
  { N, salt }: { readonly N: number; readonly salt: Uint8Array },
): Promise<SealKey> {
  const derived = await new Promise<Buffer>((resolve, reject) => {
    const length = KEY_BYTES + CHECK_BYTES;
    // Node's own scrypt works beside the event loop, which a node in this process needs.
    const options = { N, r: SCRYPT_R, p: 1, maxmem: 129 * N * SCRYPT_R + 1024 * 1024 };
    scrypt(passphrase.normalize('NFKC'), salt, length, options, (error, bytes) =>
      error ? reject(error) : resolve(bytes),
    );
  });
  return split({ name: 'scrypt', N, salt }, derived);
}

export const keyFileKey = (secret: Uint8Array): SealKey =>
  split(
    { name: 'key-file' },
    hkdf(sha256, secret, undefined, ascii('stackchain keystore'), KEY_BYTES + CHECK_BYTES),
  );

const split = (kdf: Kdf, derived: Uint8Array): SealKey => ({
  kdf,
  key: Uint8Array.from(derived.subarray(0, KEY_BYTES)),
  check: Uint8Array.from(derived.subarray(KEY_BYTES)),
});

export const newScrypt = (salt: Uint8Array, N: number): { N: number; salt: Uint8Array } => ({
  N,
  salt: salt.subarray(0, SALT_BYTES),
});

export interface SealInput {
  readonly revision: number;
  readonly writes: readonly string[];
  readonly seal: SealKey;
  readonly nonce: Uint8Array;
}

export function encodeSealed(data: Uint8Array, input: SealInput): Uint8Array {
  const { revision, writes, seal, nonce } = input;
  const { kdf } = seal;
  const header = JSON.stringify({
    format: FORMAT,
    revision,
    writes: writes.slice(0, WRITES_MAX),
    kdf:
      kdf.name === 'scrypt'
        ? { name: kdf.name, N: kdf.N, r: SCRYPT_R, p: 1, salt: hex(kdf.salt) }
        : { name: kdf.name },
    check: hex(seal.check),
    nonce: hex(nonce),
  });
  const sealed = xchacha20poly1305(seal.key, nonce, ascii(header)).encrypt(data);
  const lines = `${header}\n${hex(sealed)}\n`;
  return ascii(`${lines}${createHash('sha256').update(lines).digest('hex')}\n`);
}

/** `damaged`: not what was written. `newer`: whole, of a later format. */
export function decodeSealed(bytes: Uint8Array): SealedFile | 'damaged' | 'newer' {
  const text = Buffer.from(bytes).toString('latin1');
  const parts = /^([^\n]+)\n([0-9a-f]+)\n([0-9a-f]{64})\n$/.exec(text);
  if (parts === null) return 'damaged';
  const [, header = '', sealed = '', sum] = parts;
  const expected = createHash('sha256').update(`${header}\n${sealed}\n`, 'latin1').digest('hex');
  if (sum !== expected || sealed.length % 2 !== 0) return 'damaged';
  let value: unknown;
  try {
    value = JSON.parse(header);
  } catch {
    return 'damaged';
  }
  const fields = decodeHeader(value);
  if (typeof fields === 'string') return fields;
  return { ...fields, header: ascii(header), sealed: new Uint8Array(Buffer.from(sealed, 'hex')) };
}

function decodeHeader(value: unknown): Omit<SealedFile, 'header' | 'sealed'> | 'damaged' | 'newer' {
  if (typeof value !== 'object' || value === null) return 'damaged';
  const { format, revision, writes, ...rest } = value as Record<string, unknown>;
  if (typeof format === 'number' && format > FORMAT) return 'newer';
  if (format !== FORMAT || !Number.isSafeInteger(revision)) return 'damaged';
  if (!Array.isArray(writes) || writes.length > WRITES_MAX) return 'damaged';
  const kdf = decodeKdf(rest['kdf']);
  const check = hexOf(rest['check'], CHECK_BYTES);
  const nonce = hexOf(rest['nonce'], NONCE_BYTES);
  if (kdf === undefined || check === undefined || nonce === undefined) return 'damaged';
  return { revision: revision as number, writes: writes.map(String), kdf, check, nonce };
}

function decodeKdf(value: unknown): Kdf | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { name, N, r, p, salt } = value as Record<string, unknown>;
  if (name === 'key-file') return { name };
  const saltBytes = hexOf(salt, SALT_BYTES);
  if (name !== 'scrypt' || r !== SCRYPT_R || p !== 1 || saltBytes === undefined) return undefined;
  // A file that asks for more would take this machine's memory.
  const isCost = Number.isInteger(Math.log2(Number(N))) && Number(N) <= SCRYPT_N_MAX;
  return isCost && Number(N) >= 2 ? { name, N: Number(N), salt: saltBytes } : undefined;
}

const hexOf = (value: unknown, length: number): Uint8Array | undefined =>
  typeof value === 'string' && value.length === 2 * length && /^[0-9a-f]*$/.test(value)
    ? new Uint8Array(Buffer.from(value, 'hex'))
    : undefined;

export const isKeyOf = (seal: SealKey, file: SealedFile): boolean =>
  timingSafeEqual(seal.check, file.check);

/** Undefined: the bytes are not what this key sealed. */
export function openSealed(file: SealedFile, seal: SealKey): Uint8Array | undefined {
  try {
    return xchacha20poly1305(seal.key, file.nonce, file.header).decrypt(file.sealed);
  } catch {
    return undefined;
  }
}
