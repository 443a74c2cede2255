/**
 * Blocks at the edges of rules that the chain's height moves: what a coinbase begins with, what it
 * may pay, when it may be spent, what is final. And blocks with bytes of a transaction changed, under
 * a header that is right for them. Whether a block is right is not known here.
 */
import { encodeBlock } from '../../lib/codec/block.ts';
import { txidOf } from '../../lib/codec/tx.ts';
import { ByteWriter } from '../../lib/codec/writer.ts';
import { medianTimePast } from '../../lib/consensus/context.ts';
import { subsidy } from '../../lib/consensus/subsidy.ts';
import { merkleRoot } from '../../lib/crypto/merkle.ts';
import type { Block, Tx } from '../../lib/types.ts';
import { mineHeader, type Story } from '../helpers/chain-builder.ts';
import type { Dice } from './random-blocks.ts';

export interface Offer {
  readonly name: string;
  readonly raw: Uint8Array;
}

/** The number's bytes in a script, little-endian, the sign in the top bit. */
function scriptNumber(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = Math.abs(value); rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
  if (((bytes.at(-1) ?? 0) & 0x80) !== 0) bytes.push(0);
  if (value < 0) bytes[bytes.length - 1] = (bytes.at(-1) as number) | 0x80;
  return bytes;
}

/** Beginnings of a coinbase script that name this height, in its right form and in others. */
function heightForms(height: number): number[][] {
  const bytes = scriptNumber(height);
  const push = [bytes.length, ...bytes];
  const padded = [bytes.length + 1, ...bytes, 0];
  const unsigned = bytes.at(-1) === 0 ? bytes.slice(0, -1) : bytes;
  return [
    push,
    padded,
    [bytes.length + 2, ...bytes, 0, 0],
    [unsigned.length, ...unsigned],
    [4, ...bytes, ...[0, 0, 0, 0].slice(bytes.length)],
    [0x4c, ...push],
    [0x4d, bytes.length, 0, ...bytes],
    [0x4e, bytes.length, 0, 0, 0, ...bytes],
    [bytes.length, ...bytes.toReversed()],
    [bytes.length, ...scriptNumber(-height)],
    [0x61, ...push],
    ...(height <= 16 ? [[0x50 + height]] : []),
  ];
}

function heightOffers(story: Story): Offer[] {
  const height = story.tip.entry.height + 1;
  const forms = [
    ...[height - 1, height, height + 1].flatMap(heightForms),
    [0],
    [0x4f],
    [0x51],
    [0x60],
    [],
  ];
  const endings = [[], [0x51], [4, 1, 2, 3, 4], [0x4c]];
  return forms.flatMap((form) =>
    endings.map((ending) => {
      const scriptSig = Uint8Array.of(...form, ...ending);
      const { raw } = story.build({
        coinbase: (fields) => ({
          ...fields,
          inputs: fields.inputs.map((input) => ({ ...input, scriptSig })),
        }),
      });
      return { name: `height ${height} as ${Buffer.from(scriptSig).toString('hex')}`, raw };
    }),
  );
}

/** A transaction that leaves `fee`, where alice has a coin old enough. */
function paying(story: Story, fee: number): Tx[] {
  const made = story.tip.entry.height + 1 - story.params.maturity;
  if (made < 1) return [];
  const { value } = story.output(`b${made}:0`).output;
  return [
    story.spend({ inputs: [`b${made}:0`], outputs: [{ to: 'bob', sats: value - BigInt(fee) }] }),
  ];
}

function rewardOffers(story: Story): Offer[] {
  const height = story.tip.entry.height + 1;
  const most = subsidy(height, story.params);
  const before = subsidy(Math.max(0, height - 1), story.params);
  return [0, 1000].flatMap((fee) => {
    const txs = paying(story, fee);
    const fees = txs.length === 0 ? 0 : fee;
    const rewards = [most + fees - 1, most + fees, most + fees + 1, before + fees, 2 * most, 0];
    return rewards.map((reward) => ({
      name: `height ${height}, fee ${fees}, reward ${reward}`,
      raw: story.build({ txs, reward: Math.max(0, reward) }).raw,
    }));
  });
}

function maturityOffers(story: Story): Offer[] {
  const height = story.tip.entry.height + 1;
  return [98, 99, 100, 101].flatMap((age) => {
    if (height - age < 1) return [];
    const coin = `b${height - age}:0`;
    const outputs = [{ to: 'bob', sats: 1 }];
    return [1, 2].map((version) => ({
      name: `height ${height}, a coinbase of age ${age}, version ${version}`,
      raw: story.build({
        txs: [story.spend({ version, inputs: [{ coin, sequence: age }], outputs })],
      }).raw,
    }));
  });
}

function lockOffers(story: Story): Offer[] {
  const height = story.tip.entry.height + 1;
  const median = medianTimePast(story.tip.entry);
  const locks = [height - 1, height, 499_999_999, 500_000_000, median - 1, median, 0xffff_ffff];
  return locks.flatMap((lockTime) =>
    [0xffff_ffff, 0xffff_fffe, 0].map((sequence) => ({
      name: `height ${height}, a coinbase of lock ${lockTime}, sequence ${sequence}`,
      raw: story.build({
        coinbase: (fields) => ({
          ...fields,
          lockTime,
          inputs: fields.inputs.map((input) => ({ ...input, sequence })),
        }),
      }).raw,
    })),
  );
}

function headerOffers(story: Story): Offer[] {
  const { header, height } = story.tip.entry;
  const median = medianTimePast(story.tip.entry);
  const times = [median, median + 1, header.time - 1, header.time + 7200, header.time + 7201];
  const bits = [0x207ffffe, 0x1f7fffff, 0x2000ffff, 0x21007fff];
  const versions = [-1, 0, 3, 4, 5, 0x7fff_ffff, -0x8000_0000];
  return [
    ...times.map((time) => ({ name: `time ${time - median}`, raw: story.build({ time }).raw })),
    ...bits.map((one) => ({
      name: `bits ${one.toString(16)}`,
      raw: story.build({ bits: one }).raw,
    })),
    ...versions.map((version) => ({
      name: `version ${version}`,
      raw: story.build({ version }).raw,
    })),
  ].map(({ name, raw }) => ({ name: `height ${height + 1}, ${name}`, raw }));
}

/** Above the story's tip; `b<height>:0` of every block below is alice's. */
export const edgeOffers = (story: Story): Offer[] => [
  ...heightOffers(story),
  ...rewardOffers(story),
  ...maturityOffers(story),
  ...lockOffers(story),
  ...headerOffers(story),
];

/** Some bytes flipped, left out, put in, or overwritten by numbers at an edge. */
function changed(dice: Dice, raw: Uint8Array): Uint8Array {
  const at = dice(raw.length);
  const rest = raw.subarray(at + 1);
  const kind = dice(5);
  if (kind === 0) return Uint8Array.of(...raw.subarray(0, at), ...rest);
  if (kind === 1) return Uint8Array.of(...raw.subarray(0, at), dice(256), ...raw.subarray(at));
  const copy = raw.slice();
  if (kind === 2) copy[at] = [0, 1, 0x7f, 0x80, 0xfd, 0xfe, 0xff][dice(7)] as number;
  else if (kind === 3) copy[at] = (copy[at] as number) ^ (1 << dice(8));
  else copy.fill(dice(2) === 0 ? 0 : 0xff, at, at + 1 + dice(8));
  return copy;
}

/** The block with one of its transactions changed byte by byte; root and work are right again. */
export function spoiledBlock(dice: Dice, block: Block): Uint8Array {
  const raws = block.txs.map(({ raw }) => raw);
  const which = dice(3) === 0 ? 0 : dice(raws.length);
  raws[which] = changed(dice, raws[which] as Uint8Array);
  const { root } = merkleRoot(raws.map(txidOf));
  const header = mineHeader({ ...block.header, merkleRoot: root, nonce: 0 });
  const to = new ByteWriter().bytes(encodeBlock(header, []).subarray(0, 80));
  to.compactSize(raws.length);
  for (const raw of raws) to.bytes(raw);
  return to.done();
}
