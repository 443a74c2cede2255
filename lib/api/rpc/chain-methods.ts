/** Methods that read the chain, and the two by which an operator overrules it. */
import { toHex } from '../../codec/index.ts';
import { medianTimePast } from '../../consensus/context.ts';
import type { BlockEntry } from '../../consensus/types.ts';
import type { Node } from '../../node/types.ts';
import type { BlockHash } from '../../types.ts';
import { bitsText, difficultyOf, targetText } from '../difficulty.ts';
import { invalidParameter, RPC, RpcError } from './errors.ts';
import { blockJson, headerJson, placeOf } from './forms.ts';
import type { Method } from './method.ts';

async function entryOf(node: Node, hash: BlockHash): Promise<BlockEntry> {
  const entry = await node.chain.entry(hash);
  if (entry === undefined) throw new RpcError(RPC.invalidAddressOrKey, 'Block not found');
  return entry;
}

/** 0 for a header whose body is not here. */
async function txCountOf(node: Node, hash: BlockHash): Promise<number> {
  return (await node.chain.block(hash))?.txs.length ?? 0;
}

const getBlock: Method = {
  name: 'getblock',
  params: ['blockhash', 'verbosity|verbose'],
  required: 1,
  async run({ api: { node } }, args) {
    const hash = args.blockHash(0);
    const verbosity = args.verbosity(1, 1);
    const entry = await entryOf(node, hash);
    const unavailable = new RpcError(RPC.misc, 'Block not available (not fully downloaded)');
    if (verbosity <= 0) {
      const raw = await node.chain.blockRaw(hash);
      if (raw === undefined) throw unavailable;
      return toHex(raw);
    }
    const block = await node.chain.block(hash);
    if (block === undefined) throw unavailable;
    return blockJson(node, { entry, block }, verbosity);
  },
};

const getBlockHeader: Method = {
  name: 'getblockheader',
  params: ['blockhash', 'verbose'],
  required: 1,
  async run({ api: { node } }, args) {
    const entry = await entryOf(node, args.blockHash(0));
    if (!args.bool(1, true)) return toHex(entry.header.raw);
    const [place, count] = await Promise.all([placeOf(node, entry), txCountOf(node, entry.hash)]);
    return headerJson(entry, place, count);
  },
};

const getBlockHash: Method = {
  name: 'getblockhash',
  params: ['height'],
  required: 1,
  async run({ api: { node } }, args) {
    const height = args.integer(0);
    const hash = height < 0 ? undefined : await node.chain.view((view) => view.hashAt(height));
    if (hash === undefined) throw invalidParameter('Block height out of range');
    return hash;
  },
};

const getBlockchainInfo: Method = {
  name: 'getblockchaininfo',
  params: [],
  required: 0,
  async run({ api: { node } }) {
    const [{ entry }, best, progress] = await Promise.all([
      node.chain.tip(),
      node.chain.bestHeader(),
      node.gossip.progress(),
    ]);
    const { bits, time } = entry.header;
    return {
      chain: node.params.name,
      blocks: entry.height,
      headers: Math.max(best.height, entry.height),
      bestblockhash: entry.hash,
      bits: bitsText(bits),
      target: targetText(bits),
      difficulty: difficultyOf(bits),
      time,
      mediantime: medianTimePast(entry),
      verificationprogress: best.height === 0 ? 1 : Math.min(1, entry.height / best.height),
      initialblockdownload: progress.syncing,
      chainwork: entry.chainwork.toString(16).padStart(64, '0'),
      // No files of blocks: the store keeps them in its own way. Clients refuse an answer without it.
      size_on_disk: 0,
      pruned: false,
      warnings: [],
    };
  },
};

/** Every network here has them from its first block; nothing is voted on. */
const BURIED = ['bip34', 'bip66', 'bip65', 'csv'];

const getDeploymentInfo: Method = {
  name: 'getdeploymentinfo',
  params: ['blockhash'],
  required: 0,
  async run({ api: { node } }, args) {
    const { entry: tip } = await node.chain.tip();
    const entry = args.raw(0) === undefined ? tip : await entryOf(node, args.blockHash(0));
    return {
      hash: entry.hash,
      height: entry.height,
      deployments: Object.fromEntries(
        BURIED.map((name) => [name, { type: 'buried', active: true, height: 1 }]),
      ),
    };
  },
};

const getChainTips: Method = {
  name: 'getchaintips',
  params: [],
  required: 0,
  async run({ api: { node } }) {
    const tips = await node.chain.tips();
    return tips.map(({ height, hash, branchLength, status }) => ({
      height,
      hash,
      branchlen: branchLength,
      status,
    }));
  },
};

const overrule = (
  name: string,
  act: (node: Node, hash: BlockHash) => Promise<unknown>,
): Method => ({
  name,
  params: ['blockhash'],
  required: 1,
  async run({ api: { node } }, args) {
    const { hash } = await entryOf(node, args.blockHash(0));
    await act(node, hash);
    return null;
  },
});

export const chainMethods: readonly Method[] = [
  {
    name: 'getblockcount',
    params: [],
    required: 0,
    run: async ({ api }) => (await api.node.chain.tip()).entry.height,
  },
  {
    name: 'getbestblockhash',
    params: [],
    required: 0,
    run: async ({ api }) => (await api.node.chain.tip()).entry.hash,
  },
  {
    name: 'getdifficulty',
    params: [],
    required: 0,
    run: async ({ api }) => difficultyOf((await api.node.chain.tip()).entry.header.bits),
  },
  getBlockHash,
  getBlock,
  getBlockHeader,
  getBlockchainInfo,
  getChainTips,
  getDeploymentInfo,
  overrule('invalidateblock', async (node, hash) => {
    const change = await node.chain.invalidate(hash);
    if (change !== undefined) await node.mempool.reconcile(change);
  }),
  overrule('reconsiderblock', async (node, hash) => {
    const change = await node.chain.reconsider(hash);
    if (change === undefined) return;
    await node.mempool.reconcile(change);
    await node.gossip.announceBlock(change.to.hash);
  }),
];
