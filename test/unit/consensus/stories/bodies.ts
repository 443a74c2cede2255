/** Stories of bodies: what stands in a block, before any coin is looked at. */
import { encodeBlock, makeBlock } from '../../../../lib/codec/block.ts';
import { makeTx, type TxFields } from '../../../../lib/codec/tx.ts';
import { ByteWriter } from '../../../../lib/codec/writer.ts';
import type { Block, Hash, Tx, TxOut } from '../../../../lib/types.ts';
import type { Story } from '../../../helpers/chain-builder.ts';
import { script } from '../../../helpers/chain-builder.ts';
import { accepts, type BlockStory, COIN, tells } from './story-base.ts';

const COINBASE_BYTES_MAX = 100;
const ZERO_ROOT = '0'.repeat(64) as Hash;
const data = (length: number): TxOut => ({
  value: 0n,
  scriptPubKey: Uint8Array.of(0x6a, 0x4c, length, ...new Uint8Array(length)),
});
const pays = (story: Story, from: string, sats = COIN / 2): Tx =>
  story.pay({ from, to: 'bob', sats });

const endCoinbase = (fields: TxFields, ending: Uint8Array): TxFields => ({
  ...fields,
  inputs: fields.inputs.map((input) => ({
    ...input,
    scriptSig: Uint8Array.of(...input.scriptSig, ...ending),
  })),
});

/** An otherwise empty block of exactly so many bytes: OP_RETURNs in its coinbase, no sigops. */
function blockOf(story: Story, bytes: number): Block {
  const whole = data(80);
  const each = 8 + 1 + whole.scriptPubKey.length;
  const outputs = Array.from({ length: Math.floor((bytes - 300) / each) }, () => whole);
  let short = bytes - story.build({ moreOutputs: outputs }).raw.length;
  for (; short >= each; short -= each) outputs.push(whole);
  // The last bytes in the coinbase script, which has room for more than one output's.
  return story.build({
    moreOutputs: outputs,
    coinbase: (fields) => endCoinbase(fields, new Uint8Array(short)),
  });
}

/** A block with so many P2PKH outputs, and what its coinbase script ends with. */
const sigopsOf = (story: Story, outputs: number, ending = ''): Block =>
  story.build({
    moreOutputs: Array.from({ length: outputs - 1 }, () => ({
      value: 0n,
      scriptPubKey: story.key('alice').script,
    })),
    coinbase: (fields) => endCoinbase(fields, script(ending)),
  });

/** Forty coins into so many outputs of data: each input signs all of them. */
const hashing = (story: Story, outputs: number): Block =>
  story.build({
    txs: [
      story.spend({
        inputs: Array.from({ length: 40 }, (_, i) => `split:${i}`),
        outputs: Array.from({ length: outputs }, () => ({ to: data(80).scriptPubKey, sats: 0 })),
      }),
    ],
  });

const coinbaseScript = (story: Story, hex: string): Block =>
  story.build({
    coinbase: (fields) => ({
      ...fields,
      inputs: fields.inputs.map((input) => ({ ...input, scriptSig: script(hex) })),
    }),
  });

/** 64 bytes that decode as a transaction. */
const ambiguous = (story: Story): Tx => {
  const { txid, vout } = story.output('split:0');
  return makeTx({
    version: 1,
    inputs: [{ prevout: { txid, vout }, scriptSig: script('51515151'), sequence: 0 }],
    outputs: [{ value: 0n, scriptPubKey: new Uint8Array(0) }],
    lockTime: 0,
  });
};

const changed = (story: Story, index: number, change: (tx: Tx) => Partial<Tx>): Block =>
  story.build({
    txs: [pays(story, 'split:0')],
    arrange: (txs) => txs.map((tx, i) => (i === index ? makeTx({ ...tx, ...change(tx) }) : tx)),
  });

const decoding: readonly BlockStory[] = [
  tells(
    'a byte too many',
    'stack-trailing-bytes',
    (story) => ({
      raw: Uint8Array.of(...story.build().raw, 0),
    }),
    { kind: 'mutated' },
  ),
  tells(
    'a byte too few',
    'block-decode-failed',
    (story) => ({
      raw: story.build().raw.subarray(0, -1),
    }),
    { kind: 'mutated' },
  ),
  tells(
    'a count in a longer form',
    'block-decode-failed',
    (story) => {
      const { header, txs } = story.build();
      const to = new ByteWriter().bytes(header.raw).u8(0xfd).u16(1);
      return { raw: to.bytes((txs[0] as Tx).raw).done() };
    },
    { kind: 'mutated' },
  ),
  tells(
    'a coinbase with a witness',
    'stack-witness',
    (story) => {
      const { header, txs } = story.build();
      const { raw } = txs[0] as Tx;
      const to = new ByteWriter().bytes(header.raw).u8(1);
      // BIP144: marker and flag, one item of 32 bytes before the lock time.
      to.bytes(raw.subarray(0, 4)).u8(0).u8(1).bytes(raw.subarray(4, -4));
      to.u8(1).varBytes(new Uint8Array(32)).bytes(raw.subarray(-4));
      return { raw: to.done() };
    },
    { kind: 'mutated' },
  ),
];

const merkle: readonly BlockStory[] = [
  tells(
    'another root',
    'bad-txnmrklroot',
    (story) => story.build({ header: (fields) => ({ ...fields, merkleRoot: ZERO_ROOT }) }),
    { kind: 'mutated' },
  ),
  tells(
    'a transaction left out',
    'bad-txnmrklroot',
    (story) => {
      const { header, txs } = story.build({ txs: [pays(story, 'split:0')] });
      return makeBlock(header, txs.slice(0, 1));
    },
    { kind: 'mutated' },
  ),
  tells(
    'the last transaction twice under the same root',
    'bad-txns-duplicate',
    (story) => {
      const { header, txs } = story.build({
        txs: [pays(story, 'split:0'), pays(story, 'split:1')],
      });
      return makeBlock(header, [...txs, txs[2] as Tx]);
    },
    { kind: 'mutated' },
  ),
  tells(
    'the last two twice under the same root',
    'bad-txns-duplicate',
    (story) => {
      const from = [0, 1, 2, 3, 4].map((i) => `split:${i}`);
      const { header, txs } = story.build({ txs: from.map((coin) => pays(story, coin)) });
      return makeBlock(header, [...txs, ...txs.slice(4)]);
    },
    { kind: 'mutated' },
  ),
  tells(
    'a transaction of 64 bytes',
    'stack-64-bytes',
    (story) => story.build({ txs: [ambiguous(story)] }),
    { kind: 'mutated' },
  ),
  tells(
    '64 bytes in place of the coinbase',
    'stack-64-bytes',
    (story) => story.build({ arrange: () => [ambiguous(story)] }),
    { kind: 'mutated' },
  ),
];

const sizes: readonly BlockStory[] = [
  tells(
    'no transaction',
    'bad-blk-length',
    (story) => {
      const { header } = story.build({
        arrange: () => [],
        header: (fields) => ({ ...fields, merkleRoot: ZERO_ROOT }),
      });
      return { raw: encodeBlock(header, []) };
    },
    { kind: 'consensus' },
  ),
  accepts('1,000,000 bytes', (story) => blockOf(story, 1_000_000)),
  tells('1,000,001 bytes', 'bad-blk-length', (story) => blockOf(story, 1_000_001)),
  // 40 inputs of 41 bytes, outputs of 92 bytes, 12 bytes besides.
  accepts('24,999,360 bytes to sign', (story) => hashing(story, 6775)),
  tells('25,003,040 bytes to sign', 'stack-sighash-bytes', (story) => hashing(story, 6776)),
  accepts('20,000 sigops', (story) => sigopsOf(story, 20_000)),
  tells('20,001 sigops', 'bad-blk-sigops', (story) => sigopsOf(story, 20_001)),
  tells('the coinbase script counts', 'bad-blk-sigops', (story) => sigopsOf(story, 20_000, 'ac')),
  tells('a CHECKMULTISIG counts 20', 'bad-blk-sigops', (story) => sigopsOf(story, 19_981, 'ae')),
  accepts('19,980 and a CHECKMULTISIGVERIFY', (story) => sigopsOf(story, 19_980, 'af')),
  accepts('nothing counts after a broken push', (story) => sigopsOf(story, 20_000, '4cffacac')),
  accepts('nothing counts within a push', (story) => sigopsOf(story, 20_000, '02acad')),
];

const coinbases: readonly BlockStory[] = [
  tells('no coinbase', 'bad-cb-missing', (story) =>
    story.build({ txs: [pays(story, 'split:0')], arrange: ([, tx]) => [tx as Tx] }),
  ),
  tells('the coinbase second', 'bad-cb-missing', (story) =>
    story.build({
      txs: [pays(story, 'split:0')],
      arrange: ([coinbase, tx]) => [tx as Tx, coinbase as Tx],
    }),
  ),
  tells('two coinbases', 'bad-cb-multiple', (story) =>
    story.build({
      arrange: ([coinbase]) => [coinbase as Tx, makeTx({ ...(coinbase as Tx), lockTime: 1 })],
    }),
  ),
  tells('a script of 1 byte', 'bad-cb-length', (story) => coinbaseScript(story, '51')),
  tells('a script of 101 bytes', 'bad-cb-length', (story) =>
    coinbaseScript(story, `016b${'00'.repeat(COINBASE_BYTES_MAX - 1)}`),
  ),
  accepts('a script of 100 bytes', (story) =>
    coinbaseScript(story, `016b${'00'.repeat(COINBASE_BYTES_MAX - 2)}`),
  ),
  // Height 107 is 6b.
  accepts('the height alone', (story) => coinbaseScript(story, '016b')),
  tells('another height', 'bad-cb-height', (story) => coinbaseScript(story, '016c')),
  tells('the height in a longer push', 'bad-cb-height', (story) => coinbaseScript(story, '026b00')),
  tells('the height by OP_PUSHDATA1', 'bad-cb-height', (story) => coinbaseScript(story, '4c016b')),
  tells('no height', 'bad-cb-height', (story) => coinbaseScript(story, '0000')),
  tells('a commitment to a witness', 'stack-commitment', (story) =>
    story.build({
      moreOutputs: [{ value: 0n, scriptPubKey: script(`6a24aa21a9ed${'00'.repeat(32)}`) }],
    }),
  ),
  accepts('a commitment elsewhere is data', (story) => {
    const scriptPubKey = script(`6a24aa21a9ed${'00'.repeat(32)}`);
    const outputs = [{ to: scriptPubKey, sats: 0 }];
    return story.build({ txs: [story.spend({ inputs: ['split:0'], outputs })] });
  }),
  accepts('data that begins alike but is no commitment', (story) =>
    story.build({
      moreOutputs: [{ value: 0n, scriptPubKey: script(`6a23aa21a9ed${'00'.repeat(31)}`) }],
    }),
  ),
];

const transactions: readonly BlockStory[] = [
  tells('no inputs', 'bad-txns-vin-empty', (story) => changed(story, 1, () => ({ inputs: [] }))),
  tells('no outputs', 'bad-txns-vout-empty', (story) => changed(story, 1, () => ({ outputs: [] }))),
  tells('a coinbase without outputs', 'bad-txns-vout-empty', (story) =>
    changed(story, 0, () => ({ outputs: [] })),
  ),
  tells('an output of -1', 'bad-txns-vout-negative', (story) =>
    changed(story, 1, ({ outputs }) => ({ outputs: [{ ...(outputs[0] as TxOut), value: -1n }] })),
  ),
  tells('an output of 21e14 + 1', 'bad-txns-vout-toolarge', (story) =>
    changed(story, 1, ({ outputs }) => ({
      outputs: [{ ...(outputs[0] as TxOut), value: 2_100_000_000_000_001n }],
    })),
  ),
  tells('outputs of 21e14 + 1', 'bad-txns-txouttotal-toolarge', (story) =>
    changed(story, 1, ({ outputs: [output] }) => ({
      outputs: [2_100_000_000_000_000n, 1n].map((value) => ({ ...(output as TxOut), value })),
    })),
  ),
  tells('a coin twice in one transaction', 'bad-txns-inputs-duplicate', (story) =>
    story.build({
      txs: [
        story.spend({
          inputs: ['split:0', 'split:0'],
          outputs: [{ to: 'bob', sats: 2 * COIN }],
        }),
      ],
    }),
  ),
  tells('a null prevout beside another', 'bad-txns-prevout-null', (story) =>
    changed(story, 1, ({ inputs: [input] }) => {
      const nothing = story.build().txs[0]?.inputs[0];
      if (input === undefined || nothing === undefined) throw new Error('no inputs');
      return { inputs: [input, nothing] };
    }),
  ),
];

export const bodyStories: readonly BlockStory[] = [
  ...decoding,
  ...merkle,
  ...sizes,
  ...coinbases,
  ...transactions,
];
