import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/adapters/system-clock.ts';
import { assembleBlock } from '../../../lib/mining/assemble.ts';
import type { Template } from '../../../lib/mining/types.ts';
import { createEmbeddedSource } from '../../../lib/node/embedded-source.ts';
import { regtest } from '../../../lib/params/index.ts';
import { silentTelemetry } from '../../../lib/ports/telemetry.ts';
import type { BlockHash, Sats } from '../../../lib/types.ts';
import { generateBlocks } from '../../../miner/generate.ts';
import { createMiner } from '../../../miner/miner.ts';
import { pause } from '../../../miner/pause.ts';
import { easyNetwork } from '../../helpers/chain-builder.ts';
import { must, reasonOf } from '../../helpers/vectors.ts';
import { PAY_TO, until } from './fake-source.ts';
import { type SmallNode, smallNode } from './small-node.ts';

/** A network whose blocks take some hundred thousand hashes: too many to be searched in place. */
const HARD_BITS = 0x1e40_0000;
const hardNetwork = () => easyNetwork({ powLimitBits: HARD_BITS, powLimit: 0x4000n << 224n });

/** A wait without an end of its own: whoever goes on was woken. */
const untilWoken = (_ms: number, signal?: AbortSignal): Promise<void> => pause(2 ** 31 - 1, signal);

/** A block of the template whose hash is low enough. */
function mined(template: Template): Uint8Array {
  const extraNonce = new Uint8Array(8);
  for (let nonce = 0; ; nonce++) {
    const { header, raw } = assembleBlock(template, { payTo: PAY_TO, extraNonce, nonce });
    if (BigInt(`0x${header.hash}`) <= template.target) return raw;
  }
}

async function expectChain(node: SmallNode, hashes: readonly BlockHash[]): Promise<void> {
  const { entry: tip } = await node.chain.tip();
  expect(tip.height).toBe(hashes.length);
  expect(tip.hash).toBe(hashes.at(-1));
  for (const [i, hash] of hashes.entries()) {
    const block = await node.chain.block(hash);
    expect((await node.chain.entry(hash))?.height).toBe(i + 1);
    expect(block?.txs[0]?.outputs[0]?.scriptPubKey).toEqual(PAY_TO);
  }
}

describe('blocks on command', () => {
  it('in place on regtest', async () => {
    const node = await smallNode(regtest, systemClock);
    const told: [BlockHash, number][] = [];
    const onBlock = (hash: BlockHash, done: number): number => told.push([hash, done]);
    const hashes = must(await generateBlocks({ node, count: 25, payTo: PAY_TO, onBlock }));
    expect(hashes.length).toBe(25);
    expect(told).toEqual(hashes.map((hash, i) => [hash, i + 1]));
    await expectChain(node, hashes);
    expect(must(await generateBlocks({ node, count: 0, payTo: PAY_TO }))).toEqual([]);
  });

  it('two at once on one node: both get their number, on one chain', async () => {
    const node = await smallNode(regtest, systemClock);
    const mine = () => generateBlocks({ node, count: 10, payTo: PAY_TO });
    const [a, b] = await Promise.all([mine(), mine()]);
    const all = new Set([...must(a), ...must(b)]);
    expect(all.size).toBe(20);
    expect((await node.chain.tip()).entry.height).toBe(20);
  });

  it.each([
    ['on threads', 2],
    ['in place, when told', 0],
  ])('%s where a block costs something', async (_, threads) => {
    const node = await smallNode(hardNetwork(), systemClock);
    const template = must(await node.template());
    expect(2n ** 256n / template.target).toBeGreaterThan(65_536n);
    const count = threads === 0 ? 1 : 3;
    const hashes = must(await generateBlocks({ node, count, payTo: PAY_TO, threads }));
    await expectChain(node, hashes);
  });

  it('ends when told to, and says how far it came', async () => {
    const node = await smallNode(hardNetwork(), systemClock);
    for (const threads of [0, 1]) {
      const given = new AbortController();
      const mined = generateBlocks({
        node,
        count: 1_000_000,
        payTo: PAY_TO,
        threads,
        signal: given.signal,
      });
      setTimeout(() => given.abort(), 300);
      const verdict = await mined;
      expect(reasonOf(verdict)).toBe('rejected');
      expect(verdict.ok ? '' : verdict.reject.detail).toMatch(
        /^ended after \d+ of 1000000 blocks$/,
      );
    }
  });

  it("says so when the node's clock is behind the chain", async () => {
    let nowMs = Date.now();
    const clock = { nowMs: () => nowMs };
    const node = await smallNode(regtest, clock);
    must(await generateBlocks({ node, count: 12, payTo: PAY_TO }));
    nowMs -= 3 * 3_600_000;
    expect(reasonOf(await generateBlocks({ node, count: 1, payTo: PAY_TO }))).toBe('clock');
  });
});

describe('the node in the same process as a source of work', () => {
  it('a miner on it mines a chain', async () => {
    const node = await smallNode(hardNetwork(), systemClock);
    const { clock, random } = node;
    const source = createEmbeddedSource({ node, sleep: pause });
    const found: BlockHash[] = [];
    const miner = createMiner({
      source,
      payTo: PAY_TO,
      threads: 2,
      clock,
      random,
      telemetry: silentTelemetry,
      onFound: ({ hash }) => found.push(hash),
    });
    miner.start();
    await until(() => found.length >= 4, 60_000);
    await miner.stop();
    await expectChain(node, found);
    expect(miner.stats()).toMatchObject({ stale: 0, rejected: 0 });
  });

  it('answers at once when the tip moves, and otherwise after its wait', async () => {
    const node = await smallNode(regtest, systemClock);
    const source = createEmbeddedSource({ node, sleep: untilWoken });
    const { id } = await source.template();
    const waiting = source.template({ knownId: id });
    await until(() => node.calls.ids > 0);
    must(await generateBlocks({ node, count: 1, payTo: PAY_TO }));
    const next = await waiting;
    expect(next.height).toBe(2);

    let slept = 0;
    const impatient = createEmbeddedSource({
      node,
      sleep: async (ms) => {
        slept += ms;
      },
    });
    expect((await impatient.template({ knownId: next.id })).id).toBe(next.id);
    expect(slept).toBe(29_970);
  });

  it('looks for a tip that others moved three times as often as at the mempool', async () => {
    const node = await smallNode(regtest, systemClock);
    const { id } = await createEmbeddedSource({ node, sleep: pause }).template();
    let tips = 0;
    const chain = new Proxy(node.chain, {
      get: (target, name) => (name === 'tip' ? tip : Reflect.get(target, name)),
    });
    const tip = (): ReturnType<typeof node.chain.tip> => {
      tips++;
      return node.chain.tip();
    };
    let slept = 0;
    const source = createEmbeddedSource({
      // Nobody tells it: as if another process had written to the store.
      node: { ...node, chain, on: () => () => undefined },
      sleep: async (ms) => {
        slept += ms;
        if (slept === 5 * 333) must(await generateBlocks({ node, count: 1, payTo: PAY_TO }));
      },
    });
    expect((await source.template({ knownId: id })).height).toBe(2);
    expect(slept).toBe(5 * 333);
    expect([node.calls.ids, tips]).toEqual([2, 4]);
  });

  it('asks for the truth first and when told; else for what was a moment ago, and again what it acts on', async () => {
    const node = await smallNode(regtest, systemClock);
    const { id } = await createEmbeddedSource({ node, sleep: pause }).template();
    const before = await node.chain.tip();
    const asked: string[] = [];
    let isStale = true;
    const chain = new Proxy(node.chain, {
      get: (target, name) => (name === 'tip' ? tip : Reflect.get(target, name)),
    });
    const tip: typeof node.chain.tip = async (options) => {
      asked.push(`tip ${options?.recent}`);
      return options?.recent && isStale ? before : node.chain.tip(options);
    };
    let sleeps = 0;
    const source = createEmbeddedSource({
      node: {
        ...node,
        chain,
        templateId: async (options) => {
          asked.push(`id ${options?.recent}`);
          return options?.recent && isStale ? id : node.templateId(options);
        },
        template: () => {
          asked.push('template');
          return node.template();
        },
        // Nobody tells it: as if another process had written to the store.
        on: () => () => undefined,
      },
      sleep: async () => {
        sleeps++;
        if (sleeps === 4) must(await generateBlocks({ node, count: 1, payTo: PAY_TO }));
        if (sleeps === 7) isStale = false;
      },
    });
    const second = await source.template({ knownId: id });
    expect(second.height).toBe(2);
    const round = ['tip true', 'tip true', 'id true'];
    expect(asked).toEqual(['id false', ...round, ...round, 'tip true', 'template']);

    // Stale looks show what was before the known work: it is not given out, nor taken for other work.
    asked.length = 0;
    sleeps = 0;
    isStale = true;
    let tell = (): void => undefined;
    const again = createEmbeddedSource({
      node: {
        ...node,
        chain,
        on: (listener) => {
          tell = () => listener({ type: 'tip', hash: before.entry.hash, height: 1 });
          return () => undefined;
        },
        template: () => {
          asked.push('template');
          return node.template();
        },
      },
      sleep: async () => {
        sleeps++;
        if (sleeps !== 2) return;
        must(await generateBlocks({ node, count: 1, payTo: PAY_TO }));
        tell();
      },
    });
    expect((await again.template({ knownId: second.id })).height).toBe(3);
    expect(asked).toEqual(['tip true', 'template', 'tip false', 'template']);
  });

  it('stops waiting when told to', async () => {
    const node = await smallNode(regtest, systemClock);
    const source = createEmbeddedSource({ node, sleep: untilWoken });
    const { id } = await source.template();
    const given = new AbortController();
    const waiting = source.template({ knownId: id, signal: given.signal });
    await until(() => node.calls.ids > 0);
    given.abort();
    expect((await waiting).id).toBe(id);
  });

  it('waits while the chain is ahead of the clock', async () => {
    let nowMs = Date.now();
    const node = await smallNode(regtest, { nowMs: () => nowMs });
    must(await generateBlocks({ node, count: 12, payTo: PAY_TO }));
    nowMs -= 3 * 3_600_000;
    let sleeps = 0;
    const source = createEmbeddedSource({
      node,
      sleep: async () => {
        sleeps++;
        if (sleeps === 3) nowMs += 3 * 3_600_000;
      },
    });
    expect((await source.template()).height).toBe(13);
    expect(sleeps).toBe(3);
    nowMs -= 3 * 3_600_000;
    const given = AbortSignal.abort();
    await expect(source.template({ signal: given })).rejects.toMatchObject({ code: 'transport' });
  });

  it("submit answers BIP22's reasons", async () => {
    const node = await smallNode(regtest, systemClock);
    const source = createEmbeddedSource({ node, sleep: pause });
    const [hash] = must(await generateBlocks({ node, count: 1, payTo: PAY_TO }));
    const raw = (await node.chain.blockRaw(hash as BlockHash)) as Uint8Array;
    expect(await source.submit(raw)).toBe('duplicate');
    const template = await source.template();
    const coinbaseValue = (template.coinbaseValue + 1) as Sats;
    expect(await source.submit(mined({ ...template, coinbaseValue }))).toBe('bad-cb-amount');
    const prevHash = 'ab'.repeat(32) as BlockHash;
    expect(await source.submit(mined({ ...template, prevHash }))).toBe('prev-blk-not-found');
    expect(await source.submit(mined(template))).toBe(null);
    expect(await source.submit(raw.slice(0, 40))).toBe('block-decode-failed');
  });
});
