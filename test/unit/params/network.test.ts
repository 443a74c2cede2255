import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeBlock } from '../../../lib/codec/block.ts';
import { decodeHeader } from '../../../lib/codec/header.ts';
import { toHex } from '../../../lib/codec/hex.ts';
import { makeTx } from '../../../lib/codec/tx.ts';
import { checkBlock } from '../../../lib/consensus/check-block.ts';
import { checkHeader } from '../../../lib/consensus/check-header.ts';
import { genesisCoins } from '../../../lib/consensus/connect.ts';
import { genesisEntry } from '../../../lib/consensus/context.ts';
import { decodeCompact } from '../../../lib/consensus/pow.ts';
import { sha256 } from '../../../lib/crypto/hash.ts';
import { merkleRoot } from '../../../lib/crypto/merkle.ts';
import type { ChainParams, NetworkFile } from '../../../lib/params/index.ts';
import {
  commitmentOf,
  foundingTarget,
  foundNetwork,
  genesisBlock,
  mainnet,
  parseNetworkFile,
  plainSearch,
  regtest,
  stacknetBase,
  toNetworkFile,
} from '../../../lib/params/index.ts';
import type { Engine } from '../../../lib/ports/engine.ts';
import type { Block, Sats } from '../../../lib/types.ts';
import { easyNetwork, mineHeader, storyKey } from '../../helpers/chain-builder.ts';
import { FUZZ_RUNS, fuzzSeed } from '../../helpers/fuzz.ts';
import { must, reasonOf, vectorBytes } from '../../helpers/vectors.ts';

const founder = storyKey('founder');
const founded = easyNetwork({ payTo: founder.hash160 });
const orphan = easyNetwork();
const json = (params: ChainParams): NetworkFile =>
  JSON.parse(JSON.stringify(toNetworkFile(params)));
const parsed = (value: unknown): string | undefined => {
  const verdict = parseNetworkFile(value);
  return verdict.ok ? undefined : `${verdict.reject.reason}: ${verdict.reject.detail}`;
};

describe("Bitcoin's networks", () => {
  it('regtest begins with the block that all regtests begin with', () => {
    expect(regtest.genesisHash).toBe(
      '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
    );
    expect(genesisBlock(regtest).header.hash).toBe(regtest.genesisHash);
    expect(genesisBlock(regtest).raw.length).toBe(285);
    expect(genesisCoins(regtest)).toEqual([]);
  });

  it('mainnet too', () => {
    expect(mainnet.genesis).toEqual(vectorBytes('blocks/000000.bin'));
    expect(mainnet.genesisHash).toBe(
      '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
    );
  });

  it.each([regtest, mainnet, founded])('$name: its genesis passes', (params) => {
    expect(reasonOf(checkHeader(genesisBlock(params).header, params))).toBeUndefined();
    expect(reasonOf(checkBlock(genesisBlock(params), params))).toBeUndefined();
    expect(genesisEntry(params).hash).toBe(params.genesisHash);
  });
});

describe('a founded network', () => {
  it('pays the founder, who can spend it', () => {
    expect(founded.genesisSpendable).toBe(true);
    const [coin] = genesisCoins(founded);
    expect(coin?.coin).toEqual({
      value: founded.subsidySats,
      scriptPubKey: founder.script,
      height: 0,
      coinbase: true,
    });
  });

  it('without a founder nobody can', () => {
    expect(orphan.genesisSpendable).toBe(false);
    expect(genesisCoins(orphan)).toEqual([]);
    const [output] = genesisBlock(orphan).txs[0]?.outputs ?? [];
    expect(output?.value).toBe(0n);
    expect(output?.scriptPubKey[0]).toBe(0x6a);
  });

  it('carries the SHA-256 of the canonical JSON of its rules', () => {
    const text =
      '{"addressVersion":0,"halving":210000,"maturity":1,"maxFutureSeconds":60,' +
      '"powLimitBits":"207fffff","retarget":{"halfLife":600,"kind":"asert",' +
      '"maxSolveSeconds":2400,"spacing":15},"subsidySats":5000000000,"wifVersion":128}';
    const digest = toHex(sha256(new TextEncoder().encode(text)));
    expect(toHex(commitmentOf(founded))).toBe(digest);
    const script = genesisBlock(founded).txs[0]?.inputs[0]?.scriptSig as Uint8Array;
    expect(toHex(script)).toBe(`20${digest}`);
  });

  it('another rule, another time, another founder: another genesis', () => {
    const hashes = [
      founded,
      orphan,
      easyNetwork({ payTo: founder.hash160, time: 1_700_000_001 }),
      easyNetwork({ payTo: storyKey('other').hash160 }),
      easyNetwork({ payTo: founder.hash160, maturity: 2 }),
    ].map(({ genesisHash }) => genesisHash);
    expect(new Set(hashes).size).toBe(hashes.length);
    // The name and the operator's own change nothing.
    const same = easyNetwork({ payTo: founder.hash160, name: 'other', reorgLimit: 5 });
    expect(same.genesisHash).toBe(founded.genesisHash);
  });

  it("keeps the seed's target: 20 zero bits", () => {
    expect(decodeCompact(stacknetBase.powLimitBits).target).toBe(stacknetBase.powLimit);
    expect(stacknetBase.powLimit >> 236n).toBe(0n);
    expect(stacknetBase.powLimit >> 235n).toBe(1n);
  });

  it('with bits of its own', () => {
    const bits = 0x1f7fffff;
    const base = { ...stacknetBase, powLimitBits: 0x207fffff, powLimit: regtest.powLimit };
    const params = foundNetwork({ time: 1_700_000_000, bits }, { base });
    expect(genesisBlock(params).header.bits).toBe(bits);
    expect(parsed(json(params))).toBeUndefined();
  });
});

describe('founding', () => {
  it.each([
    ['the limit', 0x1e0fffff, true],
    ['harder', 0x1d00ffff, true],
    ['above the limit', 0x1e100000, false],
    ['zero', 0, false],
    ['negative', 0x1d80ffff, false],
    ['a longer form', 0x1e000fff, false],
    ['overflowing', 0xff00ffff, false],
  ])('with bits: %s', (_name, bits, fits) => {
    expect(foundingTarget(bits) !== undefined).toBe(fits);
    if (!fits) expect(() => foundNetwork({ time: 1_700_000_000, bits })).toThrow(/no bits/);
  });

  it('trusts no engine, and goes on to the next second', () => {
    const base = { ...stacknetBase, powLimitBits: 0x207fffff, powLimit: regtest.powLimit };
    const times: number[] = [];
    const engine: Engine = {
      name: 'finds nothing in the first second',
      search(header, target, start, count) {
        const { time } = must(decodeHeader(header));
        if (times.at(-1) !== time) times.push(time);
        return times.length === 1 ? -1 : plainSearch.search(header, target, start, count);
      },
    };
    const params = foundNetwork({ time: 1_700_000_000, bits: 0x207fffff }, { base, engine });
    expect(times).toEqual([1_700_000_000, 1_700_000_001]);
    expect(parsed(json(params))).toBeUndefined();
    const liar: Engine = {
      name: 'liar',
      search: (_header, _target, start) => start,
    };
    const honest = foundNetwork({ time: 1_700_000_000, bits: 0x1f7fffff }, { base, engine: liar });
    expect(parsed(json(honest))).toBeUndefined();
  });
});

describe('a network file', () => {
  it.each([founded, orphan, regtest])('$name comes back as it was', (params) => {
    expect(must(parseNetworkFile(json(params)))).toEqual(params);
  });

  it('keeps what is the operator’s own, and leaves it out on demand', () => {
    const own = {
      minimumChainWork: 12_345n,
      checkpoints: [{ height: 7, hash: founded.genesisHash }],
      reorgLimit: 10,
      peers: ['http://127.0.0.1:8401'],
    };
    const params = { ...founded, ...own };
    expect(must(parseNetworkFile(json(params)))).toEqual(params);
    expect(Object.keys(toNetworkFile(params, { operator: false }))).toEqual([
      'name',
      'genesis',
      'genesisSpendable',
      'powLimitBits',
      'retarget',
      'maxFutureSeconds',
      'halving',
      'maturity',
      'subsidySats',
      'addressVersion',
      'wifVersion',
    ]);
    const public_ = toNetworkFile(params, { operator: false });
    expect(must(parseNetworkFile(public_))).toMatchObject({
      peers: [],
      checkpoints: [],
      minimumChainWork: 0n,
      reorgLimit: 2880,
    });
    const plain = toNetworkFile(regtest, { operator: false });
    expect(must(parseNetworkFile(plain)).reorgLimit).toBe(0);
  });

  it('comes back for any parameters within bounds', () => {
    const bounds = fc.record({
      halving: fc.integer({ min: 1, max: 1_000_000 }),
      maturity: fc.integer({ min: 1, max: 1000 }),
      subsidySats: fc.integer({ min: 0, max: 2_100_000_000_000_000 }).map((n) => n as Sats),
      addressVersion: fc.nat(255),
      wifVersion: fc.nat(255),
      maxFutureSeconds: fc.integer({ min: 1, max: 10_000 }),
      reorgLimit: fc.nat(10_000),
      minimumChainWork: fc.bigInt({ min: 0n, max: (1n << 200n) - 1n }),
      retarget: fc.oneof(
        fc.record({
          kind: fc.constant('none' as const),
          spacing: fc.integer({ min: 1, max: 999 }),
        }),
        fc.record({
          kind: fc.constant('bitcoin' as const),
          spacing: fc.integer({ min: 1, max: 999 }),
          window: fc.integer({ min: 2, max: 5000 }),
        }),
        fc.record({
          kind: fc.constant('asert' as const),
          spacing: fc.integer({ min: 1, max: 999 }),
          halfLife: fc.integer({ min: 1, max: 100_000 }),
          maxSolveSeconds: fc.integer({ min: 100_000, max: 1_000_000 }),
        }),
      ),
      payTo: fc.option(fc.uint8Array({ minLength: 20, maxLength: 20 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(bounds, ({ payTo, ...rules }) => {
        const params = easyNetwork({ ...rules, ...(payTo && { payTo }) });
        expect(must(parseNetworkFile(json(params)))).toEqual(params);
      }),
      { seed: fuzzSeed('network file'), numRuns: 200 },
    );
  });
});

describe('a network file that is refused', () => {
  const good = json(founded);
  const asert = good.retarget;
  it.each([
    ['nothing', null],
    ['a list', []],
    ['a text', 'x'],
    ['no name', { ...good, name: undefined }],
    ['a name with a path', { ...good, name: '../x' }],
    ['a long name', { ...good, name: 'x'.repeat(21) }],
    ['a name that is no text', { ...good, name: 5 }],
    ['no genesis', { ...good, genesis: '' }],
    ['a long genesis', { ...good, genesis: '00'.repeat(5000) }],
    ['upper case', { ...good, genesis: good.genesis.toUpperCase() }],
    ['a byte more', { ...good, genesis: `${good.genesis}00` }],
    ['another rule than the genesis names', { ...good, maturity: 2 }],
    ['a halving of 0', { ...good, halving: 0 }],
    ['half a halving', { ...good, halving: 0.5 }],
    ['a negative subsidy', { ...good, subsidySats: -1 }],
    ['a subsidy above all coins', { ...good, subsidySats: 2_100_000_000_000_001 }],
    ['a subsidy as text', { ...good, subsidySats: '5' }],
    ['a version of two bytes', { ...good, addressVersion: 256 }],
    ['a spendable genesis that pays nobody', { ...json(orphan), genesisSpendable: true }],
    ['an unspendable genesis that pays', { ...good, genesisSpendable: false }],
    ['spendable: maybe', { ...good, genesisSpendable: 1 }],
    ['no retarget', { ...good, retarget: undefined }],
    ['an unknown retarget', { ...good, retarget: { kind: 'lwma', spacing: 15 } }],
    ['a half-life of 0', { ...good, retarget: { ...asert, halfLife: 0 } }],
    ['a spacing of 0', { ...good, retarget: { ...asert, spacing: 0 } }],
    ['a limit of 0', { ...good, powLimitBits: '00000000' }],
    ['a negative limit', { ...good, powLimitBits: '1e8fffff' }],
    ['an overflowing limit', { ...good, powLimitBits: '217fffff' }],
    ['a limit of short form', { ...good, powLimitBits: '1e00000f' }],
    ['a limit of 7 digits', { ...good, powLimitBits: '1e0ffff' }],
    ['a limit below the genesis bits', { ...good, powLimitBits: '1e0fffff' }],
    ['a checkpoint without a hash', { ...good, checkpoints: [{ height: 1 }] }],
    ['a checkpoint on genesis', { ...good, checkpoints: [{ height: 0, hash: 'ab'.repeat(32) }] }],
    ['many peers', { ...good, peers: Array.from({ length: 1001 }, () => 'x') }],
    ['a peer that is no text', { ...good, peers: [5] }],
    ['work of 63 digits', { ...good, minimumChainWork: '0'.repeat(63) }],
    ['a negative reorg limit', { ...good, reorgLimit: -1 }],
    ['regtest with a rule of its own', { ...json(regtest), maturity: 1 }],
    ['regtest with spendable genesis', { ...json(regtest), genesisSpendable: true }],
    ['regtest under another name', { ...json(regtest), name: 'mynet' }],
    ['mainnet', json(mainnet)],
  ])('%s', (_name, value) => {
    expect(parsed(value)).toMatch(/^stack-network: ./);
  });

  it('a solve time cap below ten future limits', () => {
    const at = (maxSolveSeconds: number) =>
      easyNetwork({ retarget: { kind: 'asert', spacing: 15, halfLife: 600, maxSolveSeconds } });
    expect(parsed(json(at(600)))).toBeUndefined();
    expect(parsed(json(at(599)))).toMatch(/maxSolveSeconds/);
  });

  it('a solve time cap at the spacing', () => {
    const at = (spacing: number) =>
      easyNetwork({ retarget: { kind: 'asert', spacing, halfLife: 600, maxSolveSeconds: 2400 } });
    expect(parsed(json(at(2399)))).toBeUndefined();
    expect(parsed(json(at(2400)))).toMatch(/maxSolveSeconds/);
  });
});

describe('a genesis that is refused', () => {
  const { header, txs } = genesisBlock(founded);
  const [coinbase] = txs as [Block['txs'][number]];
  const file = (block: Block, changes: Partial<NetworkFile> = {}) => ({
    ...json(founded),
    ...changes,
    genesis: toHex(block.raw),
  });
  const mined = (all: Block['txs'], changes: Partial<Block['header']> = {}): Block => {
    const { root } = merkleRoot(all.map(({ txid }) => txid));
    return makeBlock(mineHeader({ ...header, merkleRoot: root, nonce: 0, ...changes }), all);
  };
  const [input] = coinbase.inputs as [(typeof coinbase.inputs)[number]];
  const [output] = coinbase.outputs as [(typeof coinbase.outputs)[number]];
  const scriptOf = (scriptSig: Uint8Array) =>
    mined([makeTx({ ...coinbase, inputs: [{ ...input, scriptSig }] })]);

  it.each([
    ['without work', makeBlock(mineHeader({ ...header, nonce: 0 }, false), txs)],
    ['with a parent', mined(txs, { prevHash: founded.genesisHash })],
    [
      'with another root',
      makeBlock(mineHeader({ ...header, merkleRoot: regtest.genesisHash as never }), txs),
    ],
    ['with bits above the limit', mined(txs, { bits: 0x2100ffff })],
    ['with two transactions', mined([coinbase, coinbase])],
    ['with other rules in its coinbase', scriptOf(Uint8Array.of(32, ...new Uint8Array(32)))],
    ['with more in its coinbase', scriptOf(Uint8Array.of(...input.scriptSig, 0))],
    [
      'that spends something',
      mined([
        makeTx({ ...coinbase, inputs: [{ ...input, prevout: { ...input.prevout, vout: 0 } }] }),
      ]),
    ],
    [
      'that pays more',
      mined([makeTx({ ...coinbase, outputs: [{ ...output, value: output.value + 1n }] })]),
    ],
    ['that pays twice', mined([makeTx({ ...coinbase, outputs: [output, output] })])],
  ])('%s', (_name, block) => {
    expect(parsed(file(block))).toMatch(/^stack-network: ./);
  });

  it('the same by the same hand is accepted', () => {
    expect(parsed(file(mined(txs)))).toBeUndefined();
  });
});

it('no JSON breaks the parser', () => {
  const good = json(founded);
  const names = [...Object.keys(good), 'extra'];
  const change = fc.tuple(fc.constantFrom(...names), fc.jsonValue());
  const values = fc.oneof(
    fc.jsonValue(),
    fc
      .array(change, { minLength: 1, maxLength: 3 })
      .map((changes) => ({ ...good, ...Object.fromEntries(changes) })),
    fc.tuple(fc.nat(good.genesis.length - 1), fc.nat(15)).map(([at, digit]) => {
      const { genesis } = good;
      return {
        ...good,
        genesis: genesis.slice(0, at) + digit.toString(16) + genesis.slice(at + 1),
      };
    }),
    fc
      .array(fc.tuple(fc.constantFrom('kind', 'spacing', 'halfLife', 'window'), fc.jsonValue()))
      .map((changes) => ({
        ...good,
        retarget: { ...good.retarget, ...Object.fromEntries(changes) },
      })),
  );
  let refused = 0;
  fc.assert(
    fc.property(values, (value) => {
      const verdict = parseNetworkFile(value);
      if (!verdict.ok) {
        refused++;
        return;
      }
      // Another nonce may do on this easy target; other rules never.
      expect(genesisBlock(verdict.value).header.hash).toBe(verdict.value.genesisHash);
      expect(toHex(commitmentOf(verdict.value))).toBe(toHex(commitmentOf(founded)));
      expect(must(parseNetworkFile(json(verdict.value)))).toEqual(verdict.value);
    }),
    { seed: fuzzSeed('parseNetworkFile'), numRuns: FUZZ_RUNS },
  );
  expect(refused).toBeGreaterThan(FUZZ_RUNS / 2);
});
