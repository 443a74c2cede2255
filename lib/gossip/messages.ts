/**
 * Messages: Bitcoin's names and payloads, decoded with every bound checked and encoded back. Owns the
 * forms; what a message leads to is in the handle-*.ts files.
 *
 *   inv, getdata, notfound   count, each: type u32 (1 transaction, 2 block), hash 32
 *   getheaders, getblocks    version u32, count, locator hashes 32 each, stop hash 32 (zero: none)
 *   headers                  count, each: header 80, a zero for its transactions
 *   block, tx                the bytes
 *   ping, pong               nonce, 8 bytes
 *   mempool                  empty as in BIP35, or a cursor of the feed (var string): what came since;
 *                            answered by inv and a mempool message with the next cursor
 *   version, verack, addr    objects, for here Bitcoin's forms say nothing of use
 */
import {
  ByteReader,
  ByteWriter,
  DecodeError,
  fromDisplay,
  isHash,
  readHeader,
  toDisplay,
} from '../codec/index.ts';
import type { BlockHash, BlockHeader, Txid } from '../types.ts';
import { fromBase64, isRecord, toBase64 } from './envelope.ts';
import { LIMITS } from './limits.ts';

export const PROTOCOL_VERSION = 1;
const INV_TX = 1;
const INV_BLOCK = 2;
const INV_BYTES = 36;
const HASH_BYTES = 32;
const HEADER_ENTRY_BYTES = 81;
const NONCE_BYTES = 8;
const TX_BYTES_MIN = 60;
const BLOCK_BYTES_MIN = 81;
const HEIGHT_MAX = 0xffffffff;
const ZERO_HASH = '0'.repeat(64);

export type InvItem =
  | { readonly kind: 'tx'; readonly hash: Txid }
  | { readonly kind: 'block'; readonly hash: BlockHash }
  /** Witness forms and what else others may name. */
  | { readonly kind: 'other'; readonly hash: string; readonly code: number };

export interface VersionFields {
  readonly name: string;
  readonly genesis: string;
  readonly height: number;
  readonly tip: string;
  /** Chain work, 64 hex digits. */
  readonly work: string;
  /** Where the sender may be called, or ''. */
  readonly url: string;
  /** Tells a node that it called itself. */
  readonly node: string;
}

export type Message =
  | ({ readonly type: 'version' } & VersionFields)
  | { readonly type: 'verack'; readonly session: string; readonly push: boolean }
  | { readonly type: 'addr'; readonly urls: readonly string[] }
  | { readonly type: 'inv' | 'getdata' | 'notfound'; readonly items: readonly InvItem[] }
  | {
      readonly type: 'getheaders' | 'getblocks';
      readonly locator: readonly BlockHash[];
      readonly stop?: BlockHash;
    }
  | { readonly type: 'headers'; readonly headers: readonly BlockHeader[] }
  | { readonly type: 'block' | 'tx'; readonly raw: Uint8Array }
  | { readonly type: 'ping' | 'pong'; readonly nonce: Uint8Array }
  | { readonly type: 'mempool'; readonly cursor: string };

export type MessageType = Message['type'];

/** message undefined: a type that we do not know, which is passed over. */
export type Decoded =
  | { readonly ok: true; readonly message: Message | undefined }
  | { readonly ok: false; readonly detail: string };

type Binary = Exclude<MessageType, 'version' | 'verack' | 'addr'>;

const bad = (detail: string): never => {
  throw new DecodeError(detail);
};

function readItems(from: ByteReader): InvItem[] {
  const count = from.count(INV_BYTES);
  if (count > LIMITS.invMax) bad(`${count} entries, at most ${LIMITS.invMax}`);
  const items: InvItem[] = [];
  for (let i = 0; i < count; i++) {
    const code = from.u32();
    const hash = toDisplay(from.hash()) as string;
    if (code === INV_TX) items.push({ kind: 'tx', hash: hash as Txid });
    else if (code === INV_BLOCK) items.push({ kind: 'block', hash: hash as BlockHash });
    else items.push({ kind: 'other', hash, code });
  }
  return items;
}

function readLocator(from: ByteReader): { locator: BlockHash[]; stop?: BlockHash } {
  from.u32();
  const count = from.count(HASH_BYTES);
  if (count > LIMITS.locatorMax) bad(`${count} locator hashes, at most ${LIMITS.locatorMax}`);
  const hash = (): BlockHash => toDisplay(from.hash()) as string as BlockHash;
  const locator = Array.from({ length: count }, hash);
  const stop = hash();
  return stop === ZERO_HASH ? { locator } : { locator, stop };
}

function readHeaders(from: ByteReader): BlockHeader[] {
  const count = from.count(HEADER_ENTRY_BYTES);
  if (count > LIMITS.headersMax) bad(`${count} headers, at most ${LIMITS.headersMax}`);
  const headers: BlockHeader[] = [];
  for (let i = 0; i < count; i++) {
    const header = readHeader(from);
    if (from.u8() !== 0) bad('a header with transactions');
    const before = headers.at(-1);
    if (before !== undefined && header.prevHash !== before.hash) bad('headers are not consecutive');
    headers.push(header);
  }
  return headers;
}

function readRaw(from: ByteReader, bytesMin: number, bytesMax: number): Uint8Array {
  if (from.left < bytesMin || from.left > bytesMax) bad(`${from.left} bytes`);
  return from.take(from.left);
}

function readCursor(from: ByteReader): string {
  if (from.left === 0) return '';
  const bytes = from.varBytes();
  if (bytes.length > LIMITS.cursorBytesMax) bad('a cursor that is too long');
  if (bytes.some((byte) => byte < 0x21 || byte > 0x7e)) bad('a cursor that is not printable');
  return String.fromCharCode(...bytes);
}

const READERS: { readonly [T in Binary]: (from: ByteReader) => Message } = {
  inv: (from) => ({ type: 'inv', items: readItems(from) }),
  getdata: (from) => ({ type: 'getdata', items: readItems(from) }),
  notfound: (from) => ({ type: 'notfound', items: readItems(from) }),
  getheaders: (from) => ({ type: 'getheaders', ...readLocator(from) }),
  getblocks: (from) => ({ type: 'getblocks', ...readLocator(from) }),
  headers: (from) => ({ type: 'headers', headers: readHeaders(from) }),
  block: (from) => ({
    type: 'block',
    raw: readRaw(from, BLOCK_BYTES_MIN, LIMITS.blockBytesMax),
  }),
  tx: (from) => ({ type: 'tx', raw: readRaw(from, TX_BYTES_MIN, LIMITS.txBytesMax) }),
  ping: (from) => ({ type: 'ping', nonce: from.take(NONCE_BYTES) }),
  pong: (from) => ({ type: 'pong', nonce: from.take(NONCE_BYTES) }),
  mempool: (from) => ({ type: 'mempool', cursor: readCursor(from) }),
};

/* Objects: what is missing has a default, what is of the wrong kind is refused. */

function textOf(value: unknown, charsMax: number, name: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string' || value.length > charsMax) return bad(`${name} is a short text`);
  return value;
}

function hexOf(value: unknown, name: string): string {
  if (value === undefined || value === null || value === '') return '';
  return isHash(value) ? value : bad(`${name} is 64 hex digits`);
}

/** Chain work: hex, padded to 64 digits, so that it compares as text. */
function workOf(value: unknown): string {
  if (value === undefined || value === null) return ZERO_HASH;
  const isWork = typeof value === 'string' && /^[0-9a-f]{0,64}$/.test(value);
  return isWork ? value.padStart(HASH_BYTES * 2, '0') : bad('work is hex');
}

function heightOf(value: unknown): number {
  if (value === undefined || value === null) return 0;
  const isHeight =
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= HEIGHT_MAX;
  return isHeight ? (value as number) : bad('height is a whole number');
}

const readVersion = (value: Record<string, unknown>): Message => ({
  type: 'version',
  name: textOf(value['name'], LIMITS.nameCharsMax, 'name'),
  genesis: hexOf(value['genesis'], 'genesis'),
  height: heightOf(value['height']),
  tip: hexOf(value['tip'], 'tip'),
  work: workOf(value['work'] ?? value['chainwork']),
  url: textOf(value['url'], LIMITS.urlCharsMax, 'url'),
  node: textOf(value['node'], LIMITS.nameCharsMax, 'node'),
});

function readVerack(value: Record<string, unknown>): Message {
  const session = textOf(value['session'], LIMITS.nameCharsMax, 'session');
  if (session !== '' && !/^[\x21-\x7e]+$/.test(session)) bad('session is printable');
  return { type: 'verack', session, push: value['push'] === true };
}

function readAddr(value: Record<string, unknown>): Message {
  const urls = value['urls'] ?? [];
  if (!Array.isArray(urls) || urls.length > LIMITS.addressesMax) {
    return bad(`urls is a list of at most ${LIMITS.addressesMax}`);
  }
  return {
    type: 'addr',
    urls: urls.map((url: unknown) => textOf(url, LIMITS.urlCharsMax, 'an address')),
  };
}

const OBJECTS: ReadonlyMap<string, (value: Record<string, unknown>) => Message> = new Map([
  ['version', readVersion],
  ['verack', readVerack],
  ['addr', readAddr],
]);

function decodeKnown(type: string, payload: unknown): Message | undefined {
  const readObject = OBJECTS.get(type);
  if (readObject !== undefined) {
    return isRecord(payload) ? readObject(payload) : bad('the payload is an object');
  }
  if (!Object.hasOwn(READERS, type)) return undefined;
  const bytes = typeof payload === 'string' ? fromBase64(payload) : undefined;
  if (bytes === undefined) return bad('the payload is base64');
  const from = new ByteReader(bytes);
  const message = READERS[type as Binary](from);
  from.end();
  return message;
}

/** Never throws for what came from outside. */
export function decodeMessage(type: string, payload: unknown): Decoded {
  try {
    return { ok: true, message: decodeKnown(type, payload) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { ok: false, detail: `${type}: ${error.message}` };
  }
}

/* Encoding */

function codeOf(item: InvItem): number {
  if (item.kind === 'other') return item.code;
  return item.kind === 'tx' ? INV_TX : INV_BLOCK;
}

function writeItems(items: readonly InvItem[]): ByteWriter {
  const to = new ByteWriter(9 + INV_BYTES * items.length).compactSize(items.length);
  for (const item of items) to.u32(codeOf(item)).bytes(fromDisplay(item.hash));
  return to;
}

function writeLocator(locator: readonly BlockHash[], stop: BlockHash | undefined): ByteWriter {
  const to = new ByteWriter().u32(PROTOCOL_VERSION).compactSize(locator.length);
  for (const hash of locator) to.bytes(fromDisplay(hash));
  return to.bytes(fromDisplay(stop ?? ZERO_HASH));
}

function writeHeaders(headers: readonly BlockHeader[]): ByteWriter {
  const to = new ByteWriter(9 + HEADER_ENTRY_BYTES * headers.length).compactSize(headers.length);
  for (const header of headers) to.bytes(header.raw).u8(0);
  return to;
}

function binaryOf(message: Extract<Message, { type: Binary }>): Uint8Array {
  switch (message.type) {
    case 'inv':
    case 'getdata':
    case 'notfound':
      return writeItems(message.items).done();
    case 'getheaders':
    case 'getblocks':
      return writeLocator(message.locator, message.stop).done();
    case 'headers':
      return writeHeaders(message.headers).done();
    case 'block':
    case 'tx':
      return message.raw;
    case 'ping':
    case 'pong':
      return message.nonce;
    case 'mempool': {
      const bytes = Uint8Array.from(message.cursor, (char) => char.charCodeAt(0));
      return new ByteWriter().compactSize(bytes.length).bytes(bytes).done();
    }
  }
}

/** The envelope's payload: an object or base64. */
export function encodePayload(message: Message): unknown {
  switch (message.type) {
    case 'version': {
      const { type, ...fields } = message;
      return { version: PROTOCOL_VERSION, ...fields };
    }
    case 'verack':
      return { session: message.session, push: message.push };
    case 'addr':
      return { urls: message.urls };
    default:
      return toBase64(binaryOf(message));
  }
}

/** Bytes that a message takes up in an answer, about. */
export function bytesOf(message: Message): number {
  if (message.type === 'block' || message.type === 'tx') return message.raw.length + 200;
  if (message.type === 'headers') return message.headers.length * HEADER_ENTRY_BYTES + 200;
  if ('items' in message) return message.items.length * INV_BYTES + 200;
  return 2000;
}
