/** Rows of blocks and transactions: reading, and handing one in. */

import { fromHex } from '../../codec/index.ts';
import type { BlockEntry } from '../../consensus/types.ts';
import type { BlockHash, Txid } from '../../types.ts';
import { IMMUTABLE } from '../caching.ts';
import { feeOfFound, findTx } from '../lookups.ts';
import { fromCursor, toCursor } from '../paging.ts';
import { invalidRequest, notFound, rejectProblem } from '../problem.ts';
import { BLOCK_BODY_BYTES_MAX, TX_BODY_BYTES_MAX } from '../request.ts';
import { type Api, defineRow } from '../row.ts';
import {
  BlockList,
  BlockOutcomeSchema,
  BlockParams,
  BlockRequest,
  PageQuery,
  SeedBlockSchema,
  TxAnswer,
  TxidAnswer,
  TxidParams,
  TxRequest,
} from '../schemas.ts';
import { blockJson, type SeedBlock, txJson } from '../seed-json.ts';

/** A page ends early when its blocks reach this: Lambda answers at most 6 MB. */
const PAGE_RAW_BYTES_MAX = 1_000_000;
const HASH_DIGITS = 64;
const BLOCKS = 'blocks';

/** The entry that a hash or a height of the best chain names. Throws Problem `not-found`. */
async function entryOf({ node }: Api, name: string): Promise<BlockEntry> {
  const hash =
    name.length === HASH_DIGITS
      ? (name as BlockHash)
      : await node.chain.view((view) => view.hashAt(Number(name)));
  const entry = hash && (await node.chain.entry(hash));
  if (entry === undefined) throw notFound('no such block');
  return entry;
}

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw invalidRequest('body.hex: not hex');
  return bytes;
}

/** Newest first from `start` down, until `limit` or the page's size is reached. */
async function blocksFrom(
  { node }: Api,
  start: number,
  limit: number,
): Promise<{ items: SeedBlock[]; below: number }> {
  const lowest = Math.max(0, start - limit + 1);
  const heights = Array.from({ length: start - lowest + 1 }, (_, i) => start - i);
  const hashes = await node.chain.view((view) =>
    Promise.all(heights.map((height) => view.hashAt(height))),
  );
  const items: SeedBlock[] = [];
  let bytes = 0;
  let below = start;
  for (const [i, hash] of hashes.entries()) {
    const block = hash && (await node.chain.block(hash));
    if (!block || (items.length > 0 && bytes + block.raw.length > PAGE_RAW_BYTES_MAX)) break;
    items.push(blockJson(block, start - i));
    bytes += block.raw.length;
    below = start - i - 1;
  }
  return { items, below };
}

export const listBlocks = defineRow({
  method: 'get',
  path: '/v1/blocks',
  summary: 'Blocks of the best chain, newest first',
  tag: 'blocks',
  query: PageQuery,
  answers: {
    200: { description: 'A page; fewer than `limit` where blocks are large', schema: BlockList },
  },
  async handle(api, { query }) {
    const place = fromCursor(BLOCKS, query.cursor);
    if (place !== undefined && !/^\d{1,9}$/.test(place)) throw invalidRequest('not a cursor');
    const { entry: tip } = await api.node.chain.tip();
    const start = place === undefined ? tip.height : Math.min(Number(place), tip.height);
    const { items, below } = await blocksFrom(api, start, query.limit);
    const next = below >= 0 && items.length > 0 ? toCursor(BLOCKS, String(below)) : null;
    return { status: 200, body: { items, next } };
  },
});

export const getBlock = defineRow({
  method: 'get',
  path: '/v1/blocks/{block}',
  summary: 'A block; by hash also one of a side branch',
  tag: 'blocks',
  params: BlockParams,
  answers: { 200: { description: 'The block', schema: SeedBlockSchema } },
  problems: [404],
  async handle(api, { params }) {
    const entry = await entryOf(api, params.block);
    const block = await api.node.chain.block(entry.hash);
    if (block === undefined) throw notFound('only the header of this block is here');
    return { status: 200, body: blockJson(block, entry.height) };
  },
});

export const getBlockRaw = defineRow({
  method: 'get',
  path: '/v1/blocks/{block}/raw',
  summary: 'The bytes of a block',
  tag: 'blocks',
  params: BlockParams,
  answers: { 200: { description: 'The bytes', mediaType: 'application/octet-stream' } },
  problems: [404],
  async handle(api, { params }) {
    const entry = await entryOf(api, params.block);
    const raw = await api.node.chain.blockRaw(entry.hash);
    if (raw === undefined) throw notFound('only the header of this block is here');
    const byHash = params.block.length === HASH_DIGITS;
    return {
      status: 200,
      body: raw,
      headers: { 'Cache-Control': byHash ? IMMUTABLE : 'no-store' },
    };
  },
});

export const postBlock = defineRow({
  method: 'post',
  path: '/v1/blocks',
  summary: 'Hands in a block that nobody asked for',
  tag: 'blocks',
  body: BlockRequest,
  bodyBytesMax: BLOCK_BODY_BYTES_MAX,
  answers: {
    200: {
      description: 'What became of it; `inconclusive`: behind the tip and not kept',
      schema: BlockOutcomeSchema,
    },
  },
  async handle({ node }, { body }) {
    const outcome = await node.acceptBlock(bytesOf(body.hex), { asked: false });
    if (outcome.status === 'rejected') throw rejectProblem(outcome.reject);
    return { status: 200, body: { hash: outcome.hash, status: outcome.status } };
  },
});

export const postTx = defineRow({
  method: 'post',
  path: '/v1/transactions',
  summary: 'Hands in a signed transaction',
  tag: 'transactions',
  open: true,
  body: TxRequest,
  bodyBytesMax: TX_BODY_BYTES_MAX,
  answers: {
    200: { description: 'Known already', schema: TxidAnswer },
    202: { description: 'In the mempool', schema: TxidAnswer },
  },
  async handle({ node }, { body }) {
    const outcome = await node.acceptTx(bytesOf(body.hex), { local: true });
    if (outcome.status === 'accepted') return { status: 202, body: { txid: outcome.entry.txid } };
    if (outcome.status === 'known') return { status: 200, body: { txid: outcome.txid } };
    if (outcome.status === 'rejected') throw rejectProblem(outcome.reject);
    throw rejectProblem({ reason: 'bad-txns-inputs-missingorspent', kind: 'missing' });
  },
});

export const getTx = defineRow({
  method: 'get',
  path: '/v1/transactions/{txid}',
  summary: 'A transaction of the chain or the mempool',
  tag: 'transactions',
  params: TxidParams,
  answers: { 200: { description: 'The transaction', schema: TxAnswer } },
  problems: [404],
  async handle({ node }, { params }) {
    const found = await findTx(node, params.txid as Txid);
    if (found === undefined) throw notFound('no such transaction');
    const { place } = found;
    const [fee, { entry: tip }] = await Promise.all([feeOfFound(node, found), node.chain.tip()]);
    const status = {
      confirmed: place !== undefined,
      blockHash: place?.blockHash ?? null,
      height: place?.height ?? null,
      confirmations: place === undefined ? 0 : Math.max(1, tip.height - place.height + 1),
    };
    return { status: 200, body: { ...txJson(found.tx), feeSats: fee ?? 0, status } };
  },
});
