/**
 * The record layout on one page: the keys and the values of every row that the chain keeps. Drawn
 * with worked examples in docs/storage.md. Owns the bytes of rows, not when they are written
 * (chain/) nor how a store holds them (adapters/). Mempool and gossip rows are their owners'.
 */
import { decodeHeader, toDisplay } from '../codec/index.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import type { RowKey } from '../ports/store.ts';
import { matchP2pkh, p2pkhScript } from '../script/index.ts';
import type {
  BlockHash,
  Coin,
  Height,
  Outpoint,
  OutpointKey,
  Sats,
  ScriptHash,
  Txid,
} from '../types.ts';
import { RowReader, RowWriter } from './row-bytes.ts';

/**
 * The data's newest version, first byte of the head value. A release reads this and the one before,
 * and writes what it finds until the version is raised (chain/raise-schema.ts): hosts of two releases
 * work on one table while it is deployed.
 */
export const SCHEMA = 1;
/** Bytes of a body that lie in the block row itself: an empty block is one row under 1 KB. */
export const BODY_HEAD_BYTES = 700;
/** Bytes of a body or undo chunk: one transaction is read without reading the block. */
export const CHUNK_BYTES = 49_152;
const HASH_BYTES = 32;
const HEADER_BYTES = 80;
const HEIGHTS_PER_PARTITION = 1000;
const HEIGHT_INVERSE = 0xffffffff;
const POSITION_INVERSE = 0xfffff;

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
const chunkName = (index: number): string => String(index).padStart(3, '0');

/* Keys */

export const blockKey = (hash: BlockHash): RowKey => ({ pk: `B#${hash}`, sk: '-' });
export const bodyChunkKey = (hash: BlockHash, index: number): RowKey => ({
  pk: `B#${hash}`,
  sk: `body#${chunkName(index)}`,
});
export const undoChunkKey = (hash: BlockHash, index: number): RowKey => ({
  pk: `B#${hash}`,
  sk: `undo#${chunkName(index)}`,
});
/** A header whose body is not here. */
export const headerKey = (hash: BlockHash): RowKey => ({ pk: `H#${hash}`, sk: '-' });
export const heightKey = (height: Height): RowKey => ({
  pk: `N#${Math.floor(height / HEIGHTS_PER_PARTITION)}`,
  sk: String(height).padStart(8, '0'),
});
/** Coins and history of an address. */
export const addressPartition = (script: ScriptHash): string => `A#${script}`;
export const COIN_PREFIX = 'c#';
export const coinSortKey = (outpoint: OutpointKey): string => `c#${outpoint}`;
export const coinKey = (script: ScriptHash, outpoint: OutpointKey): RowKey => ({
  pk: addressPartition(script),
  sk: coinSortKey(outpoint),
});
export const HISTORY_PREFIX = 'h#';
/**
 * The first row that an address ever had. Its key is known beforehand, so one read in a batch tells a
 * new address, which most are, and nothing need be searched. Sorts after all others.
 */
export const HISTORY_FIRST = 'h#~';
/** Newest first: height and position are counted down. */
export const historySortKey = (height: Height, position: number): string =>
  `h#${hex(HEIGHT_INVERSE - height, 8)}${hex(POSITION_INVERSE - position, 5)}`;
/** Sorts after all history at `height` and above it, before all that is below. */
export const historyAfter = (height: Height): string => `h#${hex(HEIGHT_INVERSE - height, 8)}~`;
export const outspendKey = (outpoint: OutpointKey): RowKey => ({ pk: `S#${outpoint}`, sk: '-' });
export const txKey = (txid: Txid): RowKey => ({ pk: `T#${txid}`, sk: '-' });

/** Bodies that are not on the best chain, by work. */
export const OFF_BODIES = 'O';
/** Headers without a body ("wanted"), by work. */
export const OFF_HEADERS = 'W';
/** Blocks that are known to be invalid. */
export const INVALID = 'X';
/** Blocks that may be taken although they fork deeper than the reorg limit. */
export const UNPARKED = 'R';
/** Blocks whose parent is unknown. */
export const ORPHANS = 'Q';
/** Blocks that are being stored: found by who heals a death before a commit. */
export const PENDING_KEY: RowKey = { pk: 'P', sk: '-' };
const WORK_DIGITS = 64;
export const workText = (chainwork: bigint): string =>
  chainwork.toString(16).padStart(WORK_DIGITS, '0');
export const offSortKey = (chainwork: bigint, hash: BlockHash): string =>
  `${workText(chainwork)}:${hash}`;
export const orphanChunkKey = (hash: BlockHash, index: number): RowKey => ({
  pk: `Q#${hash}`,
  sk: `body#${chunkName(index)}`,
});

/* Values */

const readHash = <T extends string>(from: RowReader): T =>
  toDisplay(from.bytes(HASH_BYTES)) as string as T;

/** Header, height, work, start of the window, count of times, times. */
const entryBytes = (entry: BlockEntry): number => HEADER_BYTES + 41 + 4 * entry.times.length;

function writeEntry(to: RowWriter, entry: BlockEntry): RowWriter {
  to.bytes(entry.header.raw).u32(entry.height);
  // Like a hash: 32 bytes, the lowest first.
  to.hash(workText(entry.chainwork));
  to.u32(entry.windowStartTime).u8(entry.times.length);
  for (const time of entry.times) to.u32(time);
  return to;
}

function readEntry(from: RowReader): BlockEntry {
  const header = decodeHeader(from.bytes(HEADER_BYTES));
  if (!header.ok) throw new Fault('store-damaged', 'a stored header does not decode');
  const height = from.u32();
  const chainwork = BigInt(`0x${toDisplay(from.bytes(HASH_BYTES))}`);
  const windowStartTime = from.u32();
  const times = Array.from({ length: from.u8() }, () => from.u32());
  return {
    hash: header.value.hash,
    header: header.value,
    height,
    chainwork,
    times,
    windowStartTime,
  };
}

/** The head value: schema and the tip's entry, so that one read gives the tip. */
export const encodeHead = (tip: BlockEntry, schema: number = SCHEMA): Uint8Array =>
  writeEntry(new RowWriter(1 + entryBytes(tip)).u8(schema), tip).done();

/** Throws Fault `store-newer` for data of a later release. */
export function decodeHead(value: Uint8Array): BlockEntry {
  const from = new RowReader(value);
  const schema = from.u8();
  if (schema > SCHEMA) {
    const reads = `this program reads ${SCHEMA - 1} and ${SCHEMA}`;
    const why = `the data has version ${schema}, ${reads}: a newer release wrote it`;
    throw new Fault('store-newer', why);
  }
  return readEntry(from);
}

/** The version of the data under this head value; the newest where there is none yet. */
export const schemaOf = (head: Uint8Array | undefined): number =>
  head === undefined ? SCHEMA : new RowReader(head).u8();

/** The log's entry of one move of the tip. */
export interface TipMove {
  readonly from: BlockHash;
  readonly to: BlockHash;
  readonly forkHeight: Height;
  readonly height: Height;
}

export const encodeLog = (move: TipMove, schema: number = SCHEMA): Uint8Array => {
  const to = new RowWriter(1 + 2 * HASH_BYTES + 8).u8(schema).hash(move.from).hash(move.to);
  return to.u32(move.forkHeight).u32(move.height).done();
};

export function decodeLog(value: Uint8Array): TipMove {
  const from = new RowReader(value);
  from.u8();
  return {
    from: readHash(from),
    to: readHash(from),
    forkHeight: from.u32(),
    height: from.u32(),
  };
}

/** A block row: the entry, what the body holds, and its first bytes. A header row has no body. */
export interface BlockRow {
  readonly entry: BlockEntry;
  /** Bytes of the whole body, 0: no body. */
  readonly bodyBytes: number;
  readonly txCount: number;
  readonly bodyHead: Uint8Array;
}

export const encodeHeaderRow = (entry: BlockEntry): Uint8Array =>
  writeEntry(new RowWriter(entryBytes(entry) + 8), entry)
    .u32(0)
    .u32(0)
    .done();

export const encodeBlockRow = (
  entry: BlockEntry,
  body: { readonly raw: Uint8Array; readonly txCount: number },
): Uint8Array =>
  writeEntry(
    new RowWriter(entryBytes(entry) + 8 + Math.min(body.raw.length, BODY_HEAD_BYTES)),
    entry,
  )
    .u32(body.raw.length)
    .u32(body.txCount)
    .bytes(body.raw.subarray(0, BODY_HEAD_BYTES))
    .done();

export function decodeBlockRow(value: Uint8Array): BlockRow {
  const from = new RowReader(value);
  return {
    entry: readEntry(from),
    bodyBytes: from.u32(),
    txCount: from.u32(),
    bodyHead: from.rest(),
  };
}

/** Best chain: what the block at a height is, with its header, so that headers are one range. */
export interface HeightRow {
  readonly hash: BlockHash;
  readonly medianTime: number;
  readonly header: Uint8Array;
}

export const encodeHeightRow = (row: HeightRow): Uint8Array =>
  new RowWriter(HASH_BYTES + 4 + HEADER_BYTES)
    .hash(row.hash)
    .u32(row.medianTime)
    .bytes(row.header)
    .done();

export function decodeHeightRow(value: Uint8Array): HeightRow {
  const from = new RowReader(value);
  return { hash: readHash(from), medianTime: from.u32(), header: from.bytes(HEADER_BYTES) };
}

/** The hash of a P2PKH script; coins have no other scripts. */
function keyHash(scriptPubKey: Uint8Array): Uint8Array {
  const hash = matchP2pkh(scriptPubKey);
  if (hash === undefined) throw new Error('assertion failed: a coin is not P2PKH');
  return hash;
}

export const encodeCoin = (coin: Coin): Uint8Array =>
  new RowWriter(33)
    .u8(coin.coinbase ? 1 : 0)
    .u32(coin.height)
    .u53(coin.value)
    .bytes(keyHash(coin.scriptPubKey))
    .done();

export function decodeCoin(value: Uint8Array): Coin {
  const from = new RowReader(value);
  return {
    coinbase: from.u8() === 1,
    height: from.u32(),
    value: from.u53() as Sats,
    scriptPubKey: p2pkhScript(from.bytes(20)),
  };
}

export interface OutspendRow {
  readonly txid: Txid;
  readonly vin: number;
  readonly height: Height;
}

export const encodeOutspend = (row: OutspendRow): Uint8Array =>
  new RowWriter(HASH_BYTES + 8).hash(row.txid).u32(row.vin).u32(row.height).done();

export function decodeOutspend(value: Uint8Array): OutspendRow {
  const from = new RowReader(value);
  return { txid: readHash(from), vin: from.u32(), height: from.u32() };
}

/** Where a transaction lies. */
export interface TxRow {
  readonly blockHash: BlockHash;
  /** Absent: its block was disconnected. */
  readonly height?: Height;
  readonly position: number;
  /** Bytes from the block's start, and the transaction's length. */
  readonly offset: number;
  readonly bytes: number;
}

export const encodeTxRow = (row: TxRow): Uint8Array =>
  new RowWriter(1 + HASH_BYTES + 16)
    .u8(row.height === undefined ? 0 : 1)
    .hash(row.blockHash)
    .u32(row.height ?? 0)
    .u32(row.position)
    .u32(row.offset)
    .u32(row.bytes)
    .done();

export function decodeTxRow(value: Uint8Array): TxRow {
  const from = new RowReader(value);
  const connected = from.u8() === 1;
  const blockHash = readHash<BlockHash>(from);
  const height = from.u32();
  const place = { position: from.u32(), offset: from.u32(), bytes: from.u32() };
  return connected ? { blockHash, height, ...place } : { blockHash, ...place };
}

/** One transaction of an address, with the address's totals up to and with it. */
export interface HistoryRow {
  readonly txid: Txid;
  readonly height: Height;
  readonly position: number;
  readonly txCount: number;
  readonly fundedCount: number;
  /** Money that goes round is counted each time: may exceed 21e14, even 2^53. */
  readonly fundedSats: bigint;
  readonly spentCount: number;
  readonly spentSats: bigint;
}

export const encodeHistory = (row: HistoryRow): Uint8Array =>
  new RowWriter(HASH_BYTES + 36)
    .hash(row.txid)
    .u32(row.height)
    .u32(row.position)
    .u32(row.txCount)
    .u32(row.fundedCount)
    .u64(row.fundedSats)
    .u32(row.spentCount)
    .u64(row.spentSats)
    .done();

export function decodeHistory(value: Uint8Array): HistoryRow {
  const from = new RowReader(value);
  return {
    txid: readHash(from),
    height: from.u32(),
    position: from.u32(),
    txCount: from.u32(),
    fundedCount: from.u32(),
    fundedSats: from.u64(),
    spentCount: from.u32(),
    spentSats: from.u64(),
  };
}

/** Outpoint that a coin's sort key bears. */
export function parseCoinKey(sk: string): Outpoint {
  const [txid, vout] = sk.slice(COIN_PREFIX.length).split(':');
  return { txid: txid as Txid, vout: Number(vout) };
}

/** Undo data holds no scripts: the spending input's key gives them back. */
export const encodeUndo = (coins: readonly Coin[]): Uint8Array => {
  const to = new RowWriter(10 * coins.length);
  for (const coin of coins) {
    to.varint(coin.height * 2 + (coin.coinbase ? 1 : 0)).varint(coin.value);
  }
  return to.done();
};

/** `scripts`: what each of the block's inputs spends from, in order. */
export function decodeUndo(value: Uint8Array, scripts: readonly Uint8Array[]): Coin[] {
  const from = new RowReader(value);
  return scripts.map((scriptPubKey) => {
    const code = from.varint();
    return {
      height: Math.floor(code / 2),
      coinbase: code % 2 === 1,
      value: from.varint() as Sats,
      scriptPubKey,
    };
  });
}

/** A row of OFF_BODIES or OFF_HEADERS; work and hash are its sort key. */
export interface OffRow {
  readonly hash: BlockHash;
  readonly chainwork: bigint;
  readonly prevHash: BlockHash;
  readonly height: Height;
  /** Of the body; 0 for a header alone. */
  readonly bodyBytes: number;
  /** Whether it was once connected, so that its scripts are known to hold. */
  readonly validated: boolean;
  /** Milliseconds since 1970 when the body (or header) came. */
  readonly receivedAt: number;
}

export const encodeOff = (row: OffRow): Uint8Array =>
  new RowWriter(HASH_BYTES + 17)
    .hash(row.prevHash)
    .u32(row.height)
    .u32(row.bodyBytes)
    .u8(row.validated ? 1 : 0)
    .u53(row.receivedAt)
    .done();

export function decodeOff(sk: string, value: Uint8Array): OffRow {
  const from = new RowReader(value);
  return {
    hash: sk.slice(WORK_DIGITS + 1) as BlockHash,
    chainwork: BigInt(`0x${sk.slice(0, WORK_DIGITS)}`),
    prevHash: readHash(from),
    height: from.u32(),
    bodyBytes: from.u32(),
    validated: from.u8() === 1,
    receivedAt: from.u53(),
  };
}

/** A block whose parent is unknown. */
export interface OrphanRow {
  readonly prevHash: BlockHash;
  readonly bodyBytes: number;
  readonly receivedAt: number;
}

export const encodeOrphan = (row: OrphanRow): Uint8Array =>
  new RowWriter(HASH_BYTES + 12).hash(row.prevHash).u32(row.bodyBytes).u53(row.receivedAt).done();

export function decodeOrphan(value: Uint8Array): OrphanRow {
  const from = new RowReader(value);
  return { prevHash: readHash(from), bodyBytes: from.u32(), receivedAt: from.u53() };
}

export interface Pending {
  /** The block that was stored last to extend the tip. */
  readonly newest: BlockHash;
  /** Others of which a part may be here, and since when, in milliseconds: the youngest first. */
  readonly parts: readonly { readonly hash: BlockHash; readonly at: number }[];
}

/** Older releases read the newest alone. */
export function encodePending({ newest, parts }: Pending): Uint8Array {
  const to = new RowWriter(HASH_BYTES + (HASH_BYTES + 8) * parts.length).hash(newest);
  for (const { hash, at } of parts) to.hash(hash).u53(at);
  return to.done();
}
export function decodePending(value: Uint8Array): Pending {
  const from = new RowReader(value);
  const newest = readHash<BlockHash>(from);
  const parts: { hash: BlockHash; at: number }[] = [];
  while (from.left > 0) parts.push({ hash: readHash(from), at: from.u53() });
  return { newest, parts };
}

const text = { encode: new TextEncoder(), decode: new TextDecoder() };
export const encodeText = (value: string): Uint8Array => text.encode.encode(value);
export const decodeText = (value: Uint8Array): string => text.decode.decode(value);
