/** Methods on outputs: whether one can still be spent, and proofs that a block holds their makers. */
import { toHex } from '../../codec/index.ts';
import { isCoinbase } from '../../consensus/check-transaction.ts';
import type { Node } from '../../node/types.ts';
import { isOpReturn, scriptHash } from '../../script/index.ts';
import type { Block, BlockHash, Outpoint, Txid } from '../../types.ts';
import { type FoundTx, findTx } from '../lookups.ts';
import { decodeMerkleBlock, encodeMerkleBlock } from '../merkle-proof.ts';
import { invalidParameter, RPC, RpcError } from './errors.ts';
import { coins, scriptJson } from './forms.ts';
import { hashOf, type Method } from './method.ts';

const VOUT_MAX = 0xffffffff;

const notThere = (message: string): RpcError => new RpcError(RPC.invalidAddressOrKey, message);

/** Whether a transaction of the mempool spends it. */
async function isClaimed(
  node: Node,
  script: Uint8Array,
  { txid, vout }: Outpoint,
): Promise<boolean> {
  const waiting = await node.mempool.byScript(scriptHash(script));
  return waiting.some(({ tx }) =>
    tx.inputs.some(({ prevout }) => prevout.txid === txid && prevout.vout === vout),
  );
}

/** Block 0's output is a coin on no network but those that say so. */
const isCoinOf = ({ place }: FoundTx, { params }: Node): boolean =>
  place?.height !== 0 || params.genesisSpendable;

const getTxOut: Method = {
  name: 'gettxout',
  params: ['txid', 'n', 'include_mempool'],
  required: 2,
  async run({ api: { node } }, args) {
    const outpoint = { txid: args.txid(0), vout: args.integer(1) };
    const { txid, vout } = outpoint;
    const withMempool = args.bool(2, true);
    if (vout < 0 || vout > VOUT_MAX) throw new RpcError(RPC.misc, 'JSON integer out of range');
    const found = await findTx(node, txid);
    const output = found?.tx.outputs[vout];
    if (found === undefined || output === undefined) return null;
    const { tx, place } = found;
    const { scriptPubKey, value } = output;
    if (isOpReturn(scriptPubKey) || !isCoinOf(found, node)) return null;
    if (place === undefined && !withMempool) return null;
    const { tip, spent } = await node.chain.view(async (view) => ({
      tip: view.tip.entry,
      spent: await view.outspend(outpoint),
    }));
    if (spent !== undefined) return null;
    if (withMempool && (await isClaimed(node, scriptPubKey, outpoint))) return null;
    return {
      bestblock: tip.hash,
      confirmations: place === undefined ? 0 : Math.max(1, tip.height - place.height + 1),
      value: coins(value),
      scriptPubKey: scriptJson(node, scriptPubKey),
      coinbase: isCoinbase(tx),
    };
  },
};

/** The block that is named, or the one that holds one of the transactions. */
async function blockWith(node: Node, txids: ReadonlySet<Txid>, hash?: BlockHash): Promise<Block> {
  if (hash !== undefined) {
    if ((await node.chain.entry(hash)) === undefined) throw notThere('Block not found');
    const block = await node.chain.block(hash);
    if (block !== undefined) return block;
    throw new RpcError(RPC.misc, 'Block not available (not fully downloaded)');
  }
  for (const txid of txids) {
    const place = (await findTx(node, txid))?.place;
    const block = place && (await node.chain.block(place.blockHash));
    if (block !== undefined) return block;
  }
  throw notThere('Transaction not yet in block');
}

const getTxOutProof: Method = {
  name: 'gettxoutproof',
  params: ['txids', 'blockhash'],
  required: 1,
  async run({ api: { node } }, args) {
    const txids = new Set<Txid>();
    for (const value of args.array(0)) {
      const txid = hashOf(value, 'txid') as Txid;
      if (txids.has(txid)) throw invalidParameter(`Invalid parameter, duplicated txid: ${txid}`);
      txids.add(txid);
    }
    if (txids.size === 0) throw invalidParameter("Parameter 'txids' cannot be empty");
    const hash = args.raw(1) === undefined ? undefined : args.blockHash(1);
    const block = await blockWith(node, txids, hash);
    if (block.txs.filter(({ txid }) => txids.has(txid)).length !== txids.size) {
      throw notThere('Not all transactions found in specified or retrieved block');
    }
    return toHex(encodeMerkleBlock(block, txids));
  },
};

const verifyTxOutProof: Method = {
  name: 'verifytxoutproof',
  params: ['proof'],
  required: 1,
  async run({ api: { node } }, args) {
    const proof = decodeMerkleBlock(args.hex(0));
    if (!proof.ok) throw new RpcError(RPC.misc, 'Proof decode failed');
    const { header, txCount, proven } = proof.value;
    if (proven === undefined) return [];
    const entry = await node.chain.entry(header.hash);
    const isBest = entry && (await node.chain.view((view) => view.isOnBestChain(entry)));
    const block = isBest ? await node.chain.block(header.hash) : undefined;
    if (block === undefined) throw notThere('Block not found in chain');
    // A tree of another size has an inner node in a leaf's place.
    return block.txs.length === txCount ? proven : [];
  },
};

export const coinMethods: readonly Method[] = [getTxOut, getTxOutProof, verifyTxOutProof];
