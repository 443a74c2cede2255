/** Every way in which a transaction is refused, by name; a refusal changes nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTx, type TxFields } from '../../../lib/codec/index.ts';
import { checkPolicy, DEFAULT_POLICY } from '../../../lib/mempool/policy.ts';
import { opReturnScript, p2pkhScript } from '../../../lib/script/index.ts';
import type { Tx } from '../../../lib/types.ts';
import { script, type TxPlan } from '../../helpers/chain-builder.ts';
import { inAWord, MempoolWorld } from '../../helpers/mempool-world.ts';

const COIN = 50e8;
let world: MempoolWorld;
let serial = 0;

beforeAll(async () => {
  world = await MempoolWorld.open({ blocks: 12 });
});
afterAll(() => world.close());

const height = () => world.story.tip.entry.height;
const median = () => {
  const times = [...world.story.tip.entry.times].sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)]!;
};

/** A good transaction on the coin of block 1, in which a row changes one thing. */
const spend = (plan: Partial<TxPlan> = {}): Tx =>
  world.story.spend({
    name: `t${serial++}`,
    inputs: ['b1:0'],
    outputs: [{ to: 'alice', sats: COIN - 10_000 }],
    ...plan,
  });
const changed = (fields: Partial<TxFields>): Tx => makeTx({ ...spend(), ...fields });
const output = (value: bigint, scriptPubKey = world.story.script('alice')) => ({
  outputs: [{ value, scriptPubKey }],
});
/** The base transaction with bytes of its scriptSig changed. */
const withScriptSig = (change: (scriptSig: Uint8Array) => Uint8Array): Tx => {
  const tx = spend();
  const [input] = tx.inputs;
  return makeTx({ ...tx, inputs: [{ ...input!, scriptSig: change(input!.scriptSig.slice()) }] });
};
const withKey = (key: Uint8Array): Tx =>
  withScriptSig((sig) => {
    const head = sig.slice(0, 1 + sig[0]!);
    return Uint8Array.from([...head, key.length, ...key]);
  });
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
/** The same signature with the other s. */
const highS = (sig: Uint8Array): Uint8Array => {
  const rLength = sig[4]!;
  const sAt = 5 + rLength + 2;
  const sLength = sig[sAt - 1]!;
  const s = BigInt(`0x${Buffer.from(sig.slice(sAt, sAt + sLength)).toString('hex')}`);
  const other = Buffer.from((ORDER - s).toString(16).padStart(66, '0'), 'hex');
  const der = [...sig.slice(3, sAt - 1), other.length, ...other];
  const rest = sig.slice(1 + sig[0]!);
  const signature = [0x30, der.length, ...der, 0x01];
  return Uint8Array.from([signature.length, ...signature, ...rest]);
};

const ROWS: [name: string, make: () => Tx | Uint8Array, reason: string][] = [
  ['bytes that are nothing', () => Uint8Array.of(1, 2, 3), 'tx-decode-failed'],
  ['a byte too many', () => Uint8Array.from([...spend().raw, 0]), 'stack-trailing-bytes'],
  ['the witness form', () => script('01000000 0001 00'), 'stack-witness'],
  ['more than a block', () => new Uint8Array(1_000_001), 'bad-txns-oversize'],
  [
    'no inputs',
    () => changed({ inputs: [], outputs: [output(1n).outputs[0]!, output(1n).outputs[0]!] }),
    'bad-txns-vin-empty',
  ],
  ['no outputs', () => changed({ outputs: [] }), 'bad-txns-vout-empty'],
  [
    'an input twice',
    () => changed({ inputs: [...spend().inputs, ...spend().inputs] }),
    'bad-txns-inputs-duplicate',
  ],
  ['a negative output', () => changed(output(-1n)), 'bad-txns-vout-negative'],
  ['more than all money', () => changed(output(2_100_000_000_000_001n)), 'bad-txns-vout-toolarge'],
  [
    'more than all money in sum',
    () =>
      changed({
        outputs: [
          output(2_000_000_000_000_000n).outputs[0]!,
          output(2_000_000_000_000_000n).outputs[0]!,
        ],
      }),
    'bad-txns-txouttotal-toolarge',
  ],
  ['a coinbase', () => world.story.tx('b5'), 'coinbase'],
  [
    'a bare key',
    () => changed(output(1000n, Uint8Array.from([33, ...new Uint8Array(33).fill(2), 0xac]))),
    'stack-output',
  ],
  ['money in an OP_RETURN', () => changed(output(1000n, Uint8Array.of(0x6a))), 'stack-op-return'],
  [
    'an OP_RETURN of 81 bytes',
    () => changed(output(0n, script(`6a4c51${'00'.repeat(81)}`))),
    'stack-op-return',
  ],
  ['an empty scriptSig', () => withScriptSig(() => new Uint8Array(0)), 'stack-scriptsig'],
  [
    'three pushes',
    () => withScriptSig((sig) => Uint8Array.from([...sig, 1, 1])),
    'stack-scriptsig',
  ],
  ['a hybrid key', () => withKey(Uint8Array.from([6, ...new Uint8Array(64)])), 'stack-pubkey'],
  ['version 3', () => spend({ version: 3 }), 'version'],
  ['version 0', () => spend({ version: 0 }), 'version'],
  [
    'more than 100,000 bytes',
    () => spend({ outputs: Array.from({ length: 2950 }, () => ({ to: 'alice', sats: 1000 })) }),
    'tx-size',
  ],
  [
    'two OP_RETURNs',
    () =>
      spend({ outputs: [1, 2].map((n) => ({ to: opReturnScript(Uint8Array.of(n)), sats: 0 })) }),
    'multi-op-return',
  ],
  ['dust', () => spend({ outputs: [{ to: 'alice', sats: 545 }] }), 'dust'],
  [
    'a lock time of the next height',
    () => spend({ lockTime: height() + 1, inputs: [{ coin: 'b1:0', sequence: 0 }] }),
    'non-final',
  ],
  [
    'a lock time of the median time',
    () => spend({ lockTime: median(), inputs: [{ coin: 'b1:0', sequence: 0 }] }),
    'non-final',
  ],
  [
    'a relative lock of 14 blocks',
    () => spend({ version: 2, inputs: [{ coin: 'b1:0', sequence: 14 }] }),
    'non-BIP68-final',
  ],
  [
    'a relative lock of 1,024 s',
    () => spend({ version: 2, inputs: [{ coin: 'b1:0', sequence: 0x400002 }] }),
    'non-BIP68-final',
  ],
  [
    'a coinbase of the tip',
    () => spend({ inputs: ['b12:0'] }),
    'bad-txns-premature-spend-of-coinbase',
  ],
  [
    'a spent coin',
    () => spend({ inputs: ['b2:0'], outputs: [{ to: 'bob', sats: 1000 }] }),
    'bad-txns-inputs-missingorspent',
  ],
  [
    'an output that its parent has not',
    () =>
      changed({
        inputs: [{ ...spend().inputs[0]!, prevout: { ...spend().inputs[0]!.prevout, vout: 7 } }],
      }),
    'bad-txns-inputs-missingorspent',
  ],
  [
    'more than it has',
    () => spend({ outputs: [{ to: 'alice', sats: COIN + 1 }] }),
    'bad-txns-in-belowout',
  ],
  ['no fee', () => spend({ outputs: [{ to: 'alice', sats: COIN }] }), 'min relay fee not met'],
  ['a sat less than a sat a byte', () => cheapest(-1), 'min relay fee not met'],
  [
    'another key than the coin names',
    () => spend({ inputs: [{ coin: 'b1:0', key: 'eve' }] }),
    'mempool-script-verify-flag-failed',
  ],
  [
    'a key that is no point',
    () => withKey(Uint8Array.from([4, ...new Uint8Array(64).fill(1)])),
    'stack-pubkey',
  ],
  [
    'another hash type',
    () => withScriptSig((sig) => sig.fill(0x81, sig[0]!, 1 + sig[0]!)),
    'stack-hash-type',
  ],
  [
    'a signature that is no DER',
    () => withScriptSig((sig) => sig.fill(0x31, 1, 2)),
    'mempool-script-verify-flag-failed',
  ],
  ['the other s', () => withScriptSig(highS), 'stack-high-s'],
  [
    'a signature of something else',
    () => changed(output(BigInt(COIN) - 20_000n)),
    'mempool-script-verify-flag-failed',
  ],
];

/** A reason without what stands in brackets. */
const baseOf = (reason: string): string => reason.replace(/ \(.*/, '');

/** Pays `difference` more than a sat a byte. */
const cheapest = (difference: number): Tx => {
  const bytes = spend().raw.length;
  // The signature's length varies by a byte: until one fits the fee.
  for (let n = 0; n < 100; n++) {
    const sats = COIN - bytes - difference;
    const tx = spend({ outputs: [{ to: `payee ${n}`, sats }] });
    if (tx.raw.length === bytes) return tx;
  }
  throw new Error('no signature of that length');
};

describe('refusals', () => {
  beforeAll(async () => {
    const spent = world.story.pay({ name: 'spent', from: 'b2:0', to: 'alice', sats: 1000 });
    const [first] = [world.story.mine({ txs: [spent], name: 'bspent' })];
    await world.give(first.block);
    // So that block 12 is still the premature one.
    expect(world.story.params.maturity).toBe(2);
  });

  it.each(ROWS.filter(([name]) => name !== 'a coinbase of the tip'))(
    '%s',
    async (_, make, reason) => {
      const tx = make();
      const raw = tx instanceof Uint8Array ? tx : tx.raw;
      const before = await world.txids();
      const sequence = await world.mempool.sequence();
      const tested = await world.mempool.test(raw);
      expect(tested.ok ? 'ok' : baseOf(tested.reject.reason)).toBe(reason);
      const outcome = await world.mempool.accept(raw, { local: true });
      expect(baseOf(inAWord(outcome))).toBe(reason);
      expect(await world.txids()).toEqual(before);
      expect(await world.mempool.sequence()).toBe(sequence);
      if (outcome.status !== 'rejected') throw new Error('accepted');
      if (!(tx instanceof Uint8Array)) expect(outcome.txid).toBe(tx.txid);
    },
  );

  it('a coinbase of the tip, and it is nobody’s fault', async () => {
    const tip = world.story.tip.name;
    const outcome = await world.accept(spend({ inputs: [`${tip}:0`] }));
    expect(outcome).toMatchObject({
      status: 'rejected',
      reject: { reason: 'bad-txns-premature-spend-of-coinbase', kind: 'policy' },
    });
    await world.mine();
    // Two blocks to maturity: the next one may spend it.
    expect(await world.try(spend({ inputs: [`${tip}:0`] }))).toBe('accepted');
  });

  it('lays blame only for what no tip can make good', async () => {
    const kindOf = async (tx: Tx, local = true) => {
      const outcome = await world.accept(tx, { local });
      return outcome.status === 'rejected' ? outcome.reject.kind : outcome.status;
    };
    expect(await kindOf(spend({ inputs: ['b2:0'] }))).toBe('policy');
    expect(await kindOf(spend({ version: 3 }))).toBe('policy');
    expect(await kindOf(spend({ inputs: [{ coin: 'b1:0', key: 'eve' }] }))).toBe('consensus');
    expect(await kindOf(changed(output(BigInt(COIN) - 20_000n)))).toBe('consensus');
    const unknown = world.story.spend({
      inputs: [],
      outputs: [{ to: 'alice', sats: 5000 }],
      name: 'unknown',
    });
    const orphan = world.story.pay({ from: 'unknown:0', to: 'bob', sats: 600, fee: 500 });
    expect(unknown.inputs).toEqual([]);
    expect(await kindOf(orphan)).toBe('missing');
    expect(await kindOf(orphan, false)).toBe('orphan');
  });

  it('a size that no P2PKH spend can have', () => {
    const tiny = makeTx({
      version: 1,
      inputs: [],
      outputs: [{ value: 1000n, scriptPubKey: p2pkhScript(new Uint8Array(20)) }],
      lockTime: 0,
    });
    const verdict = checkPolicy(tiny, DEFAULT_POLICY);
    expect(verdict.ok ? 'ok' : verdict.reject.reason).toBe('tx-size-small');
  });
});

describe('what is taken', () => {
  it.each<[string, () => Tx]>([
    ['a sat a byte', () => cheapest(0)],
    [
      'version 2 and a relative lock that is over',
      () => spend({ version: 2, inputs: [{ coin: 'b3:0', sequence: 5 }] }),
    ],
    [
      'a lock time below the next height',
      () => spend({ inputs: [{ coin: 'b4:0', sequence: 0 }], lockTime: height() }),
    ],
    [
      'a lock time above, switched off by its sequences',
      () => spend({ inputs: ['b6:0'], lockTime: height() + 100 }),
    ],
    [
      '546 sats and an OP_RETURN',
      () =>
        spend({
          inputs: ['b7:0'],
          outputs: [
            { to: 'alice', sats: 546 },
            { to: opReturnScript(new Uint8Array(80)), sats: 0 },
          ],
        }),
    ],
  ])('%s', async (_, make) => {
    const tx = make();
    const tested = await world.mempool.test(tx.raw);
    expect(tested.ok).toBe(true);
    const outcome = await world.accept(tx);
    expect(inAWord(outcome)).toBe('accepted');
    if (outcome.status !== 'accepted' || !tested.ok) throw new Error('refused');
    expect(outcome.entry).toMatchObject({ ...tested.value, parents: [] });
    expect(await world.mempool.get(tx.txid)).toMatchObject({ txid: tx.txid });
    expect(await world.try(tx)).toBe('known');
    const again = await world.mempool.test(tx.raw);
    expect(again.ok ? 'ok' : again.reject.reason).toBe('txn-already-in-mempool');
  });

  it('is known once it is confirmed', async () => {
    const tx = world.story.pay({ from: 'b8:0', to: 'bob', sats: 1000 });
    expect(await world.try(tx)).toBe('accepted');
    await world.mine({ txs: [tx] });
    expect(await world.mempool.get(tx.txid)).toBeUndefined();
    expect(await world.try(tx)).toBe('known');
    const tested = await world.mempool.test(tx.raw);
    expect(tested.ok ? 'ok' : tested.reject.reason).toBe('txn-already-known');
  });
});
