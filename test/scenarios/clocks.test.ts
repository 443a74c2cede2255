/** Clocks that are half a minute apart: processes of one node on one table, and nodes among each other. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTable } from '../../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../../lib/adapters/dynamodb-store.ts';
import { MEMPOOL_LIMITS } from '../../lib/mempool/context.ts';
import { assembleBlock } from '../../lib/mining/assemble.ts';
import type { Node } from '../../lib/node/types.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import type { Store } from '../../lib/ports/store.ts';
import { mineHeader, Story, storyKey } from '../helpers/chain-builder.ts';
import { coinLines, replayLines, scriptsOf } from '../helpers/chain-rig.ts';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../helpers/dynamodb.ts';
import { heightOf, type NetNode, NodeNet, tipOf } from '../helpers/node-net.ts';
import { describeWith } from '../helpers/tools.ts';

const APART_MS = 30_000;
const shifted = (clock: Clock, ms: number): Clock => ({ nowMs: () => clock.nowMs() + ms });

describeWith(
  dynoxidePath(),
  { name: 'one table, two clocks', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let dynamo: RunningDynamo;
    beforeAll(async () => {
      dynamo = await startDynoxide(binary);
    });
    afterAll(() => dynamo?.stop());

    async function twoProcesses(net: NodeNet, table: string) {
      const client = dynamo.client();
      await createTable(client, table);
      const open = async (ms: number): Promise<NetNode> => {
        const clock = shifted(net.clock, ms);
        const store: Store = createDynamoStore({ client, table, clock });
        return net.add('twin', { store, peers: ['far'], more: { clock } });
      };
      return { right: await open(0), fast: await open(APART_MS), slow: await open(-APART_MS) };
    }

    it('blocks and payments through both at once: one chain, no coin spent twice', async () => {
      const net = new NodeNet();
      const { right, fast, slow } = await twoProcesses(net, 'table-clocks');
      const story = new Story(net.params);
      const nodes = [right.node, fast.node, slow.node];
      const blocks = story.mineMany(6, { payTo: 'alice' });
      for (const { block } of blocks) {
        const outcomes = await Promise.all(
          nodes.map((node) => node.acceptBlock(block.raw, { asked: true })),
        );
        const statuses = outcomes.map(({ status }) => status).sort();
        expect(statuses.filter((status) => status === 'tip').length).toBe(1);
      }
      // The same coin offered to each process for another payment: one is taken, the others refused.
      const spent: string[] = [];
      for (const { name } of blocks.slice(0, 3)) {
        const rivals = ['bob', 'carol', 'dave'].map((to) =>
          story.pay({ from: `${name}:0`, to, sats: 1_000_000 }),
        );
        const outcomes = await Promise.all(
          rivals.map(({ raw }, i) => (nodes[i] as Node).acceptTx(raw, { local: true })),
        );
        const taken = rivals.filter((_, i) => outcomes[i]?.status === 'accepted');
        expect(taken.length).toBe(1);
        spent.push(...taken.map(({ txid }) => txid));
      }
      // Who is ahead passes over rows of the feed that the others wrote, until it reads all anew.
      net.clock.advance(MEMPOOL_LIMITS.reloadMs);
      for (const node of nodes) await node.tick();
      const entries = await fast.node.mempool.list({ limit: 100 });
      expect(entries.map(({ txid }) => txid).sort()).toEqual([...spent].sort());

      // A better branch, then a block with what returned and stayed.
      const base = blocks[3];
      if (base === undefined) throw new Error('no such block');
      let branch = base;
      for (let i = 0; i < 4; i++) branch = story.mine({ on: branch, payTo: 'erin' });
      const path = story.path(branch).slice(-4);
      await Promise.all(
        path.map(({ block }, i) => (nodes[i % 3] as Node).acceptBlock(block.raw, { asked: true })),
      );
      for (const { block } of path) await slow.node.acceptBlock(block.raw, { asked: true });
      expect(await tipOf(right)).toBe(branch.block.header.hash);
      for (const { store } of [right, fast, slow]) {
        const scripts = scriptsOf([...story.path(branch), ...blocks]);
        expect(await coinLines(store, scripts)).toEqual(replayLines(branch));
      }
    });

    it('a sync that one process runs is left alone by the other', async () => {
      const net = new NodeNet();
      const far = await net.add('far');
      await net.mine(far, 5);
      const { right, fast } = await twoProcesses(net, 'table-leases');
      const until = net.clock.nowMs() + 600_000;
      const ends = await Promise.all([right.node.gossip.sync(until), fast.node.gossip.sync(until)]);
      expect(ends).toEqual([false, false]);
      expect(await heightOf(right)).toBe(5);
      expect(await tipOf(fast)).toBe(await tipOf(far));
    });
  },
);

describe('nodes whose clocks are half a minute apart', () => {
  async function pair() {
    const net = new NodeNet();
    const slow = await net.add('slow', { peers: ['fast'] });
    const clock = shifted(net.clock, APART_MS);
    const fast = await net.add('fast', { peers: ['slow'], more: { clock } });
    await net.pass(1, 2);
    return { net, slow, fast };
  }
  /** A block of the node's whose time is so far from the net's clock. */
  async function mineAt(net: NodeNet, { node }: NetNode, aheadSeconds: number) {
    const template = await node.template();
    if (!template.ok) throw new Error(template.reject.reason);
    const time = Math.floor(net.clock.nowMs() / 1000) + aheadSeconds;
    const plan = {
      payTo: storyKey('miner', net.params).script,
      extraNonce: new Uint8Array(8),
      time,
    };
    const draft = assembleBlock(template.value, plan);
    const { nonce } = mineHeader(draft.header);
    const block = assembleBlock(template.value, { ...plan, nonce });
    return node.acceptBlock(block.raw, { asked: true });
  }

  it('take each other’s blocks', async () => {
    const { net, slow, fast } = await pair();
    for (const miner of [fast, slow, fast, slow]) {
      await net.mine(miner);
      expect(await tipOf(slow)).toBe(await tipOf(fast));
      net.clock.advance(15_000);
    }
    expect(await heightOf(slow)).toBe(4);
  });

  it('a block too new for one is nobody’s fault, and is taken when its time has come', async () => {
    const { net, slow, fast } = await pair();
    // The limit is a minute: 45 seconds ahead of the fast clock, 75 ahead of the slow one.
    expect((await mineAt(net, fast, 75)).status).toBe('tip');
    expect([await heightOf(slow), await heightOf(fast)]).toEqual([0, 1]);
    const peers = await slow.node.gossip.peers();
    expect(peers.map(({ score, banned }) => [score, banned])).toEqual(peers.map(() => [0, false]));
    net.clock.advance(16_000);
    await net.pass(5, 40);
    expect(await tipOf(slow)).toBe(await tipOf(fast));
  });
});
