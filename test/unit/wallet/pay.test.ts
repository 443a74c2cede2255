/** Payments: built, signed, verified by another library's arithmetic; what is refused and retried. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { openMemoryKeystore } from '../../../lib/adapters/keystore.ts';
import { createNobleVerifier } from '../../../lib/adapters/noble-verifier.ts';
import { decodeTx, makeTx, parseAddress } from '../../../lib/codec/index.ts';
import type { Signer } from '../../../lib/ports/signer.ts';
import { refuse } from '../../../lib/rejects.ts';
import { inputSignatureCheck, p2pkhScript } from '../../../lib/script/index.ts';
import { type Sats, type Tx, type Txid, type Verdict, valid } from '../../../lib/types.ts';
import { buildTransaction } from '../../../lib/wallet/build-transaction.ts';
import { buildPayment, sendPayment } from '../../../lib/wallet/pay.ts';
import { INPUTS_MAX, txBytesMax } from '../../../lib/wallet/sizes.ts';
import type { CoinSource, Keystore, SpendableCoin } from '../../../lib/wallet/types.ts';
import { fuzzSeed } from '../../helpers/fuzz.ts';
import { must, reasonOf } from '../../helpers/vectors.ts';

const ADDRESS_VERSION = 0x6f;
const verifier = createNobleVerifier();

let keystore: Keystore;
let from: string;
let to: string;
beforeEach(async () => {
  keystore = await openMemoryKeystore({ addressVersion: ADDRESS_VERSION, wifVersion: 0xef });
  from = (await keystore.newAddress()).address;
  to = (await keystore.newAddress()).address;
});

const scriptOf = (address: string): Uint8Array => p2pkhScript(must(parseAddress(address)).hash160);

/** A transaction that pays these values to the address: coins with a parent that can be shown. */
function parentOf(address: string, values: readonly number[], salt = 0): Tx {
  return makeTx({
    version: 2,
    inputs: [
      {
        prevout: { txid: 'ab'.repeat(32) as Txid, vout: salt },
        scriptSig: new Uint8Array(2),
        sequence: 0,
      },
    ],
    outputs: values.map((value) => ({ value: BigInt(value), scriptPubKey: scriptOf(address) })),
    lockTime: 0,
  });
}

const coinsIn = (parent: Tx): SpendableCoin[] =>
  parent.outputs.map(({ value, scriptPubKey }, vout) => ({
    outpoint: { txid: parent.txid, vout },
    valueSats: Number(value) as Sats,
    scriptPubKey,
  }));

interface FakeSource extends CoinSource {
  readonly submitted: Tx[];
  pagesRead: number;
}

function sourceOf(
  pages: readonly (readonly SpendableCoin[])[],
  answer: (attempt: number, tx: Tx) => Verdict<Txid> = (_, tx) => valid(tx.txid),
): FakeSource {
  const submitted: Tx[] = [];
  return {
    submitted,
    pagesRead: 0,
    async *coins() {
      for (const page of pages) {
        this.pagesRead++;
        yield page;
      }
    },
    feeRate: async () => 1000,
    async submit(raw) {
      const tx = must(decodeTx(raw));
      submitted.push(tx);
      return answer(submitted.length, tx);
    },
  };
}

const payerOf = (source: CoinSource, signer: Signer = keystore) => ({
  source,
  signer,
  addressVersion: ADDRESS_VERSION,
});

async function expectSigned(tx: Tx, coins: readonly SpendableCoin[]): Promise<void> {
  expect(must(decodeTx(tx.raw))).toEqual(tx);
  const checks = tx.inputs.map(({ prevout }, index) => {
    const spent = coins.find(
      ({ outpoint }) => outpoint.txid === prevout.txid && outpoint.vout === prevout.vout,
    );
    return must(inputSignatureCheck(tx, index, spent?.scriptPubKey ?? new Uint8Array()));
  });
  expect(await verifier.firstInvalid(checks)).toBe(-1);
}

describe('a payment', () => {
  it('pays the recipient first and gives the change back', async () => {
    const coins = coinsIn(parentOf(from, [100_000]));
    const request = { from, to, amountSats: 30_000 };
    const { tx, txid, feeSats, changeSats } = must(
      await buildPayment(payerOf(sourceOf([coins])), request),
    );
    expect(tx.outputs.map(({ value }) => Number(value))).toEqual([30_000, changeSats]);
    expect(tx.outputs.map(({ scriptPubKey }) => scriptPubKey)).toEqual([
      scriptOf(to),
      scriptOf(from),
    ]);
    expect(30_000 + feeSats + changeSats).toBe(100_000);
    expect(txid).toBe(tx.txid);
    expect(tx).toMatchObject({ version: 2, lockTime: 0 });
    await expectSigned(tx, coins);
  });

  it('gives the change to another address where that is wanted', async () => {
    const fresh = (await keystore.newAddress()).address;
    const source = sourceOf([coinsIn(parentOf(from, [100_000]))]);
    const request = { from, to, amountSats: 30_000, changeTo: fresh };
    const { tx } = must(await buildPayment(payerOf(source), request));
    expect(tx.outputs[1]?.scriptPubKey).toEqual(scriptOf(fresh));
  });

  it('signals no replacement: two payments at once end in a conflict', async () => {
    const source = sourceOf([coinsIn(parentOf(from, [100_000]))]);
    const { tx } = must(await buildPayment(payerOf(source), { from, to, amountSats: 1000 }));
    expect(tx.inputs.every(({ sequence }) => sequence >= 0xffff_fffe)).toBe(true);
  });

  it('has signatures that hold and a size within what was paid for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 2000, max: 1_000_000 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1000, max: 1_500_000 }),
        fc.integer({ min: 0, max: 20_000 }),
        async (values, amountSats, rate) => {
          const coins = coinsIn(parentOf(from, values));
          const built = await buildTransaction({
            coins,
            to,
            amountSats,
            fee: { rate },
            changeTo: from,
            addressVersion: ADDRESS_VERSION,
            signer: keystore,
          });
          if (!built.ok) {
            expect(built.reject.reason).toBe('insufficient-funds');
            return;
          }
          const { tx, feeSats } = built.value;
          const bytesMax = txBytesMax(tx.inputs.length, tx.outputs.length);
          expect(tx.raw.length).toBeLessThanOrEqual(bytesMax);
          // DER drops a byte for each number that begins with zeros: rarely more than a few.
          expect(tx.raw.length).toBeGreaterThan(bytesMax - 8 * tx.inputs.length);
          expect(feeSats * 1000).toBeGreaterThanOrEqual(rate * tx.raw.length);
          await expectSigned(tx, coins);
        },
      ),
      { numRuns: 60, seed: fuzzSeed('payments') },
    );
  });

  it('is the same whenever it is built', async () => {
    const source = sourceOf([coinsIn(parentOf(from, [40_000, 30_000, 20_000]))]);
    const request = { from, to, amountSats: 55_000 };
    const first = must(await buildPayment(payerOf(source), request));
    expect(must(await buildPayment(payerOf(source), request)).tx.raw).toEqual(first.tx.raw);
  });

  it('reads no more pages than it needs', async () => {
    const pages = [0, 1, 2].map((salt) => coinsIn(parentOf(from, [50_000], salt)));
    const source = sourceOf(pages);
    must(await buildPayment(payerOf(source), { from, to, amountSats: 60_000 }));
    expect(source.pagesRead).toBe(2);
  });

  it('keeps the largest of a great many coins, and finds the sum in them', async () => {
    const pages = Array.from({ length: 4 }, (_, salt) =>
      coinsIn(
        parentOf(
          from,
          Array.from({ length: 400 }, (_, i) => 1000 + ((i * 7919 + salt) % 997)),
          salt,
        ),
      ),
    );
    const all = pages.flat().map(({ valueSats }) => valueSats as number);
    const largest = all.sort((a, b) => b - a).slice(0, INPUTS_MAX);
    const most = largest.reduce((sum, value) => sum + value, 0);
    const payer = payerOf(sourceOf(pages));
    const tooMuch = { from, to, amountSats: most + 1, feeSats: 0 };
    expect(reasonOf(await buildPayment(payer, tooMuch))).toBe('tx-size');
    const total = all.reduce((sum, value) => sum + value, 0);
    const beyond = { from, to, amountSats: total + 1, feeSats: 0 };
    expect(reasonOf(await buildPayment(payer, beyond))).toBe('insufficient-funds');
  });
});

describe('a payment is refused', () => {
  const coins = (): SpendableCoin[] => coinsIn(parentOf(from, [100_000]));
  const FOREIGN = '1BoatSLRHtKNngkdXEeobR76b53LETtpyT';

  it.each([
    {
      name: 'a foreign sender',
      change: { from: FOREIGN },
      reason: 'invalid-address',
      who: /^sender/,
    },
    {
      name: 'nonsense as sender',
      change: { from: 'x' },
      reason: 'invalid-address',
      who: /^sender/,
    },
    {
      name: 'a foreign recipient',
      change: { to: FOREIGN },
      reason: 'invalid-address',
      who: /^recip/,
    },
    {
      name: 'a foreign change',
      change: { changeTo: '' },
      reason: 'invalid-address',
      who: /^change/,
    },
    { name: 'amount 0', change: { amountSats: 0 }, reason: 'invalid-amount' },
    { name: 'half a sat', change: { amountSats: 0.5 }, reason: 'invalid-amount' },
    { name: 'a negative fee', change: { feeSats: -1 }, reason: 'invalid-amount' },
    { name: 'too much', change: { amountSats: 100_000 }, reason: 'insufficient-funds' },
  ])('for $name', async ({ change, reason, who }) => {
    const source = sourceOf([coins()]);
    const request = { from, to, amountSats: 1000, ...change };
    const refused = await sendPayment(payerOf(source), request);
    expect(reasonOf(refused)).toBe(reason);
    if (who !== undefined && !refused.ok) expect(refused.reject.detail).toMatch(who);
    expect(source.submitted).toEqual([]);
  });

  it('without the key', async () => {
    const other = await openMemoryKeystore({ addressVersion: ADDRESS_VERSION, wifVersion: 0xef });
    const request = { from, to, amountSats: 1000 };
    const source = sourceOf([coins()]);
    expect(reasonOf(await sendPayment(payerOf(source, other), request))).toBe('unknown-key');
  });

  it('when the node asks for a fee that cannot be meant', async () => {
    const source = { ...sourceOf([coins()]), feeRate: async () => 1_000_001 };
    const request = { from, to, amountSats: 1000 };
    expect(reasonOf(await sendPayment(payerOf(source), request))).toBe('mempool min fee not met');
    expect(
      reasonOf(await sendPayment(payerOf(source), { ...request, feeSats: 500 })),
    ).toBeUndefined();
  });
});

describe('a signer that is broken', () => {
  it.each([
    { name: 'another key', key: 1, signature: 0 },
    { name: 'a signature with high s', key: 0, signature: 1 },
  ])('is found out: $name', async ({ key, signature }) => {
    const other = (await keystore.publicKey(to)) ?? new Uint8Array();
    const broken: Signer = {
      publicKey: async (address) => (key ? other : keystore.publicKey(address)),
      async sign(address, digest) {
        const good = await keystore.sign(address, digest);
        return signature
          ? Uint8Array.from([...good.subarray(0, 32), ...new Array(32).fill(0xfe)])
          : good;
      },
    };
    const source = sourceOf([coinsIn(parentOf(from, [100_000]))]);
    await expect(
      sendPayment(payerOf(source, broken), { from, to, amountSats: 1000 }),
    ).rejects.toMatchObject({ code: 'keystore' });
    expect(source.submitted).toEqual([]);
  });
});

describe('sending', () => {
  it('looks again when a coin was taken in between', async () => {
    const source = sourceOf([coinsIn(parentOf(from, [100_000]))], (attempt, tx) =>
      attempt < 3 ? refuse('txn-mempool-conflict') : valid(tx.txid),
    );
    must(await sendPayment(payerOf(source), { from, to, amountSats: 1000 }));
    expect(source.submitted).toHaveLength(3);
  });

  it('does not look for ever', async () => {
    const source = sourceOf([coinsIn(parentOf(from, [100_000]))], () => refuse('missing-inputs'));
    const sent = await sendPayment(payerOf(source), { from, to, amountSats: 1000 });
    expect(reasonOf(sent)).toBe('missing-inputs');
    expect(source.submitted).toHaveLength(5);
  });

  it('passes on what the mempool answers', async () => {
    const source = sourceOf([coinsIn(parentOf(from, [100_000]))], () => refuse('dust'));
    const sent = await sendPayment(payerOf(source), { from, to, amountSats: 100 });
    expect(reasonOf(sent)).toBe('dust');
    expect(source.submitted).toHaveLength(1);
  });
});

describe('a source that is not to be trusted', () => {
  it.each([
    { name: 'tells less than a coin is worth', said: 50_000, shows: 'true' },
    { name: 'tells more than a coin is worth', said: 500_000, shows: 'true' },
    { name: 'shows another transaction', said: 100_000, shows: 'other' },
    { name: 'shows nothing', said: 100_000, shows: 'nothing' },
  ])('$name', async ({ said, shows }) => {
    const parent = parentOf(from, [100_000]);
    const coins = coinsIn(parent).map((coin) => ({ ...coin, valueSats: said as Sats }));
    const raws: Record<string, Uint8Array | undefined> = {
      true: parent.raw,
      other: parentOf(from, [said], 7).raw,
    };
    const source = { ...sourceOf([coins]), rawTx: async () => raws[shows] };
    const sending = sendPayment(payerOf(source), { from, to, amountSats: 1000 });
    await expect(sending).rejects.toMatchObject({ code: 'transport' });
    expect(source.submitted).toEqual([]);
  });

  it('is believed where it tells the truth', async () => {
    const parents = [0, 1, 2].map((salt) => parentOf(from, [40_000, 30_000], salt));
    const source = {
      ...sourceOf([parents.flatMap(coinsIn)]),
      rawTx: async (txid: Txid) => parents.find((parent) => parent.txid === txid)?.raw,
    };
    must(await sendPayment(payerOf(source), { from, to, amountSats: 150_000 }));
    expect(source.submitted).toHaveLength(1);
  });
});
