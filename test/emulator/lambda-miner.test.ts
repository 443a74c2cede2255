/**
 * Two stacks whose miners are functions (`-c miner=lambda`), on an emulator: nobody else mines, and
 * nothing is called by the test but the API. With real IAM: a right that a role lacks would be missed.
 * The wait of a peer's turn is real, so the suite is slow.
 */

import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deleteStacks } from '../../cli/cloud/deployed.ts';
import { EMULATOR_ACCOUNT, EMULATOR_REGION, findPython } from '../../cli/cloud/emulator.ts';
import { parseAddress, toHex } from '../../lib/codec/index.ts';
import { p2pkhScript } from '../../lib/script/p2pkh.ts';
import { Story } from '../helpers/chain-builder.ts';
import { timed } from '../helpers/quickest.ts';
import { describeWith } from '../helpers/tools.ts';
import { openCloud, type TestCloud, until, untilLogged } from './cloud.ts';

const DEPLOY_MS = 900_000;
const WAIT_MS = 400_000;
/** A user's call waits a second for what comes in the same breath; that one ends well before. */
const BREATH_MS = 800;
/** So often two are sent at once, until they came in one breath. */
const ROUNDS = 6;
/** A peer's longest wait, the search, and what a busy machine adds. */
const CALL_MS_MAX = 30_000;
/** A coin for the second payment, two for each round. */
const HEIGHT = 2 + 2 * ROUNDS;
/** Of calls that only wake a function: no turn of its own is so late. */
const WAKING_TURN = 1000;
const COIN = 100_000_000;
const NODES = [0, 1] as const;

interface NodeState {
  readonly height: number;
  readonly tip: string;
  readonly mempool: { readonly count: number };
}
interface Call {
  readonly event: string;
  readonly cause: string;
  readonly end: string;
  readonly hash: string;
  readonly turn: number;
}

const python = process.env['AWS_ENDPOINT_URL'] ?? (await findPython());

describeWith(
  python,
  { name: 'miners that are called', missing: 'MiniStack needs Python 3.10 or later with venv' },
  () => {
    let world: TestCloud;
    let story: Story;

    const state = (node: number): Promise<NodeState> => world.get(node, '/v1/node');
    const states = (): Promise<NodeState[]> => Promise.all(NODES.map(state));
    /** Ended calls of both miners, in no order. */
    const calls = async (): Promise<Call[]> => {
      const lines = (await world.logs())
        .split('\n')
        .filter((line) => line.includes('"event":"mine"'));
      const all = lines.map((line) => JSON.parse(line.slice(line.indexOf('{'))) as Call);
      return all.filter(({ turn }) => turn !== WAKING_TURN);
    };
    const found = async (): Promise<Call[]> => (await calls()).filter(({ end }) => end === 'found');
    const confirmed = (txid: string): Promise<unknown> =>
      until(
        `${txid.slice(-8)} confirmed on both`,
        () =>
          Promise.all(
            NODES.map((node) =>
              world.get<{ status: { confirmed: boolean } }>(node, `/v1/transactions/${txid}`),
            ),
          ),
        (both) => both.every(({ status }) => status.confirmed),
        WAIT_MS,
      );
    /** A function's first call may take longer on a busy machine than a peer leaves to the other. */
    const wake = async (): Promise<void> => {
      for (const node of NODES) {
        await world.invoke(node, 'mine', { cause: 'tick', turn: WAKING_TURN });
        // As many processes as there will be requests at once.
        await Promise.all([state(node), state(node), state(node)]);
      }
    };
    /** Every call that was begun has ended, and both nodes are at the same tip with nothing waiting. */
    const atRest = async (height: number, callsEnded: number): Promise<void> => {
      const [a, b] = await until(
        `both at ${height}`,
        states,
        (both) => both.every((each) => each.height >= height && each.mempool.count === 0),
        WAIT_MS,
      );
      await untilLogged(
        `${callsEnded} calls ended`,
        calls,
        ({ length }) => length >= callsEnded,
        async () => {
          // Not while one is at it, who would hear of this one.
          await new Promise((resolve) => setTimeout(resolve, CALL_MS_MAX));
          if ((await calls()).length < callsEnded) await wake();
        },
      );
      expect([a?.height, b?.height]).toEqual([height, height]);
      expect(a?.tip).toBe(b?.tip);
    };
    /** After calls of any number: for longer than one takes none has ended. */
    const quiet = async (): Promise<void> => {
      for (let [before, now] = [-1, 0]; now !== before; ) {
        before = now;
        await new Promise((resolve) => setTimeout(resolve, CALL_MS_MAX));
        now = (await calls()).length;
      }
    };
    const payRaw = async (node: number, coin: string): Promise<string> => {
      const tx = story.pay({ from: coin, to: 'bob', sats: COIN });
      const { status } = await world.post(node, '/v1/transactions', { hex: toHex(tx.raw) });
      expect(status).toBe(202);
      return tx.txid;
    };

    beforeAll(async () => {
      world = await openCloud(2, { miner: 'lambda', auth: true });
      story = new Story(world.params);
      // Coins, in blocks that the test hands in: no transaction waits, so no miner is called.
      const parsed = parseAddress(world.nodes()[0]!.address);
      if (!parsed.ok) throw new Error('the wallet has no address');
      const first = story.mine({ payTo: 'founder' });
      const to = p2pkhScript(parsed.value.hash160);
      const gift = story.pay({ from: `${first.name}:0`, to, sats: 20 * COIN });
      const blocks = [first, story.mine({ txs: [gift], payTo: 'alice' })];
      while (blocks.length < HEIGHT) blocks.push(story.mine({ payTo: 'alice' }));
      for (const { block } of blocks) {
        const { body } = await world.post<{ status: string }>(0, '/v1/blocks', {
          hex: toHex(block.raw),
        });
        expect(body.status).toBe('tip');
      }
      await until('both have the coins', states, (both) =>
        both.every((each) => each.height === HEIGHT),
      );
    }, DEPLOY_MS);
    afterAll(async () => world?.close(), DEPLOY_MS);

    it('sleep while nothing waits', async () => {
      expect(world.nodes().map(({ outputs }) => outputs['MinerServiceName'])).toEqual([
        'none',
        'none',
      ]);
      expect(await calls()).toEqual([]);
      await wake();
      expect((await state(0)).height).toBe(HEIGHT);
    });

    it('a payment into an empty mempool is mined by the node that took it, once', async () => {
      const { address } = world.nodes()[0]!;
      const sent = await world.post<{ txid: string }>(
        0,
        `/v1/wallets/${address}/send`,
        { to: world.nodes()[1]!.address, amountSats: 7 * COIN },
        true,
      );
      expect(sent.status).toBe(202);
      await confirmed(sent.body.txid);
      // The other's call, which left the first its turn, too.
      await atRest(HEIGHT + 1, 2);
      const ended = await calls();
      expect(ended.map(({ cause, end }) => `${cause} ${end}`).sort()).toEqual([
        'peer nothing',
        'user found',
      ]);
      expect(ended.find(({ end }) => end === 'found')?.hash).toBe((await state(1)).tip);
    });

    it('a second one, at the other node, likewise', async () => {
      const [block] = [story.block('b2')];
      const before = (await calls()).length;
      await confirmed(await payRaw(1, `${block.name}:0`));
      await atRest(HEIGHT + 2, before + 2);
      expect((await found()).length).toBe(2);
    });

    it('two at once cost one run', async (context) => {
      let txids: string[] = [];
      let [before, height, blocks] = [0, 0, 0];
      for (let round = 0, ms = BREATH_MS; ms >= BREATH_MS; round++) {
        if (round > 0) await quiet();
        // On a clock of its own test/unit/node/mine-once.test.ts shows the same.
        if (round === ROUNDS) return context.skip('this machine is too busy for two at once');
        [before, height, blocks] = [
          (await calls()).length,
          (await state(0)).height,
          (await found()).length,
        ];
        const coins = [`b${3 + 2 * round}:0`, `b${4 + 2 * round}:0`];
        ms = await timed(async () => {
          txids = await Promise.all(coins.map((coin) => payRaw(0, coin)));
        });
        for (const txid of txids) await confirmed(txid);
      }
      await atRest(height + 1, before + 2);
      expect((await found()).length).toBe(blocks + 1);
      const { txs } = await world.get<{ txs: { id: string }[] }>(1, `/v1/blocks/${height + 1}`);
      expect(
        txs
          .slice(1)
          .map(({ id }) => id)
          .sort(),
      ).toEqual([...txids].sort());
    });

    it('housekeeping calls none while nothing waits; the hourly call brings an empty block', async () => {
      await world.invoke(0, 'tick');
      const before = (await calls()).length;
      const { height } = await state(0);
      await world.invoke(0, 'mine', { source: 'aws.events', 'detail-type': 'Scheduled Event' });
      await atRest(height + 1, before + 1);
      expect((await calls()).filter(({ cause }) => cause === 'tick')).toEqual([]);
      expect((await calls()).filter(({ cause }) => cause === 'hourly')).toMatchObject([
        { end: 'found', hash: (await state(1)).tip },
      ]);
    });

    it('`destroy` takes the function away with its stack', async () => {
      const config = {
        endpoint: world.cloud.endpoint,
        region: EMULATOR_REGION,
        credentials: { accessKeyId: EMULATOR_ACCOUNT, secretAccessKey: 'test' },
      };
      const lambda = new LambdaClient(config);
      const isThere = async (): Promise<boolean[]> => {
        const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
        const names = Functions.map(({ FunctionName = '' }) => FunctionName);
        return NODES.map((node) => names.some((name) => name.endsWith(`node${node}-mine`)));
      };
      expect(await isThere()).toEqual([true, true]);
      expect(await deleteStacks(config, ['node0', 'node1'], () => undefined)).toEqual([
        'node0',
        'node1',
      ]);
      expect(await isThere()).toEqual([false, false]);
      lambda.destroy();
    });
  },
);
