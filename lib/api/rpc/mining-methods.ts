/**
 * What a miner asks (BIP22, BIP23): a template, with long poll and proposals; a block handed in;
 * blocks mined on command.
 */
import { decodeBlock, fromHex, toHex } from '../../codec/index.ts';
import { nextBitsFor } from '../../consensus/context.ts';
import { BLOCK_BYTES_MAX, BLOCK_SIGOPS_MAX } from '../../consensus/limits.ts';
import type { BlockEntry } from '../../consensus/types.ts';
import type { Template } from '../../mining/types.ts';
import type { Node } from '../../node/types.ts';
import type { ChainParams } from '../../params/chain-params.ts';
import { bitsText, difficultyOf, targetText } from '../difficulty.ts';
import { POLLS_MAX, waitForWork } from '../long-poll.ts';
import { addressScript } from '../lookups.ts';
import { invalidParameter, RPC, RpcError } from './errors.ts';
import { coins, WEIGHT_PER_BYTE } from './forms.ts';
import type { Method, RpcContext } from './method.ts';

const GENERATE_BLOCKS_MAX = 10_000;
/** Blocks that Core looks back for its estimate of the network's rate. */
const RATE_BLOCKS = 120;

/** The flags as script data: one push, so that a coinbase made of them parses. */
const flagsPush = (flags: string): string =>
  `${(flags.length / 2).toString(16).padStart(2, '0')}${flags}`;

function templateJson(template: Template): object {
  return {
    capabilities: ['proposal'],
    version: template.version,
    rules: ['csv'],
    vbavailable: {},
    vbrequired: 0,
    previousblockhash: template.prevHash,
    transactions: template.txs.map(({ entry, sigops, depends }) => ({
      data: toHex(entry.tx.raw),
      txid: entry.txid,
      hash: entry.txid,
      depends,
      fee: entry.feeSats,
      sigops,
      weight: entry.bytes * WEIGHT_PER_BYTE,
    })),
    coinbaseaux: { flags: flagsPush(template.coinbaseFlags) },
    coinbasevalue: template.coinbaseValue,
    longpollid: template.id,
    target: template.target.toString(16).padStart(64, '0'),
    mintime: template.minTime,
    mutable: ['time', 'transactions', 'prevblock'],
    noncerange: '00000000ffffffff',
    sigoplimit: BLOCK_SIGOPS_MAX,
    sizelimit: BLOCK_BYTES_MAX,
    weightlimit: BLOCK_BYTES_MAX * WEIGHT_PER_BYTE,
    curtime: template.curTime,
    bits: bitsText(template.bits),
    height: template.height,
  };
}

async function poll({ api, polls, signal }: RpcContext, knownId: string): Promise<void> {
  if (polls.held >= POLLS_MAX) throw new RpcError(RPC.misc, 'too many long polls are held');
  polls.held += 1;
  try {
    await waitForWork(api, knownId, signal);
  } finally {
    polls.held -= 1;
  }
}

async function propose(node: Node, data: unknown): Promise<string | null> {
  if (typeof data !== 'string') {
    throw new RpcError(RPC.typeError, 'Missing data String key for proposal');
  }
  const block = decodedBlock(data);
  if (await node.chain.hasBody(block.header.hash)) return 'duplicate';
  const { entry: tip } = await node.chain.tip();
  if (block.header.prevHash !== tip.hash) return 'inconclusive-not-best-prevblk';
  const verdict = await node.chain.proposeBlock(block.raw);
  return verdict.ok ? null : verdict.reject.reason;
}

function decodedBlock(hex: string) {
  const raw = fromHex(hex);
  const block = raw && decodeBlock(raw);
  if (!block?.ok) throw new RpcError(RPC.deserialization, 'Block decode failed');
  return block.value;
}

const getBlockTemplate: Method = {
  name: 'getblocktemplate',
  params: ['template_request'],
  required: 0,
  async run(context, args) {
    const { node } = context.api;
    const { mode, longpollid, data } = args.object(0);
    if (mode === 'proposal') return propose(node, data);
    if ((mode ?? 'template') !== 'template') throw invalidParameter('Invalid mode');
    if (typeof longpollid === 'string') await poll(context, longpollid);
    const template = await node.template();
    // Our clock is behind the chain, or the chain ahead of every clock: wait, do not mine.
    if (!template.ok) throw new RpcError(RPC.misc, `no template now: ${template.reject.reason}`);
    return templateJson(template.value);
  },
};

const submitBlock: Method = {
  name: 'submitblock',
  params: ['hexdata', 'dummy'],
  required: 1,
  async run({ api: { node } }, args) {
    const raw = args.bytes(0);
    if (raw === undefined) throw new RpcError(RPC.deserialization, 'Block decode failed');
    const outcome = await node.acceptBlock(raw, { asked: true });
    if (outcome.status === 'tip') return null;
    if (outcome.status === 'known') return 'duplicate';
    if (outcome.status === 'orphan') return 'prev-blk-not-found';
    if (outcome.status !== 'rejected') return 'inconclusive';
    if (outcome.hash === undefined) {
      throw new RpcError(RPC.deserialization, 'Block decode failed');
    }
    return outcome.reject.reason;
  },
};

const generateToAddress: Method = {
  name: 'generatetoaddress',
  params: ['nblocks', 'address', 'maxtries'],
  required: 2,
  async run({ api: { node, options } }, args) {
    const blocks = args.integer(0);
    const payTo = addressScript(node, args.string(1));
    args.integer(2, 0);
    if (payTo === undefined) {
      throw new RpcError(RPC.invalidAddressOrKey, 'Error: Invalid address');
    }
    if (blocks < 0 || blocks > GENERATE_BLOCKS_MAX) {
      throw invalidParameter(`nblocks must be 0 to ${GENERATE_BLOCKS_MAX}`);
    }
    if (blocks === 0) return [];
    if (options.generate === undefined) {
      throw new RpcError(RPC.misc, 'this host does not mine on command');
    }
    const mined = await options.generate(blocks, payTo.scriptPubKey);
    if (!mined.ok) throw new RpcError(RPC.misc, mined.reject.detail ?? mined.reject.reason);
    return mined.value;
  },
};

async function entryAt(node: Node, height: number): Promise<BlockEntry | undefined> {
  const hash = await node.chain.view((view) => view.hashAt(height));
  return hash && node.chain.entry(hash);
}

/** Blocks since the difficulty changed last: a network that changes it with each has one. */
function sinceChange({ retarget }: ChainParams, height: number): number {
  if (retarget.kind === 'none') return height;
  return retarget.kind === 'bitcoin' ? (height % retarget.window) + 1 : 1;
}

/** Hashes per second that the last `blocks` up to `height` took; -1: since the difficulty changed. */
async function networkRate(node: Node, blocks = RATE_BLOCKS, height = -1): Promise<number> {
  const last = height < 0 ? (await node.chain.tip()).entry : await entryAt(node, height);
  if (last === undefined || last.height === 0) return 0;
  const back = blocks < 0 ? sinceChange(node.params, last.height) : blocks;
  const first = await entryAt(node, Math.max(0, last.height - back));
  if (first === undefined) return 0;
  const seconds = last.header.time - first.header.time;
  return seconds > 0 ? Number(last.chainwork - first.chainwork) / seconds : 0;
}

const getNetworkHashPs: Method = {
  name: 'getnetworkhashps',
  params: ['nblocks', 'height'],
  required: 0,
  async run({ api: { node } }, args) {
    const blocks = args.integer(0, RATE_BLOCKS);
    const height = args.integer(1, -1);
    if (blocks < -1 || blocks === 0) {
      throw invalidParameter('Invalid nblocks. Must be a positive number or -1.');
    }
    if (height < -1 || height > (await node.chain.tip()).entry.height) {
      throw invalidParameter('Block does not exist at specified height');
    }
    return networkRate(node, blocks, height);
  },
};

const getMiningInfo: Method = {
  name: 'getmininginfo',
  params: [],
  required: 0,
  async run({ api: { node } }) {
    const [{ entry: tip }, mempool, rate] = await Promise.all([
      node.chain.tip(),
      node.mempool.info(),
      networkRate(node),
    ]);
    const next = nextBitsFor(tip, node.params);
    return {
      blocks: tip.height,
      bits: bitsText(tip.header.bits),
      difficulty: difficultyOf(tip.header.bits),
      target: targetText(tip.header.bits),
      networkhashps: rate,
      // What the mempool takes a block takes.
      blockmintxfee: coins(0),
      pooledtx: mempool.count,
      chain: node.params.name,
      next: {
        height: tip.height + 1,
        bits: bitsText(next),
        difficulty: difficultyOf(next),
        target: targetText(next),
      },
      warnings: [],
    };
  },
};

export const miningMethods: readonly Method[] = [
  getBlockTemplate,
  submitBlock,
  generateToAddress,
  getMiningInfo,
  getNetworkHashPs,
];
