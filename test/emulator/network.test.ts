/**
 * Three stacks on an emulator, deployed by the real CDK: real functions, real queues. The same suite
 * runs against the endpoint that AWS_ENDPOINT_URL names.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findPython, stopChild } from '../../cli/cloud/emulator.ts';
import { decodeTx, fromHex, parseAddress, toHex } from '../../lib/codec/index.ts';
import { ROWS } from '../../lib/gossip/rows.ts';
import { p2pkhScript } from '../../lib/script/p2pkh.ts';
import type { Tx } from '../../lib/types.ts';
import { Story, type StoryBlock } from '../helpers/chain-builder.ts';
import { quickest, timed } from '../helpers/quickest.ts';
import { describeWith } from '../helpers/tools.ts';
import {
  atRest,
  callAll,
  openCloud,
  storeOf,
  type TestCloud,
  until,
  untilLogged,
} from './cloud.ts';
import { forgeries, inboxLines, isForUs } from './forgeries.ts';
import { countIn, secretsOf } from './trouble.ts';

const DEPLOY_MS = 900_000;
const COIN = 100_000_000;

interface NodeState {
  readonly height: number;
  readonly tip: string;
}
interface Balance {
  readonly confirmedSats: number;
  readonly spendableSats: number;
}

const python = process.env['AWS_ENDPOINT_URL'] ?? (await findPython());

describeWith(
  python,
  { name: 'stacks on the emulator', missing: 'MiniStack needs Python 3.10 or later with venv' },
  () => {
    let world: TestCloud;
    let story: Story;
    const secrets: string[] = [];

    beforeAll(async () => {
      world = await openCloud(3);
      story = new Story(world.params);
      secrets.push(...world.nodes().map(({ token }) => token));
    }, DEPLOY_MS);
    afterAll(async () => world?.close(), DEPLOY_MS);

    const post = async (node: number, block: StoryBlock): Promise<string> => {
      const hex = toHex(block.block.raw);
      const { body } = await world.post<{ status: string }>(node, '/v1/blocks', { hex });
      return body.status;
    };
    const state = (node: number): Promise<NodeState> => world.get(node, '/v1/node');
    const allAt = (tip: string, nodes = world.nodes().length): Promise<unknown> =>
      until(
        `all at ${tip.slice(-8)}`,
        () => Promise.all(Array.from({ length: nodes }, (_, i) => state(i))),
        (states) => states.every((each) => each.tip === tip),
      );
    const payTo = (address: string): Uint8Array => {
      const parsed = parseAddress(address);
      if (!parsed.ok) throw new Error(`${address} is no address`);
      return p2pkhScript(parsed.value.hash160);
    };
    const decodeHex = (hex: string): Tx => {
      const tx = decodeTx(fromHex(hex) ?? new Uint8Array(0));
      if (!tx.ok) throw new Error('the node gives no transaction');
      return tx.value;
    };

    it('answers, and writing is closed without a token', async () => {
      const node = await state(0);
      expect(node.height).toBe(0);
      const refused = await world.post<{ code: string }>(0, '/v1/wallets', {});
      expect([refused.status, refused.body.code]).toEqual([401, 'unauthorized']);
    });

    it('a block handed to one is the tip of all', async () => {
      const { address } = world.nodes()[0]!;
      // Wallets leave young coinbases alone, so it is paid by somebody.
      const first = story.mine({ payTo: 'founder' });
      const gift = story.pay({ from: `${first.name}:0`, to: payTo(address), sats: 20 * COIN });
      const block = story.mine({ txs: [gift] });
      expect(await post(0, first)).toBe('tip');
      expect(await post(0, block)).toBe('tip');
      await allAt(block.block.header.hash);
      const balance = await world.get<Balance>(2, `/v1/addresses/${address}`);
      expect(balance.confirmedSats).toBe(20 * COIN);
    });

    it('a payment through the API is in every mempool, then in the chain', async () => {
      const [from, to] = world.nodes();
      const sent = await world.post<{ txid: string; feeSats: number }>(
        0,
        `/v1/wallets/${from!.address}/send`,
        { to: to!.address, amountSats: 7 * COIN },
        true,
      );
      expect(sent.status).toBe(202);
      const { txid } = sent.body;
      for (const node of [0, 1, 2]) {
        await until(
          `payment in the mempool of ${node}`,
          () => world.get<{ items: { txid: string }[] }>(node, '/v1/mempool/transactions'),
          ({ items }) => items.some((item) => item.txid === txid),
        );
      }
      const raw = await fetch(`${world.nodes()[1]!.url}/api/tx/${txid}/hex`);
      const tx = story.name(decodeHex(await raw.text()), 'paid');
      const block = story.mine({ txs: [tx] });
      expect(await post(1, block)).toBe('tip');
      await allAt(block.block.header.hash);
      const balance = await world.get<Balance>(2, `/v1/addresses/${to!.address}`);
      expect(balance.confirmedSats).toBe(7 * COIN);
      // The mempool follows a moment after the tip.
      await until(
        'an empty mempool',
        () => world.get<{ count: number }>(0, '/v1/mempool'),
        ({ count }) => count === 0,
      );
    });

    it('a fork made while the queues lie still heals, and its payments come back or are refused', async () => {
      const base = story.mine({ payTo: 'alice' });
      const more = story.mine({ payTo: 'bob' });
      await post(0, base);
      await post(0, more);
      await allAt(more.block.header.hash);
      // Somebody who still handles the last block might hear of a branch by another way than its queue.
      await atRest(world);
      for (const node of [0, 1, 2]) await world.setReading(node, false);

      const contested = story.pay({
        name: 'left',
        from: `${base.name}:0`,
        to: 'carol',
        sats: COIN,
      });
      const kept = story.pay({ name: 'kept', from: `${more.name}:0`, to: 'carol', sats: 2 * COIN });
      let left = story.mine({ name: 'l1', on: more, txs: [contested, kept], payTo: 'left' });
      for (const name of ['l2', 'l3', 'l4']) left = story.mine({ name, on: left, payTo: 'left' });
      for (const name of ['l1', 'l2', 'l3', 'l4'])
        expect(await post(0, story.block(name))).toBe('tip');

      const rival = story.pay({ name: 'right', from: `${base.name}:0`, to: 'dave', sats: COIN });
      let right = story.mine({ name: 'r1', on: more, txs: [rival], payTo: 'right' });
      for (const name of ['r2', 'r3', 'r4', 'r5', 'r6']) {
        right = story.mine({ name, on: right, payTo: 'right' });
      }
      for (const name of ['r1', 'r2', 'r3', 'r4', 'r5', 'r6']) {
        expect(await post(1, story.block(name))).toBe('tip');
      }
      expect((await state(0)).tip).toBe(left.block.header.hash);
      expect((await state(1)).tip).toBe(right.block.header.hash);

      for (const node of [0, 1, 2]) await world.setReading(node, true);
      // What lies in the queues, and then what housekeeping asks for.
      for (const node of [0, 1, 2]) await world.invoke(node, 'tick');
      story.tip = right;
      await allAt(right.block.header.hash);
      const pool = await until(
        'the loser’s payment is back',
        () => world.get<{ items: { txid: string }[] }>(0, '/v1/mempool/transactions'),
        ({ items }) => items.some(({ txid }) => txid === kept.txid),
      );
      expect(pool.items.some(({ txid }) => txid === contested.txid)).toBe(false);
    });

    it('a thousand forged messages change nothing, fail nothing, and honest ones come through', async ({
      annotate,
    }) => {
      const forged = forgeries(story);
      expect(forged.length).toBe(1000);
      const silence = (): Promise<unknown> => callAll(world, 2, 'inbox', { Records: [] });
      await silence();
      const before = inboxLines(await world.logs());
      const startMs = Date.now();
      const flood = world.sendRaw(2, forged);
      // Meanwhile the network goes on.
      for (let i = 0; i < 4; i++) {
        const block = story.mine();
        expect(await post(0, block)).toBe('tip');
        await until(
          'an honest block behind the flood',
          () => state(2),
          ({ tip }) => tip === block.block.header.hash,
        );
      }
      await flood;
      await until(
        'the inbox is empty',
        () => world.waiting(2, 'InboxUrl'),
        (count) => count === 0,
      );
      const seconds = (Date.now() - startMs) / 1000;
      await annotate(`1,000 messages in ${seconds.toFixed(1)} s on the emulator`);
      await allAt(story.tip.block.header.hash);
      expect(await world.waiting(2, 'DlqUrl')).toBe(0);
      // The payment that came back in the test before, which no block has taken, and none of the forged.
      expect(await world.get(2, '/v1/mempool')).toMatchObject({ count: 1 });
      // What is not of this network is filtered out before it costs a call; each other one was
      // handled once, and none failed.
      const filtered = forged.filter((body) => !isForUs(body, world.params.genesisHash)).length;
      const after = await untilLogged(
        'a line of each message',
        async () => inboxLines(await world.logs()),
        ({ records }) => records - before.records >= 1000 - filtered,
        silence,
      );
      expect(after.failed).toBe(0);
      expect(after.records - before.records).toBeLessThan(1000 - filtered + 100);

      // An emulator's queue tells accounts apart, not roles: who was framed pays, until an operator
      // lifts it. On AWS the role's id is what counts.
      const store = storeOf(world, 2);
      const scores = await store.list(ROWS.scores, { limit: 100 });
      expect(scores.length).toBe(1);
      expect(new TextDecoder().decode(scores[0]?.value)).toContain('node1-inbox');
      await store.remove(scores);
      await store.close();
    });

    it('a miner beside the stack mines on its table, is heard by all, and ends within two seconds', async () => {
      const mineAndEnd = async (): Promise<number> => {
        const before = await state(1);
        const miner = await world.cloud.startMiner(world.nodes()[0]!);
        await until(
          'blocks of the miner',
          () => state(1),
          ({ height }) => height >= before.height + 2,
        );
        const ms = await timed(() => stopChild(miner));
        return miner.exitCode === 0 ? ms : Number.POSITIVE_INFINITY;
      };
      expect(await quickest(2000, mineAndEnd)).toBeLessThan(2000);
      // It may have ended between its last commit and the announcement: housekeeping makes up for it.
      await world.invoke(0, 'tick');
      const { tip } = await state(0);
      await allAt(tip);
    });

    it(
      'a fourth stack syncs from nothing',
      async () => {
        const { tip } = await state(0);
        await world.deploy(4);
        secrets.push(...world.nodes().map(({ token }) => token));
        await world.invoke(3, 'tick');
        await until(
          'node3 caught up',
          () => state(3),
          (node) => node.tip === tip,
        );
        const { address } = world.nodes()[1]!;
        const [one, four] = await Promise.all(
          [1, 3].map((node) => world.get<Balance>(node, `/v1/addresses/${address}`)),
        );
        expect(four).toEqual(one);
      },
      DEPLOY_MS,
    );

    it('logged no token, phrase, key or seal, ever', async () => {
      for (const index of world.nodes().keys()) secrets.push(...(await secretsOf(world, index)));
      const logs = await world.logs();
      // That the search finds what is there.
      expect(countIn(logs, '"event":"request"')).toBeGreaterThan(10);
      for (const secret of secrets) expect(countIn(logs, secret), 'a secret in a log').toBe(0);
    });
  },
);
