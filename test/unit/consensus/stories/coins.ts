/** Stories of coins: what may be spent, and what a block may pay. */
import { checkTransaction } from '../../../../lib/consensus/check-transaction.ts';
import type { Sats } from '../../../../lib/types.ts';
import { type Story, script } from '../../../helpers/chain-builder.ts';
import { accepts, type BlockStory, COIN, easyBase, SUBSIDY, tells } from './story-base.ts';

const MONEY_MAX = 2_100_000_000_000_000;
/** Each block makes all coins there may be. */
const rich = easyBase({ subsidySats: MONEY_MAX as Sats }, 4);
const sleepy = easyBase({ maturity: 3 }, 5);

const one = (story: Story, coin: string, sats = COIN, name?: string) =>
  story.spend({ ...(name && { name }), inputs: [coin], outputs: [{ to: 'bob', sats }] });
const output = (to: string, sats: number | bigint) => ({
  value: BigInt(sats),
  scriptPubKey: script(to),
});
const HASH = '11'.repeat(20);

const spending: readonly BlockStory[] = [
  accepts('a coin', (story) => story.build({ txs: [one(story, 'split:0')] })),
  tells('a coin that never was', 'bad-txns-inputs-missingorspent', (story) => {
    const parent = one(story, 'split:0', COIN, 'never mined');
    return story.build({ txs: [one(story, `${parent.txid}:0`)] });
  }),
  tells('a coin that was spent', 'bad-txns-inputs-missingorspent', (story) =>
    story.build({ txs: [one(story, 'b1:0')] }),
  ),
  tells('a coin by two transactions', 'bad-txns-inputs-missingorspent', (story) =>
    story.build({ txs: [one(story, 'split:0'), one(story, 'split:0', COIN - 1)] }),
  ),
  accepts('a parent, then its child', (story) => {
    const parent = one(story, 'split:0', COIN, 'parent');
    return story.build({ txs: [parent, one(story, 'parent:0')] });
  }),
  tells('a child, then its parent', 'bad-txns-inputs-missingorspent', (story) => {
    const parent = one(story, 'split:0', COIN, 'late parent');
    return story.build({ txs: [one(story, 'late parent:0'), parent] });
  }),
  tells('data is no coin', 'bad-txns-inputs-missingorspent', (story) => {
    story.spend({ name: 'data', inputs: ['split:0'], outputs: [{ to: script('6a'), sats: 0 }] });
    const scriptSig = story.spend({ inputs: ['split:1'], outputs: [{ to: 'bob', sats: 0 }] })
      .inputs[0]?.scriptSig as Uint8Array;
    const child = story.spend({
      inputs: [{ coin: 'data:0', scriptSig }],
      outputs: [{ to: 'bob', sats: 0 }],
    });
    return story.build({ txs: ['data', child] });
  }),
  accepts('a coin of nothing', (story) => {
    story.spend({
      name: 'nothing',
      inputs: ['split:0'],
      outputs: [
        { to: 'alice', sats: 0 },
        { to: 'bob', sats: COIN },
      ],
    });
    return story.build({ txs: ['nothing', one(story, 'nothing:0', 0)] });
  }),
  tells("block 0's coin on regtest", 'bad-txns-inputs-missingorspent', (story) => {
    const { txid } = story.genesis.block.txs[0] ?? story.tx('b1');
    const scriptSig = one(story, 'split:0').inputs[0]?.scriptSig as Uint8Array;
    const inputs = [{ coin: `${txid}:0`, scriptSig }];
    return story.build({ txs: [story.spend({ inputs, outputs: [{ to: 'bob', sats: 1 }] })] });
  }),
];

const maturity: readonly BlockStory[] = [
  // The next block is 107: 7 is a hundred below.
  accepts('a coinbase of 100 blocks ago', (story) =>
    story.build({ txs: [one(story, 'b7:0', SUBSIDY)] }),
  ),
  tells('a coinbase of 99 blocks ago', 'bad-txns-premature-spend-of-coinbase', (story) =>
    story.build({ txs: [one(story, 'b8:0', SUBSIDY)] }),
  ),
  accepts('maturity 3: three blocks ago', (s) => s.build({ txs: [one(s, 'b3:0')] }), sleepy),
  tells(
    'maturity 3: two blocks ago',
    'bad-txns-premature-spend-of-coinbase',
    (story) => story.build({ txs: [one(story, 'b4:0')] }),
    { base: sleepy },
  ),
  tells(
    'maturity 1: the coinbase of its own block',
    'bad-txns-premature-spend-of-coinbase',
    (story) => {
      const { txs } = story.build();
      // The same script in both: the serial number is put back.
      const [coinbase] = txs;
      if (coinbase === undefined) throw new Error('no coinbase');
      story.name(coinbase, 'own');
      return story.build({
        txs: [one(story, 'own:0', 1)],
        arrange: ([, tx]) => (tx === undefined ? [] : [coinbase, tx]),
      });
    },
    { base: easyBase({}, 2) },
  ),
];

const money: readonly BlockStory[] = [
  tells('outputs above inputs', 'bad-txns-in-belowout', (story) =>
    story.build({ txs: [one(story, 'split:0', COIN + 1)] }),
  ),
  accepts('subsidy and fees', (story) => {
    const block = story.build({ txs: [one(story, 'split:0', COIN - 777)] });
    const value = block.txs[0]?.outputs[0]?.value;
    if (value !== BigInt(SUBSIDY + 777)) throw new Error(`the fee is not in ${value}`);
    return block;
  }),
  accepts('less than that', (story) => story.build({ reward: 5 })),
  accepts('nothing', (story) => story.build({ reward: 0 })),
  tells('one more than subsidy and fees', 'bad-cb-amount', (story) =>
    story.build({ txs: [one(story, 'split:0', COIN - 777)], reward: SUBSIDY + 778 }),
  ),
  tells('one more in a second output', 'bad-cb-amount', (story) =>
    story.build({ moreOutputs: [output(`76a914${HASH}88ac`, 1)] }),
  ),
  tells(
    'inputs above 21e14',
    'bad-txns-inputvalues-outofrange',
    (story) =>
      story.build({
        reward: 0,
        txs: [story.spend({ inputs: ['b1:0', 'b2:0'], outputs: [{ to: 'bob', sats: 1 }] })],
      }),
    { base: rich },
  ),
  tells(
    'fees above 21e14',
    'bad-txns-accumulated-fee-outofrange',
    (story) => story.build({ txs: [one(story, 'b1:0', 0), one(story, 'b2:0', 0)], reward: 0 }),
    { base: rich },
  ),
  accepts(
    'fees of 21e14',
    (story) => story.build({ txs: [one(story, 'b1:0', 0)], reward: 0 }),
    rich,
  ),
];

const outputs: readonly BlockStory[] = [
  tells('a coinbase that pays a bare key', 'stack-output', (story) =>
    story.build({ payTo: script(`21${'02'.repeat(33)}ac`) }),
  ),
  tells('a payment to a script hash', 'stack-output', (story) =>
    story.build({
      txs: [
        story.spend({ inputs: ['split:0'], outputs: [{ to: script(`a914${HASH}87`), sats: 1 }] }),
      ],
    }),
  ),
  tells('data with a value', 'stack-op-return', (story) =>
    story.build({
      txs: [story.spend({ inputs: ['split:0'], outputs: [{ to: script('6a'), sats: 1 }] })],
    }),
  ),
  tells('81 bytes of data', 'stack-op-return', (story) =>
    story.build({ moreOutputs: [output(`6a4c51${'00'.repeat(81)}`, 0)] }),
  ),
  accepts('80 bytes of data, twice', (story) => {
    const data = output(`6a4c50${'00'.repeat(80)}`, 0);
    return story.build({ moreOutputs: [data, data] });
  }),
  accepts('any version', (story) => {
    const tx = story.spend({
      inputs: ['split:0'],
      outputs: [{ to: 'bob', sats: 1 }],
      version: -0x8000_0000,
    });
    if (!checkTransaction(tx).ok) throw new Error('refused alone');
    return story.build({ txs: [tx] });
  }),
];

export const coinStories: readonly BlockStory[] = [...spending, ...maturity, ...money, ...outputs];
