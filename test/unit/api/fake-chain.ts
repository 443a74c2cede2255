/** The chain of the fake node: blocks made without work, and the reads that the HTTP face does. */
import type { ChainView } from '../../../lib/chain/types.ts';
import { decodeBlock, makeBlock, makeHeader, makeTx } from '../../../lib/codec/index.ts';
import { childEntry, genesisEntry } from '../../../lib/consensus/context.ts';
import type { BlockEntry } from '../../../lib/consensus/types.ts';
import { merkleRoot } from '../../../lib/crypto/merkle.ts';
import type { Node } from '../../../lib/node/types.ts';
import { regtest } from '../../../lib/params/index.ts';
import {
  p2pkhScript,
  p2pkhScriptSig,
  revealedScript,
  scriptHash,
} from '../../../lib/script/index.ts';
import type { Block, BlockHash, Coin, Sats, Tx, Txid } from '../../../lib/types.ts';
import { must } from '../../helpers/vectors.ts';
import type { Parts } from './fake-node.ts';

export const NOW_MS = 1_800_000_000_000;

/** 33 bytes in the form of a key; nothing here checks the curve. */
export const KEY = Uint8Array.of(2, ...new Uint8Array(32).fill(9));
const SIGNATURE = Uint8Array.of(0x30, ...new Uint8Array(70).fill(5), 1);
export const SCRIPT_SIG = p2pkhScriptSig(SIGNATURE, KEY);
export const OUR_SCRIPT = revealedScript(SCRIPT_SIG) as Uint8Array;
const NULL = '0'.repeat(64) as Txid;

const coinbase = (height: number): Tx =>
  makeTx({
    version: 1,
    inputs: [
      {
        prevout: { txid: NULL, vout: 0xffffffff },
        scriptSig: Uint8Array.of(2, height & 255, height >> 8, 0),
        sequence: 0xffffffff,
      },
    ],
    outputs: [{ value: 5_000_000_000n, scriptPubKey: OUR_SCRIPT }],
    lockTime: 0,
  });

export const spend = (from: Tx, vout: number, value: bigint): Tx =>
  makeTx({
    version: 2,
    inputs: [{ prevout: { txid: from.txid, vout }, scriptSig: SCRIPT_SIG, sequence: 0xfffffffd }],
    outputs: [
      { value, scriptPubKey: p2pkhScript(new Uint8Array(20).fill(7)) },
      { value: 1n, scriptPubKey: OUR_SCRIPT },
    ],
    lockTime: 0,
  });

export function chainOf(count: number): { block: Block; entry: BlockEntry }[] {
  const first = { block: must(decodeBlock(regtest.genesis)), entry: genesisEntry(regtest) };
  const chain = [first];
  for (let height = 1; height <= count; height++) {
    const { entry: parent } = chain.at(-1) as typeof first;
    const txs = [coinbase(height)];
    // Block 3 spends the coin of block 1.
    if (height === 3) txs.push(spend(chain[1]?.block.txs[0] as Tx, 0, 4_999_990_000n));
    const header = makeHeader({
      version: 4,
      prevHash: parent.hash,
      merkleRoot: merkleRoot(txs.map((tx) => tx.txid)).root,
      time: NOW_MS / 1000 - (count - height + 1) * 600,
      bits: parent.header.bits,
      nonce: height,
    });
    chain.push({ block: makeBlock(header, txs), entry: childEntry(header, parent, regtest) });
  }
  return chain;
}

export function fakeChain({ blocks, script, tip }: Parts): Node['chain'] {
  const byHash = (hash: BlockHash) => blocks.find(({ entry }) => entry.hash === hash);
  const history = (of: string) =>
    blocks
      .flatMap(({ block, entry }) =>
        block.txs.map((tx, position) => ({ tx, position, height: entry.height })),
      )
      .filter(
        ({ tx, height }) =>
          height > 0 &&
          (tx.outputs.some((output) => scriptHash(output.scriptPubKey) === of) ||
            tx.inputs.some((input) => {
              const revealed = revealedScript(input.scriptSig);
              return revealed !== undefined && scriptHash(revealed) === of;
            })),
      )
      .reverse();
  const all = () => blocks.flatMap(({ block, entry }) => block.txs.map((tx) => ({ tx, entry })));
  const coinAt = (txid: Txid, vout: number): Coin | undefined => {
    const found = all().find(({ tx }) => tx.txid === txid);
    const output = found?.tx.outputs[vout];
    if (found === undefined || output === undefined) return undefined;
    const coinbase = found.tx.inputs[0]?.prevout.txid === NULL;
    return {
      value: Number(output.value) as Sats,
      scriptPubKey: output.scriptPubKey,
      height: found.entry.height,
      coinbase,
    };
  };
  const spentBy = (txid: Txid, vout: number) =>
    all().find(({ tx }) =>
      tx.inputs.some(({ prevout }) => prevout.txid === txid && prevout.vout === vout),
    );
  const view = {
    get tip() {
      return { entry: tip().entry, version: blocks.length };
    },
    hashAt: async (height: number) => blocks[height]?.entry.hash,
    isOnBestChain: async (entry: BlockEntry) => byHash(entry.hash) !== undefined,
    async locate(txid: Txid) {
      for (const { block, entry } of blocks) {
        const position = block.txs.findIndex((tx) => tx.txid === txid);
        const tx = block.txs[position];
        if (tx) return { tx, blockHash: entry.hash, height: entry.height, position };
      }
      return undefined;
    },
    isConfirmed: async (txid: Txid) =>
      blocks.some(({ block }) => block.txs.some((tx) => tx.txid === txid)),
    disconnectedTx: async () => undefined,
    async outspend({ txid, vout }: { txid: Txid; vout: number }) {
      const by = spentBy(txid, vout);
      if (by === undefined) return undefined;
      const vin = by.tx.inputs.findIndex(({ prevout }) => prevout.txid === txid);
      return { txid: by.tx.txid, vin, height: by.entry.height };
    },
    async addressCoins(
      of: string,
      { after, limit = 1000 } = {} as { after?: string; limit?: number },
    ) {
      const coins = history(of)
        .flatMap(({ tx }) => tx.outputs.map((_, vout) => ({ txid: tx.txid, vout })))
        .filter(({ txid, vout }) => {
          const coin = coinAt(txid, vout);
          return coin && scriptHash(coin.scriptPubKey) === of && !spentBy(txid, vout);
        })
        .map((outpoint) => ({ outpoint, coin: coinAt(outpoint.txid, outpoint.vout) as Coin }));
      const start = coins.findIndex(({ outpoint: { txid, vout } }) => `${txid}:${vout}` === after);
      return coins.slice(start + 1, start + 1 + limit);
    },
    async addressTotals(of: string) {
      const outputs = history(of).flatMap(({ tx }) =>
        tx.outputs
          .map((output, vout) => ({ output, spent: spentBy(tx.txid, vout) !== undefined }))
          .filter(({ output }) => scriptHash(output.scriptPubKey) === of),
      );
      const sum = (list: typeof outputs) =>
        list.reduce((total, { output }) => total + Number(output.value), 0) as Sats;
      const spent = outputs.filter((one) => one.spent);
      return {
        txCount: history(of).length,
        fundedCount: outputs.length,
        fundedSats: sum(outputs),
        spentCount: spent.length,
        spentSats: sum(spent),
      };
    },
    async addressHistory(
      of: string,
      { after, limit = 25 } = {} as { after?: Txid; limit?: number },
    ) {
      const items = history(of).map(({ tx, height, position }) => ({
        txid: tx.txid,
        height,
        position,
      }));
      const start = items.findIndex(({ txid }) => txid === after);
      return items.slice(start + 1, start + 1 + limit);
    },
  };
  const chain: Partial<Node['chain']> = {
    async tip() {
      if (script.fault) throw script.fault;
      return { entry: tip().entry, version: blocks.length };
    },
    view: (read) => read(view as unknown as ChainView),
    entry: async (hash) => byHash(hash)?.entry,
    hasBody: async (hash) => byHash(hash) !== undefined,
    block: async (hash) => byHash(hash)?.block,
    blockRaw: async (hash) => byHash(hash)?.block.raw,
    async undo(hash) {
      const inputs =
        byHash(hash)
          ?.block.txs.slice(1)
          .flatMap((tx) => tx.inputs) ?? [];
      return inputs.map(({ prevout }) => coinAt(prevout.txid, prevout.vout) as Coin);
    },
    proposeBlock: async () => script.proposal,
    bestHeader: async () => tip().entry,
    tips: async () => [
      { hash: tip().entry.hash, height: tip().entry.height, branchLength: 0, status: 'active' },
    ],
    invalidate: async () => undefined,
    reconsider: async () => undefined,
    offChainUsage: async () => ({ headers: 0, bytes: 0 }),
  };
  return chain as Node['chain'];
}
