/**
 * What admission costs beside the signature that it must check anyway: payments of one input and two
 * outputs into an empty mempool, one after the other and 16 at once, over memory and LevelDB; then a
 * template of all of them, and one more after a single newcomer.
 *
 *   npx node bench/mempool.ts [--txs 2000]
 */
import { parseArgs } from 'node:util';
import { createNativeVerifier } from '../lib/adapters/native-verifier.ts';
import { createNobleVerifier } from '../lib/adapters/noble-verifier.ts';
import { inputSignatureCheck } from '../lib/script/index.ts';
import type { Tx } from '../lib/types.ts';
import { inAWord, MempoolWorld, type StoreKind } from '../test/helpers/mempool-world.ts';

const { values } = parseArgs({ options: { txs: { type: 'string', default: '2000' } } });
const count = Number(values.txs);
const AT_ONCE = 16;

async function perSecond(items: number, task: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await task();
  return items / ((performance.now() - start) / 1000);
}

async function milliseconds(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task();
  return performance.now() - start;
}

async function acceptAll(world: MempoolWorld, txs: readonly Tx[], atOnce: number): Promise<void> {
  for (let at = 0; at < txs.length; at += atOnce) {
    const outcomes = await Promise.all(txs.slice(at, at + atOnce).map((tx) => world.accept(tx)));
    for (const outcome of outcomes) {
      if (outcome.status !== 'accepted') throw new Error(`refused: ${inAWord(outcome)}`);
    }
  }
}

/** Signed payments, each of its own coin in the chain. */
async function payments(world: MempoolWorld, wanted: number): Promise<Tx[]> {
  const sats = 100_000;
  const fan = world.story.spend({
    inputs: ['b1:0'],
    outputs: Array.from({ length: wanted }, () => ({ to: 'alice', sats })),
  });
  await world.mine({ txs: [fan] });
  return Array.from({ length: wanted }, (_, i) =>
    world.story.pay({ from: `${fan.txid}:${i}`, to: 'bob', sats: 1000, fee: 300 + (i % 500) }),
  );
}

async function verifyAll(world: MempoolWorld, txs: readonly Tx[]): Promise<void> {
  const verifier = createNativeVerifier() ?? createNobleVerifier();
  for (const tx of txs) {
    const check = inputSignatureCheck(tx, 0, world.story.script('alice'));
    if (!check.ok || (await verifier.firstInvalid([check.value])) >= 0) throw new Error('invalid');
  }
}

const line = (name: string, value: string): void => console.log(`${name.padEnd(44)} ${value}`);

for (const store of ['memory', 'leveldb'] as const satisfies readonly StoreKind[]) {
  const world = await MempoolWorld.open({ store, blocks: 6 });
  process.stderr.write(`signing ${count} payments\n`);
  const txs = await payments(world, count);
  const last = txs.pop() as Tx;
  const half = Math.floor(txs.length / 2);
  const bare = await perSecond(txs.length, () => verifyAll(world, txs));
  const single = await perSecond(half, () => acceptAll(world, txs.slice(0, half), 1));
  const many = await perSecond(txs.length - half, () => acceptAll(world, txs.slice(half), AT_ONCE));
  const ratio = (rate: number): string =>
    `${rate.toFixed(0)}/s, ${(rate / bare).toFixed(2)} of checking signatures alone`;
  line(`${store}: signatures alone`, `${bare.toFixed(0)}/s`);
  line(`${store}: admission, one by one`, ratio(single));
  line(`${store}: admission, ${AT_ONCE} at once`, ratio(many));
  const template = () => world.templates.template();
  line(`${store}: template of ${txs.length}`, `${(await milliseconds(template)).toFixed(0)} ms`);
  await world.accept(last);
  line(`${store}: after one more`, `${(await milliseconds(template)).toFixed(0)} ms`);
  line(`${store}: unchanged`, `${(await milliseconds(template)).toFixed(2)} ms`);
  await world.close();
}
