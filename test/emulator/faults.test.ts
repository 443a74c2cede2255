/**
 * What goes wrong in a cloud, on stacks deployed by the real CDK: each time the chain goes on, nothing
 * is lost, coins equal a replay from genesis, and the data of a deployed alarm tells.
 */
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findPython } from '../../cli/cloud/emulator.ts';
import { decodeTx, fromHex, parseAddress, toHex } from '../../lib/codec/index.ts';
import { toBase64 } from '../../lib/gossip/envelope.ts';
import { ROWS } from '../../lib/gossip/rows.ts';
import { p2pkhScript } from '../../lib/script/p2pkh.ts';
import { Story, type StoryBlock } from '../helpers/chain-builder.ts';
import { coinLines, replayLines, scriptsOf } from '../helpers/chain-rig.ts';
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
import { alarmData, CAN_KILL, countIn, killOne, secretsOf, sumOfLines } from './trouble.ts';

const OPEN_MS = 900_000;
const COIN = 100_000_000;
const EASIEST = 0x207fffff;
const ALL = [0, 1, 2] as const;
const KILL_MS = 8000;
const KILLED_MIN = 6;
const PAYERS = 6;

interface NodeState {
  readonly height: number;
  readonly tip: string;
}

const python = process.env['AWS_ENDPOINT_URL'] ?? (await findPython());

describeWith(
  python,
  { name: 'faults of a cloud', missing: 'MiniStack needs Python 3.10 or later with venv' },
  () => {
    let world: TestCloud;
    let story: Story;

    beforeAll(async () => {
      world = await openCloud(3, { bits: EASIEST });
      story = new Story(world.params);
    }, OPEN_MS);
    afterAll(async () => world?.close(), OPEN_MS);

    const state = (node: number): Promise<NodeState> => world.get(node, '/v1/node');
    const allAt = (block: StoryBlock, nodes: readonly number[] = ALL): Promise<unknown> =>
      until(
        `nodes ${nodes} at ${block.name}`,
        () => Promise.all(nodes.map(state)),
        (states) => states.every(({ tip }) => tip === block.block.header.hash),
      );
    const post = async (node: number, { block }: StoryBlock): Promise<string> => {
      const body = { hex: toHex(block.raw) };
      return (await world.post<{ status: string }>(node, '/v1/blocks', body)).body.status;
    };
    const message = (type: string, raw: Uint8Array, from: string): string =>
      JSON.stringify({
        v: 1,
        network: world.params.genesisHash,
        from,
        type,
        payload: toBase64(raw),
      });
    /** Coins in the table against those that the story's own blocks leave. */
    const audit = async (node: number): Promise<void> => {
      const store = storeOf(world, node);
      const coins = await coinLines(store, scriptsOf(story.path()));
      await store.close();
      expect(coins, `coins of node${node}`).toEqual(replayLines(story.tip));
    };
    const pooled = async (node: number): Promise<string[]> => {
      const page = await world.get<{ items: { txid: string }[] }>(
        node,
        '/v1/mempool/transactions?limit=100',
      );
      return page.items.map(({ txid }) => txid);
    };
    const walletScript = (node: number): Uint8Array => {
      const address = parseAddress(world.nodes()[node]?.address ?? '');
      if (!address.ok) throw new Error('no address');
      return p2pkhScript(address.value.hash160);
    };
    /** Asks again while a function dies under it, as a client does. */
    const insist = async <T>(
      call: () => Promise<{ status: number; body: T }>,
    ): Promise<{ status: number; body: T }> =>
      until('an answer', call, ({ status }) => status < 500);

    /**
     * Hands a block in until the node has it. One that was not told of the block before, since who was
     * to tell it died, keeps no orphan of a stranger: housekeeping tells it, and it is asked again.
     */
    const handIn = (node: number, { name, block }: StoryBlock): Promise<unknown> =>
      until(
        `${name} at node${node}`,
        async () => {
          const body = { hex: toHex(block.raw) };
          const answer = await world.post<{ status: string }>(node, '/v1/blocks', body);
          if (answer.body.status === 'orphan') {
            await Promise.allSettled(ALL.map((each) => world.invoke(each, 'tick')));
          }
          return answer.body.status;
        },
        (status) => status === 'tip' || status === 'known',
      );

    it('a message that two consumers have at once, and again later, counts once', async () => {
      const blocks = [story.mine({ payTo: 'alice' }), ...story.mineMany(2)];
      const tx = story.pay({ from: `${blocks[0]?.name}:0`, to: 'bob', sats: COIN });
      const bodies = [
        ...blocks.map(({ block }) => message('block', block.raw, 'node1')),
        message('tx', tx.raw, 'node1'),
      ];
      const Records = bodies.map((body, i) => ({
        messageId: `m${i}`,
        receiptHandle: `r${i}`,
        body,
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: `${Date.now()}`,
          SenderId: '000000000000',
        },
        eventSource: 'aws:sqs',
      }));
      const atOnce = await Promise.all(
        [0, 1, 2, 3].map(() => world.invoke(0, 'inbox', { Records })),
      );
      const later = await world.invoke(0, 'inbox', { Records });
      for (const answer of [...atOnce, later]) expect(answer).toEqual({ batchItemFailures: [] });
      await world.sendRaw(1, [...bodies, ...bodies]);
      await allAt(story.tip);
      expect(await pooled(0)).toEqual([tx.txid]);
      for (const node of ALL) await audit(node);
      // Genesis and three blocks: each became part of the chain once, whoever else tried.
      const dimensions = [
        { Name: 'Network', Value: world.params.name },
        { Name: 'Node', Value: 'node0' },
      ];
      const connected = await untilLogged(
        'each block of node0 in its log',
        async () => sumOfLines(await world.logs(), 'BlocksConnected', dimensions),
        (count) => count >= 4,
        () => Promise.all([callAll(world, 0, 'inbox', { Records }), ...ALL.map(() => state(0))]),
      );
      expect(connected).toBe(4);
      const block = story.mine({ txs: [tx] });
      await post(2, block);
      await allAt(block);
    });

    it('a queue that is gone: the others hear, and who was deaf hears again', async () => {
      const { sqs } = world;
      const QueueUrl = world.nodes()[2]?.outputs['InboxUrl'] ?? '';
      const QueueName = QueueUrl.split('/').at(-1);
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl,
          AttributeNames: ['RedrivePolicy', 'VisibilityTimeout'],
        }),
      );
      await atRest(world);
      await sqs.send(new DeleteQueueCommand({ QueueUrl }));
      const before = story.tip;
      const alone = story.mine();
      expect(await post(0, alone)).toBe('tip');
      await allAt(alone, [0, 1]);
      expect((await state(2)).tip).toBe(before.block.header.hash);
      await untilLogged(
        'node0 says that a peer is away',
        () => alarmData(world, 0, 'PeerAway'),
        (sum) => sum > 0,
        () => Promise.all(ALL.map(() => state(0))),
      );
      await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
      // The peer is called when it is due, and told when something is new.
      await until(
        'node2 hears again',
        async () => {
          await world.invoke(0, 'tick');
          const block = story.mine();
          await post(0, block);
          await new Promise((resolve) => setTimeout(resolve, 1000));
          return state(2);
        },
        ({ tip }) => tip === story.tip.block.header.hash,
      );
      await allAt(story.tip);
      for (const node of ALL) await audit(node);
    });

    it('a message that meets a fault of ours ends among the dead letters, and can be taken again', async () => {
      const block = story.mine({ payTo: 'bob' });
      const { hash } = block.block.header;
      // Damage of our table at the one row that this block's message needs.
      const damaged = { pk: ROWS.leases, sk: hash };
      const store = storeOf(world, 2);
      await store.put([{ ...damaged, value: new TextEncoder().encode('no JSON') }]);
      // Nobody else has it: what is known of elsewhere comes by a sync, round the damage.
      const poison = message('block', block.block.raw, 'node1');
      await world.sendRaw(2, [poison]);
      await until(
        'the dead letter',
        () => world.waiting(2, 'DlqUrl'),
        (count) => count >= 1,
      );
      expect(await alarmData(world, 2, 'DlqNotEmpty')).toBeGreaterThan(0);
      expect((await state(2)).tip).not.toBe(hash);
      await post(0, block);
      await allAt(block, [0, 1]);
      await store.remove([damaged]);
      await store.close();
      await world.sendRaw(2, [poison]);
      await allAt(block);
      await audit(2);
    });

    it('functions killed in the midst of their work', async () => {
      const rich = story.mine({ payTo: 'carol' });
      const gift = story.spend({
        inputs: [`${rich.name}:0`],
        outputs: [
          ...ALL.map(() => ({ to: walletScript(0), sats: 5 * COIN })),
          ...Array.from({ length: PAYERS }, (_, i) => ({ to: `payer${i}`, sats: 2 * COIN })),
        ],
      });
      story.mine({ txs: [gift] });
      await post(0, rich);
      await post(0, story.tip);
      await allAt(story.tip);

      let killed = 0;
      const endMs = Date.now() + KILL_MS;
      // However slow the machine is, some die, and all payments are tried.
      const isKilling = (): boolean => Date.now() < endMs || (CAN_KILL && killed < KILLED_MIN);
      const killing = (async () => {
        while (isKilling()) {
          if (killOne(world)) killed++;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      })();
      const offered = new Set<string>();
      const paid: string[] = [];
      const sent: { status: number; txid: string | undefined }[] = [];
      for (let i = 0; i < PAYERS || isKilling(); i++) {
        const node = i % 3;
        const block = story.mine();
        await handIn(node, block);
        if (i < PAYERS) {
          const from = `${gift.txid}:${ALL.length + i}`;
          const tx = story.pay({ from, to: 'dave', sats: COIN });
          offered.add(tx.txid);
          const body = { hex: toHex(tx.raw) };
          const taken = await insist(() => world.post(node, '/v1/transactions', body));
          if (taken.status < 300) paid.push(tx.txid);
        }
        if (i < ALL.length) {
          const path = `/v1/wallets/${world.nodes()[0]?.address}/send`;
          const body = { to: world.nodes()[1]?.address, amountSats: COIN + i };
          const answer = await insist(() =>
            world.post<{ txid?: string }>(0, path, body, true, { 'idempotency-key': `pay-${i}` }),
          );
          sent.push({ status: answer.status, txid: answer.body.txid });
        }
      }
      await killing;
      expect(paid.length, 'payments that were taken').toBe(PAYERS);
      if (CAN_KILL) expect(killed).toBeGreaterThanOrEqual(KILLED_MIN);

      // Housekeeping makes up for what the dead left undone: at once, or when their leases are over.
      const before = story.tip.block.header.hash;
      for (const node of ALL) {
        await until(
          `node${node} has what there was`,
          async () => {
            await world.invoke(node, 'tick');
            return state(node);
          },
          ({ tip }) => tip === before,
        );
      }
      const last = story.mine();
      await handIn(1, last);
      await allAt(last);
      for (const node of ALL) await audit(node);

      // What was taken is there, and a key of a payment that died pays at most once.
      const pools = await Promise.all(ALL.map(pooled));
      const all = new Set(pools.flat());
      for (const txid of paid) expect(all.has(txid), 'a payment that was taken').toBe(true);
      for (const { status, txid } of sent) {
        expect([202, 409]).toContain(status);
        if (txid !== undefined) expect(all.has(txid), 'a payment of the wallet').toBe(true);
      }
      const byWallet = [...all].filter((txid) => !offered.has(txid));
      expect(byWallet.length).toBeLessThanOrEqual(sent.length);

      const txs = await Promise.all(
        [...all].map(async (txid) => {
          const node = pools.findIndex((pool) => pool.includes(txid));
          const raw = await fetch(`${world.nodes()[node]?.url}/api/tx/${txid}/hex`);
          const tx = decodeTx(fromHex(await raw.text()) ?? new Uint8Array(0));
          if (!tx.ok) throw new Error(`${txid} is no transaction`);
          return story.name(tx.value);
        }),
      );
      const block = story.mine({ txs });
      expect(await post(0, block)).toBe('tip');
      await allAt(block);
      for (const node of ALL) await audit(node);
    });

    it('a tick that dies is seen by the alarm on its errors', async (context) => {
      let failed = false;
      const hits = await until(
        'a death',
        async () => {
          let ended = false;
          const call = world.invoke(0, 'tick').catch(() => {
            failed = true;
          });
          void call.finally(() => {
            ended = true;
          });
          let shots = 0;
          while (!ended) {
            if (killOne(world, 'node0-tick')) shots++;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          return shots;
        },
        (shots) => failed || shots === 0,
      );
      if (hits === 0) return context.skip('the emulator shows no processes');
      await until(
        'an error of the tick',
        () => alarmData(world, 0, 'Errors-tick'),
        (sum) => sum > 0,
      );
      await world.invoke(0, 'tick');
    });

    it('no log holds a phrase, a key, a seal or a token', async () => {
      const secrets = (await Promise.all(ALL.map((node) => secretsOf(world, node)))).flat();
      const logs = await world.logs();
      // That the search finds what is there.
      expect(countIn(logs, '"event":"request"')).toBeGreaterThan(10);
      for (const name of ['inbox', 'tick'])
        expect(countIn(logs, `"event":"${name}"`)).toBeGreaterThan(0);
      for (const secret of secrets) expect(countIn(logs, secret), 'a secret in a log').toBe(0);
    });
  },
);
