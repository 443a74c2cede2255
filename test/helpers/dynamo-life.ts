/**
 * The life of transactions and blocks on a DynamoDB table, with what each part of it consumes. Used
 * by the ceiling test and by bench/dynamodb-units.ts.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createTable } from '../../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../../lib/adapters/dynamodb-store.ts';
import { systemRandom } from '../../lib/adapters/system-random.ts';
import { createVerifier } from '../../lib/adapters/verifier.ts';
import { createChain } from '../../lib/chain/create-chain.ts';
import { createMempool } from '../../lib/mempool/create-mempool.ts';
import type { Tx } from '../../lib/types.ts';
import { easyNetwork, Story } from './chain-builder.ts';
import { countUnits, type Units } from './dynamo-units.ts';

export interface Life {
  /** A block with its coinbase alone. */
  readonly emptyBlock: Units;
  /** A transaction from admission to confirmed, its share of the block included. */
  readonly oneIn: Units;
  readonly twoIn: Units;
  readonly admissionOneIn: Units;
}

const TXS = 20;
let tables = 0;

const minus = (a: Units, b: Units): Units => ({
  write: a.write - b.write,
  read: a.read - b.read,
  requests: a.requests - b.requests,
});
const plus = (a: Units, b: Units): Units => ({
  write: a.write + b.write,
  read: a.read + b.read,
  requests: a.requests + b.requests,
});
const share = (a: Units, count: number): Units => ({
  write: a.write / count,
  read: a.read / count,
  requests: a.requests / count,
});

export async function measureLife(client: DynamoDBClient): Promise<Life> {
  const units = countUnits(client);
  const table = `units-${process.pid}-${tables++}`;
  await createTable(client, table);
  const story = new Story(easyNetwork());
  const clock = { nowMs: () => (story.tip.block.header.time + 1) * 1000 };
  const store = createDynamoStore({ client, table, clock });
  const parts = { params: story.params, store, clock, verifier: createVerifier() };
  const chain = createChain(parts);
  await chain.init();
  const mempool = createMempool({ ...parts, chain, random: systemRandom });
  const accept = async (raw: Uint8Array): Promise<void> => {
    const outcome = await chain.acceptBlock(raw, { asked: true });
    if (outcome.status !== 'tip') throw new Error(`a block was not taken: ${outcome.status}`);
    await mempool.reconcile(outcome.change);
  };
  /** Coins of keys of their own: each transaction has three addresses that nobody else touches. */
  let name = 0;
  const fundMany = async (count: number): Promise<string[]> => {
    const block = story.mine({});
    await accept(block.block.raw);
    const outputs = Array.from({ length: count }, () => ({ to: `k${name++}`, sats: 1_000_000 }));
    const tx = story.spend({ inputs: [`${block.name}:0`], outputs });
    await accept(story.mine({ txs: [tx] }).block.raw);
    return outputs.map((_, i) => `${tx.txid}:${i}`);
  };
  const empty = async (): Promise<Units> => {
    const block = story.mine({ payTo: `k${name++}` });
    units.take();
    await accept(block.block.raw);
    return units.take();
  };
  const spendAll = async (coins: readonly string[], inputs: number) => {
    const txs: Tx[] = [];
    for (let at = 0; at < coins.length; at += inputs) {
      const own = coins.slice(at, at + inputs);
      const outputs = ['a', 'b'].map(() => ({ to: `k${name++}`, sats: 490_000 * inputs }));
      txs.push(story.spend({ inputs: own, outputs }));
    }
    units.take();
    for (const { raw } of txs) {
      const outcome = await mempool.accept(raw);
      if (outcome.status !== 'accepted') throw new Error(`not admitted: ${outcome.status}`);
    }
    const admission = units.take();
    const block = story.mine({ txs, payTo: `k${name++}` });
    units.take();
    await accept(block.block.raw);
    return { admission, block: units.take(), count: txs.length };
  };

  const ones = await fundMany(TXS);
  const twos = await fundMany(2 * TXS);
  const emptyBlock = await empty();
  const one = await spendAll(ones, 1);
  const two = await spendAll(twos, 2);
  const life = ({ admission, block, count }: typeof one): Units =>
    share(plus(admission, minus(block, emptyBlock)), count);
  await store.close();
  return {
    emptyBlock,
    oneIn: life(one),
    twoIn: life(two),
    admissionOneIn: share(one.admission, one.count),
  };
}
