/** Methods that show transactions, from the chain, the mempool or the caller's own bytes. */
import { decodeTx, toHex } from '../../codec/index.ts';
import type { BlockEntry } from '../../consensus/types.ts';
import type { Node } from '../../node/types.ts';
import type { Block, BlockHash, Coin, Tx, Txid } from '../../types.ts';
import { findTx, spentCoins } from '../lookups.ts';
import { decodeFailed, RPC, RpcError } from './errors.ts';
import { placeOf, scriptJson, txJson } from './forms.ts';
import type { Method } from './method.ts';

const notFound = (where: string): RpcError =>
  new RpcError(
    RPC.invalidAddressOrKey,
    `No such ${where}. Use gettransaction for wallet transactions.`,
  );

interface Shown {
  readonly tx: Tx;
  /** The block that holds it; absent while it waits. */
  readonly entry?: BlockEntry;
  /** With it, when it was read to find the transaction. */
  readonly block?: Block;
}

/** In that block and nowhere else, on the best chain or not. */
async function inBlock(node: Node, txid: Txid, hash: BlockHash): Promise<Required<Shown>> {
  const entry = await node.chain.entry(hash);
  if (entry === undefined) throw new RpcError(RPC.invalidAddressOrKey, 'Block hash not found');
  const block = await node.chain.block(hash);
  if (block === undefined) throw new RpcError(RPC.misc, 'Block not available');
  const tx = block.txs.find((one) => one.txid === txid);
  if (tx === undefined) throw notFound('transaction found in the provided block');
  return { tx, entry, block };
}

async function anywhere(node: Node, txid: Txid): Promise<Shown> {
  const found = await findTx(node, txid);
  if (found === undefined) throw notFound('mempool or blockchain transaction');
  const { tx, place } = found;
  const entry = place && (await node.chain.entry(place.blockHash));
  return entry === undefined ? { tx } : { tx, entry };
}

/** Undefined, as with Core, for what waits and for a block that was never connected. */
async function spentBy(
  node: Node,
  { tx, entry, block }: Shown,
): Promise<readonly Coin[] | undefined> {
  if (entry === undefined) return undefined;
  const holder = block ?? (await node.chain.block(entry.hash));
  const spent = holder && (await spentCoins(node, holder));
  return holder && spent?.[holder.txs.findIndex(({ txid }) => txid === tx.txid)];
}

const getRawTransaction: Method = {
  name: 'getrawtransaction',
  params: ['txid', 'verbosity|verbose', 'blockhash'],
  required: 1,
  async run({ api: { node } }, args) {
    const txid = args.txid(0);
    const verbosity = args.verbosity(1, 0);
    const hash = args.raw(2) === undefined ? undefined : args.blockHash(2);
    const shown = await (hash === undefined ? anywhere(node, txid) : inBlock(node, txid, hash));
    const { tx, entry } = shown;
    if (verbosity <= 0) return toHex(tx.raw);
    const spent = verbosity >= 2 ? await spentBy(node, shown) : undefined;
    const body = txJson(node, tx, { spent, prevouts: true });
    if (entry === undefined) return body;
    const { confirmations } = await placeOf(node, entry);
    const isActive = confirmations > 0;
    const { time } = entry.header;
    return {
      ...(hash === undefined ? {} : { in_active_chain: isActive }),
      ...body,
      blockhash: entry.hash,
      confirmations: Math.max(0, confirmations),
      ...(isActive ? { time, blocktime: time } : {}),
    };
  },
};

const decodeRawTransaction: Method = {
  name: 'decoderawtransaction',
  params: ['hexstring', 'iswitness'],
  required: 1,
  async run({ api: { node } }, args) {
    const raw = args.bytes(0);
    const tx = raw && decodeTx(raw);
    if (!tx?.ok) throw decodeFailed();
    const { hex, ...body } = txJson(node, tx.value) as { hex: string };
    return body;
  },
};

/** Core also tells how the script would be wrapped (p2sh, segwit): no coin here may be. */
const decodeScript: Method = {
  name: 'decodescript',
  params: ['hexstring'],
  required: 1,
  async run({ api: { node } }, args) {
    const { hex, ...body } = scriptJson(node, args.hex(0)) as { hex: string };
    return body;
  },
};

export const rawTxMethods: readonly Method[] = [
  getRawTransaction,
  decodeRawTransaction,
  decodeScript,
];
