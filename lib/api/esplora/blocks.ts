/** Esplora's calls about blocks. */
import { toHex } from '../../codec/index.ts';
import type { BlockEntry } from '../../consensus/types.ts';
import type { Node } from '../../node/types.ts';
import type { Block, BlockHash } from '../../types.ts';
import { blockPrevouts } from '../lookups.ts';
import { blockForm, statusOf, txForm, UNCONFIRMED } from './forms.ts';
import { bad, Lasting, missing, type Route } from './server.ts';

const BLOCKS_PAGE = 10;
const TXS_PAGE = 25;

async function entryOf(node: Node, hash: BlockHash): Promise<BlockEntry> {
  const entry = await node.chain.entry(hash);
  if (entry === undefined) throw missing('Block not found');
  return entry;
}

async function rawOf(node: Node, hash: BlockHash): Promise<Uint8Array> {
  const raw = await node.chain.blockRaw(hash);
  if (raw === undefined) throw missing('Block not found');
  return raw;
}

async function blockOf(node: Node, hash: BlockHash): Promise<Block> {
  const block = await node.chain.block(hash);
  if (block === undefined) throw missing('Block not found');
  return block;
}

/** The newest ten from `start` (or the tip) down: BDK cannot scan without it. */
async function newest(node: Node, start: number | undefined): Promise<object[]> {
  const { entry: tip } = await node.chain.tip();
  const from = start ?? tip.height;
  if (from > tip.height) throw missing('Block not found');
  const count = Math.min(BLOCKS_PAGE, from + 1);
  const hashes = await node.chain.view((view) =>
    Promise.all(Array.from({ length: count }, (_, i) => view.hashAt(from - i))),
  );
  const forms = hashes.map(async (hash) => {
    if (hash === undefined) return undefined;
    const [entry, raw] = await Promise.all([node.chain.entry(hash), node.chain.blockRaw(hash)]);
    return entry && raw && blockForm(entry, raw);
  });
  return (await Promise.all(forms)).filter((form) => form !== undefined);
}

async function txsOf(node: Node, hash: BlockHash, start: number): Promise<object[]> {
  const entry = await entryOf(node, hash);
  const block = await blockOf(node, hash);
  if (start >= block.txs.length) throw missing('start index out of range');
  if (start % TXS_PAGE !== 0) throw bad('start index must be a multipication of 25');
  const [prevouts, isBest] = await Promise.all([
    blockPrevouts(node, block),
    node.chain.view((view) => view.isOnBestChain(entry)),
  ]);
  const status = isBest ? statusOf(entry) : UNCONFIRMED;
  const { addressVersion } = node.params;
  return block.txs
    .slice(start, start + TXS_PAGE)
    .map((tx, i) => txForm(tx, { prevouts: prevouts[start + i] ?? [], status, addressVersion }));
}

/** Of a block that nobody knows the same as of one that lost: clients rely on it. */
async function statusForm(node: Node, hash: BlockHash): Promise<object> {
  const entry = await node.chain.entry(hash);
  return node.chain.view(async (view) => {
    if (entry === undefined || !(await view.isOnBestChain(entry))) {
      return { in_best_chain: false, height: null, next_best: null };
    }
    const next = await view.hashAt(entry.height + 1);
    return { in_best_chain: true, height: entry.height, next_best: next ?? null };
  });
}

export const blockRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/blocks/tip/hash',
    handle: async ({ node }) => (await node.chain.tip()).entry.hash,
  },
  {
    method: 'GET',
    path: '/blocks/tip/height',
    handle: async ({ node }) => String((await node.chain.tip()).entry.height),
  },
  { method: 'GET', path: '/blocks', handle: ({ node }) => newest(node, undefined) },
  {
    method: 'GET',
    path: '/blocks/:start',
    handle: ({ node }, params) => newest(node, params.integer('start')),
  },
  {
    method: 'GET',
    path: '/block-height/:height',
    async handle({ node }, params) {
      const height = params.integer('height');
      const hash = await node.chain.view((view) => view.hashAt(height));
      if (hash === undefined) throw missing('Block not found');
      return hash;
    },
  },
  {
    method: 'GET',
    path: '/block/:hash',
    async handle({ node }, params) {
      const hash = params.blockHash();
      return blockForm(await entryOf(node, hash), await rawOf(node, hash));
    },
  },
  {
    method: 'GET',
    path: '/block/:hash/header',
    async handle({ node }, params) {
      const { hash, header } = await entryOf(node, params.blockHash());
      return new Lasting(toHex(header.raw), hash);
    },
  },
  {
    method: 'GET',
    path: '/block/:hash/raw',
    async handle({ node }, params) {
      const hash = params.blockHash();
      return new Lasting(await rawOf(node, hash), hash);
    },
  },
  {
    method: 'GET',
    path: '/block/:hash/status',
    handle: ({ node }, params) => statusForm(node, params.blockHash()),
  },
  {
    method: 'GET',
    path: '/block/:hash/txids',
    async handle({ node }, params) {
      const { header, txs } = await blockOf(node, params.blockHash());
      return new Lasting(
        txs.map((tx) => tx.txid),
        header.hash,
      );
    },
  },
  {
    method: 'GET',
    path: '/block/:hash/txid/:index',
    async handle({ node }, params) {
      const index = params.integer('index');
      const tx = (await blockOf(node, params.blockHash())).txs[index];
      if (tx === undefined) throw missing('tx index out of range');
      return new Lasting(tx.txid, tx.txid);
    },
  },
  {
    method: 'GET',
    path: '/block/:hash/txs',
    handle: ({ node }, params) => txsOf(node, params.blockHash(), 0),
  },
  {
    method: 'GET',
    path: '/block/:hash/txs/:start',
    handle: ({ node }, params) => txsOf(node, params.blockHash(), params.integer('start')),
  },
];
