/** Esplora's calls about transactions and the mempool. */
import { fromHex, toHex } from '../../codec/index.ts';
import type { Node } from '../../node/types.ts';
import { scriptHash } from '../../script/index.ts';
import {
  type Block,
  type BlockHash,
  type ScriptHash,
  type Tx,
  type Txid,
  toOutpointKey,
} from '../../types.ts';
import { allEntries, feeRates } from '../fee-rate.ts';
import {
  type Claims,
  claimsIn,
  type FoundTx,
  findTx,
  prevoutsOf,
  type TxPlace,
} from '../lookups.ts';
import { encodeMerkleBlock, merklePath } from '../merkle-proof.ts';
import { TX_BODY_BYTES_MAX, textOf, withBody } from '../request.ts';
import { statusOf, type TxStatus, txForm, UNCONFIRMED } from './forms.ts';
import { bad, Lasting, missing, type Reply, type Route } from './server.ts';

const RECENT = 10;
/** Blocks on top of one that Esplora takes for final. */
const DEEP_BLOCKS = 10;
/** Blocks to wait, as Esplora lists them. */
const FEE_TARGETS = [...Array.from({ length: 25 }, (_, i) => i + 1), 144, 504, 1008];
/** Bytes of mempool that share a line of the fee histogram. */
const HISTOGRAM_BYTES = 50_000;

async function found(node: Node, txid: Txid): Promise<FoundTx> {
  const tx = await findTx(node, txid);
  if (tx === undefined) throw missing('Transaction not found');
  return tx;
}

export async function txStatus(node: Node, { place }: FoundTx): Promise<TxStatus> {
  const entry = place && (await node.chain.entry(place.blockHash));
  return entry === undefined ? UNCONFIRMED : statusOf(entry);
}

/** The bytes of an id never change, but whether a young transaction is there may. */
async function lastingWhenDeep(node: Node, { tx, place }: FoundTx, reply: Reply): Promise<Reply> {
  if (place === undefined) return reply;
  const { entry: tip } = await node.chain.tip({ recent: true });
  return tip.height - place.height < DEEP_BLOCKS ? reply : new Lasting(reply, tx.txid);
}

/** Forms of several transactions, their inputs' coins read together. */
export async function txForms(node: Node, txs: readonly FoundTx[]): Promise<object[]> {
  const prevoutOf = await prevoutsOf(
    node,
    txs.map(({ tx }) => tx),
  );
  return Promise.all(
    txs.map(async (one) =>
      txForm(one.tx, {
        prevouts: one.tx.inputs.map((input) => prevoutOf(input.prevout)),
        status: await txStatus(node, one),
        addressVersion: node.params.addressVersion,
      }),
    ),
  );
}

/**
 * Who spends outputs of a transaction: in the chain, or in the mempool by the script that the output
 * has. What outputs share, a block or a script, is read once: there may be thousands of them.
 */
function outspendsOf(node: Node, tx: Tx): (vout: number) => Promise<object> {
  const statuses = new Map<BlockHash, Promise<TxStatus>>();
  const claims = new Map<ScriptHash, Promise<Claims>>();
  const statusAt = async (hash: BlockHash): Promise<TxStatus> => {
    const entry = await node.chain.entry(hash);
    return entry === undefined ? UNCONFIRMED : statusOf(entry);
  };
  return async (vout) => {
    const output = tx.outputs[vout];
    if (output === undefined) return { spent: false };
    const outpoint = { txid: tx.txid, vout };
    const spent = await node.chain.view(async (view) => {
      const found = await view.outspend(outpoint);
      const hash = found && (await view.hashAt(found.height));
      return found && { ...found, hash };
    });
    if (spent !== undefined) {
      const { txid, vin, hash } = spent;
      const status = hash === undefined ? UNCONFIRMED : await once(statuses, hash, statusAt);
      return { spent: true, txid, vin, status };
    }
    const script = scriptHash(output.scriptPubKey);
    const claimed = await once(claims, script, (one) => claimsOf(node, one));
    const claim = claimed.get(toOutpointKey(tx.txid, vout));
    return claim === undefined ? { spent: false } : { spent: true, ...claim, status: UNCONFIRMED };
  };
}

/** The memory of an answer that several ask for. */
function once<K, V>(known: Map<K, Promise<V>>, key: K, find: (key: K) => Promise<V>): Promise<V> {
  const found = known.get(key) ?? find(key);
  known.set(key, found);
  return found;
}

/** Coins that the mempool's transactions on this script spend. */
const claimsOf = async (node: Node, script: ScriptHash): Promise<Claims> =>
  claimsIn(await node.mempool.byScript(script));

/** The block that holds the transaction, and where. */
async function confirming(node: Node, txid: Txid): Promise<{ block: Block; place: TxPlace }> {
  const place = (await findTx(node, txid))?.place;
  const block = place && (await node.chain.block(place.blockHash));
  if (place === undefined || block === undefined) {
    throw missing('Transaction not found or is unconfirmed');
  }
  return { block, place };
}

async function merkleProof(node: Node, txid: Txid): Promise<object> {
  const { block, place } = await confirming(node, txid);
  const txids = block.txs.map((tx) => tx.txid);
  const { height: block_height, position: pos } = place;
  return { block_height, merkle: merklePath(txids, pos), pos };
}

async function broadcast(node: Node, body: Uint8Array): Promise<string> {
  const raw = fromHex((textOf(body) ?? 'no text').trim());
  if (raw === undefined || raw.length === 0) throw bad('Invalid hex string');
  const outcome = await node.acceptTx(raw, { local: true });
  if (outcome.status === 'accepted') return outcome.entry.txid;
  if (outcome.status === 'known') return outcome.txid;
  throw bad(
    outcome.status === 'rejected' ? outcome.reject.reason : 'bad-txns-inputs-missingorspent',
  );
}

/** [fee rate, bytes] from the dearest down, a line for each step of bytes. */
function histogram(entries: readonly { feeSats: number; bytes: number }[]): number[][] {
  const sorted = [...entries].sort((a, b) => b.feeSats / b.bytes - a.feeSats / a.bytes);
  const lines: number[][] = [];
  let bytes = 0;
  let rate = 0;
  for (const entry of sorted) {
    rate = entry.feeSats / entry.bytes;
    bytes += entry.bytes;
    if (bytes <= HISTOGRAM_BYTES) continue;
    lines.push([rate, bytes]);
    bytes = 0;
  }
  if (bytes > 0) lines.push([rate, bytes]);
  return lines;
}

async function recent(node: Node): Promise<object[]> {
  const newest = (await allEntries(node)).slice(-RECENT).reverse();
  return newest.map(({ txid, feeSats, bytes, tx }) => ({
    txid,
    fee: feeSats,
    vsize: bytes,
    value: tx.outputs.reduce((sum, output) => sum + Number(output.value), 0),
  }));
}

async function feeEstimates(node: Node): Promise<object> {
  const rates = await feeRates(node, FEE_TARGETS);
  return Object.fromEntries(FEE_TARGETS.map((target, i) => [String(target), rates[i]]));
}

export const txRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/tx',
    handle: ({ node, budget }, _params, request) =>
      withBody(request, { bytesMax: TX_BODY_BYTES_MAX, budget, authorized: false }, (body) =>
        broadcast(node, body),
      ),
  },
  {
    method: 'GET',
    path: '/tx/:txid',
    async handle({ node }, params) {
      const [form] = await txForms(node, [await found(node, params.txid())]);
      return form as object;
    },
  },
  {
    method: 'GET',
    path: '/tx/:txid/hex',
    async handle({ node }, params) {
      const tx = await found(node, params.txid());
      return lastingWhenDeep(node, tx, toHex(tx.tx.raw));
    },
  },
  {
    method: 'GET',
    path: '/tx/:txid/raw',
    async handle({ node }, params) {
      const tx = await found(node, params.txid());
      return lastingWhenDeep(node, tx, tx.tx.raw);
    },
  },
  {
    method: 'GET',
    path: '/tx/:txid/status',
    // Nothing is confirmed of what nobody knows: clients rely on it.
    async handle({ node }, params) {
      const tx = await findTx(node, params.txid());
      return tx === undefined ? UNCONFIRMED : txStatus(node, tx);
    },
  },
  {
    method: 'GET',
    path: '/tx/:txid/merkle-proof',
    handle: ({ node }, params) => merkleProof(node, params.txid()),
  },
  {
    method: 'GET',
    path: '/tx/:txid/merkleblock-proof',
    async handle({ node }, params) {
      const txid = params.txid();
      const { block } = await confirming(node, txid);
      return toHex(encodeMerkleBlock(block, new Set([txid])));
    },
  },
  {
    method: 'GET',
    path: '/tx/:txid/outspend/:vout',
    async handle({ node }, params) {
      const vout = params.integer('vout');
      const tx = await findTx(node, params.txid());
      return tx === undefined ? { spent: false } : outspendsOf(node, tx.tx)(vout);
    },
  },
  {
    method: 'GET',
    path: '/tx/:txid/outspends',
    async handle({ node }, params) {
      const { tx } = await found(node, params.txid());
      const all: object[] = [];
      const outspend = outspendsOf(node, tx);
      for (const vout of tx.outputs.keys()) all.push(await outspend(vout));
      return all;
    },
  },
  {
    method: 'GET',
    path: '/mempool',
    async handle({ node }) {
      const [info, entries] = await Promise.all([node.mempool.info(), allEntries(node)]);
      const { count, bytes, feeSats } = info;
      return { count, vsize: bytes, total_fee: feeSats, fee_histogram: histogram(entries) };
    },
  },
  {
    method: 'GET',
    path: '/mempool/txids',
    handle: async ({ node }) => (await allEntries(node)).map(({ txid }) => txid),
  },
  { method: 'GET', path: '/mempool/recent', handle: ({ node }) => recent(node) },
  { method: 'GET', path: '/fee-estimates', handle: ({ node }) => feeEstimates(node) },
];
