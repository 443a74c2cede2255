/** One call of a miner that sleeps between calls: its time, its turns, its lease, what it leaves. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MINING_LEASE_SECONDS, type MineCause, mineOnce } from '../../../lib/node/mine-once.ts';
import { readMiners } from '../../../lib/node/miner-words.ts';
import { takeMiningLease } from '../../../lib/node/mining-lease.ts';
import type { Node } from '../../../lib/node/types.ts';
import { plainSearch } from '../../../lib/params/stacknet.ts';
import type { Engine } from '../../../lib/ports/engine.ts';
import type { Tx } from '../../../lib/types.ts';
import { easyNetwork, Story, storyKey } from '../../helpers/chain-builder.ts';
import { heightOf, type NetNode, NodeNet, tipOf } from '../../helpers/node-net.ts';

const PAY_TO = storyKey('miner', easyNetwork()).script;

let net: NodeNet;
let a: NetNode;
/** The same node in another process. */
let other: NetNode;
let story: Story;
let metrics: string[];
let slept: number[];

beforeEach(async () => {
  net = new NodeNet({ params: easyNetwork({ maturity: 1, reorgLimit: 0 }) });
  a = await net.add('a');
  other = await net.add('other', { store: a.store });
  story = new Story(net.params);
  story.key('alice');
  for (const name of ['one', 'two', 'three']) {
    await net.mine(a, 1, 'alice');
    const [coinbase] = (await a.node.chain.block(await tipOf(a)))?.txs ?? [];
    if (coinbase === undefined) throw new Error('no coinbase');
    story.name(coinbase, name);
  }
  metrics = [];
  slept = [];
});
afterEach(() => a.node.close());

const pay = (coin: string): Tx => story.pay({ from: `${coin}:0`, to: 'bob', sats: 10_000 });
const accept = async (tx: Tx, at = other): Promise<void> => {
  const { status } = await at.node.acceptTx(tx.raw, { local: true });
  expect(status).toBe('accepted');
};
const call = (
  cause: MineCause,
  of: { readonly engine?: Engine; readonly node?: Partial<Node> } = {},
) =>
  mineOnce(
    {
      node: { ...a.node, ...of.node },
      engine: of.engine ?? plainSearch,
      payTo: PAY_TO,
      telemetry: { metric: (name) => metrics.push(name), log() {} },
      sleep: async (ms) => {
        slept.push(ms);
        net.clock.advance(ms);
      },
    },
    cause,
  );
const miners = () =>
  readMiners({
    store: other.store,
    random: other.node.random,
    now: () => Math.floor(net.clock.nowMs() / 1000),
  });
const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);
const txidsOfTip = async (): Promise<string[]> =>
  ((await a.node.chain.block(await tipOf(a)))?.txs ?? []).slice(1).map(({ txid }) => txid);
/** Finds nothing; each turn of it takes so long. */
const blind = (ms: number, onTurn: (turn: number) => void = () => undefined): Engine => {
  let turn = 0;
  return {
    name: 'blind',
    search() {
      net.clock.advance(ms);
      onTurn(++turn);
      return -1;
    },
  };
};

describe('a call for a transaction', () => {
  it('mines one block with it, pays the miner, and leaves nothing to do', async () => {
    const tx = pay('one');
    await accept(tx);
    const before = await heightOf(a);
    const outcome = await call('user');
    expect(outcome).toMatchObject({ end: 'found', hash: await tipOf(a), more: false });
    expect(await heightOf(a)).toBe(before + 1);
    expect(await txidsOfTip()).toEqual([tx.txid]);
    const block = await a.node.chain.block(await tipOf(a));
    expect(block?.txs[0]?.outputs[0]?.scriptPubKey).toEqual(PAY_TO);
    expect(metrics).toEqual(['BlocksFound', 'HashRate']);
    expect(outcome.hashes).toBeGreaterThan(0);
    const { address } = storyKey('miner', net.params);
    expect(await miners()).toEqual({ active: true, hashRate: expect.any(Number), address });
    expect((await miners()).hashRate).toBeGreaterThan(0);
  });

  it('mines nothing where none waits', async () => {
    const before = await tipOf(a);
    for (const cause of ['user', 'peer', 'left', 'tick'] as const) {
      expect(await call(cause)).toEqual({ end: 'nothing', hashes: 0, more: false });
    }
    expect(await tipOf(a)).toBe(before);
    expect(metrics).toEqual([]);
    expect(await miners()).toEqual({ active: false, hashRate: 0, address: null });
    // Who was called by the clock sees at once that there is nothing.
    slept = [];
    await call('tick');
    expect(slept).toEqual([]);
  });

  it('takes what comes in the same breath into the same block', async () => {
    const [one, two] = [pay('one'), pay('two')];
    await accept(one);
    const calling = call('user');
    await accept(two);
    expect(await calling).toMatchObject({ end: 'found', more: false });
    expect((await txidsOfTip()).sort()).toEqual([one.txid, two.txid].sort());
  });

  it('of a peer leaves that peer its turn, and ends as soon as its block is here', async () => {
    await accept(pay('one'));
    const startMs = net.clock.nowMs();
    expect(await call('peer')).toMatchObject({ end: 'found' });
    const waitedMs = net.clock.nowMs() - startMs;
    expect(waitedMs).toBeGreaterThanOrEqual(5000);
    expect(waitedMs).toBeLessThanOrEqual(15_000);

    await accept(pay('two'));
    slept = [];
    let looks = 0;
    const template: Node['template'] = async () => {
      if (++looks === 3) await net.mine(other);
      return a.node.template();
    };
    const before = await heightOf(a);
    expect(await call('peer', { node: { template } })).toMatchObject({
      end: 'nothing',
      more: false,
    });
    expect(sum(slept)).toBeLessThan(2000);
    expect(await heightOf(a)).toBe(before + 1);
  });
});

describe('every hour', () => {
  it('a block, even an empty one', async () => {
    const before = await heightOf(a);
    expect(await call('hourly')).toMatchObject({ end: 'found', more: false });
    expect(await heightOf(a)).toBe(before + 1);
  });

  it('none where another node was faster', async () => {
    let looks = 0;
    const template: Node['template'] = async () => {
      if (++looks === 2) await net.mine(other);
      return a.node.template();
    };
    const before = await heightOf(a);
    expect(await call('hourly', { node: { template } })).toMatchObject({ end: 'nothing' });
    expect(await heightOf(a)).toBe(before + 1);
  });
});

describe('the search', () => {
  it('ends after ten seconds, and leaves the rest to the next call by the clock', async () => {
    await accept(pay('one'));
    let turns = 0;
    const engine = blind(130, () => {
      turns += 1;
    });
    const outcome = await call('left', { engine });
    expect(outcome).toEqual({ end: 'time', hashes: turns * 65_536, more: false });
    expect(turns * 130).toBeGreaterThanOrEqual(10_000);
    expect(turns * 130).toBeLessThan(10_000 + 130);
    expect(metrics).toEqual(['HashRate']);
    // The lease was given up: the next may try.
    expect(await call('tick')).toMatchObject({ end: 'found' });
  });

  it('ends when the tip moved and took all transactions', async () => {
    await accept(pay('one'));
    let looks = 0;
    const template: Node['template'] = async () => {
      if (++looks === 8) await net.mine(other);
      return a.node.template();
    };
    const submitted: unknown[] = [];
    const acceptBlock: Node['acceptBlock'] = async (raw, how) => {
      submitted.push(raw);
      return a.node.acceptBlock(raw, how);
    };
    const startMs = net.clock.nowMs();
    const of = { engine: blind(100), node: { template, acceptBlock } };
    expect(await call('left', of)).toMatchObject({ end: 'nothing', more: false });
    expect(net.clock.nowMs() - startMs).toBeLessThan(4500);
    expect(submitted).toEqual([]);
  });

  it('turns to the new tip where transactions still wait', async () => {
    const tx = pay('one');
    await accept(tx);
    let turn = 0;
    const search: Engine['search'] = (...work) => {
      turn += 1;
      if (turn > 5) return plainSearch.search(...work);
      net.clock.advance(100);
      return -1;
    };
    let looks = 0;
    const empty = async (): Promise<void> => {
      // Another's block without it: from a node that has not heard of it.
      const far = await net.add(`far${looks}`);
      for (const hash of [...(await a.node.chain.locator())].reverse().slice(1)) {
        const raw = await a.node.chain.blockRaw(hash);
        if (raw) await far.node.acceptBlock(raw, { asked: true });
      }
      const block = await net.make(far.node);
      await other.node.acceptBlock(block.raw, { asked: true });
    };
    const template: Node['template'] = async () => {
      if (++looks === 2) await empty();
      return a.node.template();
    };
    const before = await heightOf(a);
    const outcome = await call('left', { engine: { name: 'late', search }, node: { template } });
    expect(outcome).toMatchObject({ end: 'found', more: false });
    expect(await heightOf(a)).toBe(before + 2);
    expect(await txidsOfTip()).toEqual([tx.txid]);
  });

  it('submits nothing on a tip that moved just before', async () => {
    const tx = pay('one');
    await accept(tx);
    let isFirst = true;
    const tip: Node['chain']['tip'] = async () => {
      if (isFirst) await net.mine(other);
      isFirst = false;
      return a.node.chain.tip();
    };
    const submitted: unknown[] = [];
    const acceptBlock: Node['acceptBlock'] = async (raw, how) => {
      submitted.push(raw);
      return a.node.acceptBlock(raw, how);
    };
    const node = { acceptBlock, chain: { ...a.node.chain, tip } };
    expect(await call('left', { node })).toMatchObject({ end: 'nothing', more: false });
    expect(submitted).toEqual([]);
    expect(metrics).toEqual(['BlocksStale', 'HashRate']);
  });
});

describe('the lease', () => {
  it('lets one at a time; who came meanwhile is heard at the end', async () => {
    const [one, two] = [pay('one'), pay('two')];
    await accept(one);
    const acceptBlock: Node['acceptBlock'] = async (raw, how) => {
      const outcome = await a.node.acceptBlock(raw, how);
      await accept(two);
      expect(await call('user')).toEqual({ end: 'busy', hashes: 0, more: false });
      return outcome;
    };
    expect(await call('user', { node: { acceptBlock } })).toMatchObject({
      end: 'found',
      more: true,
    });
    expect(await call('left')).toMatchObject({ end: 'found', more: false });
    expect(await txidsOfTip()).toEqual([two.txid]);
  });

  it('who comes between the last look and the end is heard too', async () => {
    await accept(pay('one'));
    const two = pay('two');
    let looksAfter = -1;
    const acceptBlock: Node['acceptBlock'] = async (raw, how) => {
      looksAfter = 0;
      return a.node.acceptBlock(raw, how);
    };
    const template: Node['template'] = async () => {
      const seen = await a.node.template();
      if (looksAfter === 0) {
        looksAfter = 1;
        await accept(two);
        expect(await call('user')).toMatchObject({ end: 'busy' });
      }
      return seen;
    };
    expect(await call('user', { node: { acceptBlock, template } })).toMatchObject({
      end: 'found',
      more: true,
    });
  });

  it('a call that came for nothing asks for no other', async () => {
    await accept(pay('one'));
    const acceptBlock: Node['acceptBlock'] = async (raw, how) => {
      expect(await call('peer')).toMatchObject({ end: 'busy' });
      return a.node.acceptBlock(raw, how);
    };
    expect(await call('user', { node: { acceptBlock } })).toMatchObject({
      end: 'found',
      more: false,
    });
  });

  it('of a call that died runs out, and no sooner', async () => {
    const { store, random } = a.node;
    const tools = { store, random, now: () => Math.floor(net.clock.nowMs() / 1000) };
    expect(await takeMiningLease(tools, MINING_LEASE_SECONDS)).toBeDefined();
    await accept(pay('one'));
    net.clock.advance((MINING_LEASE_SECONDS - 1) * 1000);
    expect(await call('tick')).toMatchObject({ end: 'busy' });
    net.clock.advance(2000);
    expect(await call('tick')).toMatchObject({ end: 'found' });
  });

  it('of a call that fails is given up', async () => {
    await accept(pay('one'));
    const acceptBlock: Node['acceptBlock'] = async () => {
      throw new Error('the table is away');
    };
    await expect(call('user', { node: { acceptBlock } })).rejects.toThrow('the table is away');
    expect(await call('tick')).toMatchObject({ end: 'found' });
  });
});
