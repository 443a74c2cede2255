/**
 * Blocks at random, most of them nearly right: each throws a few dice at the places where rules
 * have edges. For judging by another implementation; whether a block is right is not known here.
 */
import { equalBytes } from '../../lib/codec/hex.ts';
import { makeTx, type TxFields } from '../../lib/codec/tx.ts';
import { medianTimePast } from '../../lib/consensus/context.ts';
import { encodeDer } from '../../lib/crypto/der.ts';
import { sign } from '../../lib/crypto/ecdsa.ts';
import { p2pkhScriptSig } from '../../lib/script/p2pkh.ts';
import { sighash } from '../../lib/script/sighash.ts';
import type { Block, Tx, TxOut } from '../../lib/types.ts';
import { type Story, script } from '../helpers/chain-builder.ts';

export type Dice = (below: number) => number;

const BY_TIME = 0x0040_0000;
const HASH = '22'.repeat(20);
const SCRIPTS = [
  `76a914${HASH}88ac`,
  `76a914${HASH}88ac`,
  '6a',
  '6a0101',
  `6a4c50${'00'.repeat(80)}`,
  `6a24aa21a9ed${'00'.repeat(32)}`,
  `a914${HASH}87`,
  `0014${HASH}`,
  `21${'02'.repeat(33)}ac`,
  '',
  '51',
  '6a4cff',
  `5121${'02'.repeat(33)}51ae`,
].map((hex) => script(hex));
const VERSIONS = [1, 1, 2, 2, 2, 0, -1, 3, 0x7fff_ffff, -0x8000_0000];
const BLOCK_VERSIONS = [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 0x2000_0000, 0x7fff_ffff, 3, -1];

const pick = <T>(dice: Dice, from: readonly T[]): T => from[dice(from.length)] as T;

function sequence(dice: Dice): number {
  const edges = [0xffff_ffff, 0xffff_ffff, 0xffff_fffe, 0, 1, 2, 99, 100, 101, 0x8000_0001];
  const kind = dice(12);
  if (kind === 0) return BY_TIME + dice(130);
  if (kind === 1) return dice(0x40) * 0x1_0000 + dice(110);
  // Switched off.
  if (kind < 9) return 0xffff_fffd;
  return pick(dice, edges);
}

/** The longest relative lock that this coin has outlived in the next block, or one unit more. */
function edgeSequence(dice: Dice, story: Story, coin: string): number {
  const { height } = story.tip.entry;
  const view = story.coins(story.tip);
  const made = view.coin(story.output(coin).outpoint)?.height ?? height + 1;
  if (dice(2) === 0) return height + 1 - made + dice(2);
  const since = view.medianTimePast(Math.min(Math.max(made - 1, 0), height));
  return BY_TIME + Math.floor((medianTimePast(story.tip.entry) - since) / 512) + dice(2);
}

function lockTime(dice: Dice, story: Story): number {
  const median = medianTimePast(story.tip.entry);
  const height = story.tip.entry.height + 1;
  const edges = [height - 1, height, height + 1, 499_999_999, 500_000_000, 0xffff_ffff];
  const times = [median - 1, median, median + 1, story.tip.entry.header.time + 600];
  return dice(4) !== 0 ? 0 : pick(dice, [...edges, ...times]);
}

/** One transaction; its coins are named in `coins`, which it takes from and adds to. */
function transaction(dice: Dice, story: Story, coins: string[]): Tx {
  const count = 1 + dice(2);
  const inputs = Array.from({ length: count }, () => {
    const place = dice(coins.length);
    // Now and then a coin is left for another to spend again.
    const [coin] = dice(12) === 0 ? [coins[place]] : coins.splice(place, 1);
    const name = coin as string;
    const at = dice(4) === 0 ? edgeSequence(dice, story, name) : sequence(dice);
    return { coin: name, sequence: at };
  });
  const total = inputs.reduce((sum, { coin }) => sum + story.output(coin).output.value, 0n);
  const fee = BigInt(pick(dice, [0, 0, 1, 1000, 1000, -1]));
  const first = dice(3) === 0 ? pick(dice, SCRIPTS) : story.key('alice').script;
  const isData = first[0] === 0x6a && dice(8) !== 0;
  const outputs = isData
    ? [
        { to: first, sats: 0n },
        { to: 'alice', sats: total - fee },
      ]
    : [
        { to: first, sats: (total - fee) / 2n },
        { to: 'alice', sats: total - fee - (total - fee) / 2n },
      ];
  const name = `r${dice(0x1_0000_0000)}`;
  const plan = { version: pick(dice, VERSIONS), lockTime: lockTime(dice, story), outputs };
  const tx = story.spend({ ...plan, name, inputs });
  coins.push(
    ...tx.outputs.flatMap((_, vout) => (spendable(tx, vout, story) ? `${name}:${vout}` : [])),
  );
  return dice(6) === 0 ? spoiled(dice, story, tx) : tx;
}

const spendable = (tx: Tx, vout: number, story: Story): boolean => {
  const { scriptPubKey } = tx.outputs[vout] as TxOut;
  return equalBytes(scriptPubKey, story.key('alice').script);
};

/** The transaction with another scriptSig in its first input. */
function spoiled(dice: Dice, story: Story, tx: Tx): Tx {
  const { secret, publicKey, script: own } = story.key('alice');
  const [input, ...others] = tx.inputs;
  if (input === undefined) return tx;
  const kind = dice(3);
  let scriptSig: Uint8Array = input.scriptSig.slice();
  if (kind === 0) {
    const type = pick(dice, [0, 1, 2, 3, 0x81, 0x83]);
    const der = encodeDer(sign(sighash(tx, 0, own, type), secret));
    scriptSig = p2pkhScriptSig(Uint8Array.of(...der, type), publicKey);
  } else if (kind === 1) {
    const at = dice(scriptSig.length);
    scriptSig[at] = (scriptSig[at] as number) ^ (1 << dice(8));
  } else {
    const at = dice(scriptSig.length);
    scriptSig = Uint8Array.of(...scriptSig.subarray(0, at), dice(256), ...scriptSig.subarray(at));
  }
  return makeTx({ ...tx, inputs: [{ ...input, scriptSig }, ...others] });
}

function coinbase(dice: Dice, story: Story, fields: TxFields): TxFields {
  const ending = Uint8Array.from({ length: dice(4) === 0 ? dice(100) : 0 }, () =>
    pick(dice, [0, 1, 2, 0x4c, 0xac, 0xae, 0x6a]),
  );
  return {
    ...fields,
    version: pick(dice, VERSIONS),
    lockTime: dice(3) === 0 ? lockTime(dice, story) : 0,
    inputs: fields.inputs.map((input) => {
      const scriptSig = Uint8Array.of(...input.scriptSig, ...ending);
      if (dice(25) === 0) scriptSig[dice(2)] = dice(256);
      return { ...input, scriptSig, sequence: dice(3) === 0 ? sequence(dice) : input.sequence };
    }),
  };
}

function arranged(dice: Dice, txs: readonly Tx[]): readonly Tx[] {
  const kind = dice(20);
  if (kind === 0) return [...txs].reverse();
  if (kind === 1) return [...txs, txs.at(-1) as Tx];
  if (kind === 2) return txs.slice(1);
  return txs;
}

/** A block above the story's tip, of coins that `alice` has: their names are given. */
export function randomBlock(dice: Dice, story: Story, coins: readonly string[]): Block {
  const own = [...coins];
  const txs = Array.from({ length: dice(5) }, () => transaction(dice, story, own));
  const { time } = story.tip.entry.header;
  const least = medianTimePast(story.tip.entry);
  const outputs: TxOut[] = Array.from({ length: dice(3) === 0 ? 1 + dice(2) : 0 }, () => ({
    value: dice(6) === 0 ? 1n : 0n,
    scriptPubKey: pick(dice, SCRIPTS),
  }));
  const plan = {
    txs,
    moreOutputs: outputs,
    version: pick(dice, BLOCK_VERSIONS),
    time: dice(8) === 0 ? pick(dice, [least, least + 1, time, time + 7200, time + 7201]) : time + 1,
    coinbase: (fields: TxFields) => coinbase(dice, story, fields),
    arrange: (all: readonly Tx[]) => arranged(dice, all),
    unmined: dice(60) === 0,
  };
  const right = story.build(plan);
  if (dice(8) !== 0) return right;
  const reward = Number(right.txs[0]?.outputs[0]?.value ?? 0n) + pick(dice, [-1, 1]);
  return story.build({ txs, reward: Math.max(reward, 0) });
}
