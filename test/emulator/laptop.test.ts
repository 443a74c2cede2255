/**
 * A laptop joins a stack: the real command as a process, LevelDB below it, the stack's API as the one
 * way between them. The same suite runs against the endpoint that AWS_ENDPOINT_URL names.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findPython } from '../../cli/cloud/emulator.ts';
import { ok, tempDir } from '../helpers/cli.ts';
import { StackchainProcess } from '../helpers/stackchain-process.ts';
import { describeWith } from '../helpers/tools.ts';
import { openCloud, type TestCloud, until } from './cloud.ts';

const DEPLOY_MS = 900_000;
const WAIT_MS = 400_000;
const COIN = 100_000_000;

interface Status {
  readonly height: number;
  readonly tip: string;
}

const python = process.env['AWS_ENDPOINT_URL'] ?? (await findPython());

describeWith(
  python,
  { name: 'a laptop and a stack', missing: 'MiniStack needs Python 3.10 or later with venv' },
  () => {
    let world: TestCloud;
    let laptop: StackchainProcess | undefined;
    const dir = tempDir();
    const at = ['--data-dir', dir];

    beforeAll(async () => {
      world = await openCloud(1);
    }, DEPLOY_MS);
    afterAll(async () => {
      await laptop?.end('SIGTERM');
      await world?.close();
    }, DEPLOY_MS);

    const url = (): string => world.nodes()[0]?.url ?? '';
    const start = async (): Promise<StackchainProcess> => {
      const up = ['up', '--no-mining', '--port', '0', '--connect', url()];
      const node = new StackchainProcess([...up, ...at]);
      await node.line(/^Starting server/, WAIT_MS);
      return node;
    };
    const stack = (): Promise<Status> => world.get(0, '/v1/node');
    const here = async (): Promise<Status> => {
      const [line = ''] = await ok(['status', '--json', ...at]);
      return JSON.parse(line) as Status;
    };
    const mineOnStack = async (blocks: number): Promise<string> => {
      const { address } = world.nodes()[0] ?? {};
      const mined = await world.post<{ hashes: string[] }>(
        0,
        '/v1/mine',
        { blocks, address },
        true,
      );
      expect(mined.status).toBe(200);
      return mined.body.hashes.at(-1) ?? '';
    };
    const reaches = (what: string, look: () => Promise<Status>, tip: string): Promise<Status> =>
      until(what, look, (status) => status.tip === tip, WAIT_MS);

    it(
      'takes over the network and the chain of the stack, and follows it',
      async () => {
        const third = await mineOnStack(3);
        laptop = await start();
        expect(laptop.stderr).toContain(world.params.genesisHash);
        await reaches('the laptop has what there was', here, third);
        await reaches('the laptop follows', here, await mineOnStack(1));
      },
      DEPLOY_MS,
    );

    it(
      'what the laptop mines and pays reaches the stack',
      async () => {
        const [wallet = ''] = await ok(['list-addresses', ...at]);
        // A wallet with peers leaves a coinbase alone until it is ten blocks deep.
        const mined = await ok(['generate', '10', '--address', wallet, ...at]);
        await reaches('the stack has the laptop’s blocks', stack, mined.at(-1) ?? '');
        const to = world.nodes()[0]?.address ?? '';
        const before = await world.get<{ confirmedSats: number }>(0, `/v1/addresses/${to}`);
        const pay = ['send', '--from', wallet, '--to', to, '--amount', '3'];
        const [sent = ''] = await ok([...pay, '--json', ...at]);
        const { txid } = JSON.parse(sent) as { txid: string };
        await until(
          'the stack has the laptop’s payment',
          () => world.get<{ items: { txid: string }[] }>(0, '/v1/mempool/transactions'),
          ({ items }) => items.some((item) => item.txid === txid),
          WAIT_MS,
        );
        // Now a block of the laptop's that holds it.
        const [next = ''] = await ok(['generate', '1', '--address', wallet, ...at]);
        await reaches('the stack has the block with the payment', stack, next);
        const after = await world.get<{ confirmedSats: number }>(0, `/v1/addresses/${to}`);
        expect(after.confirmedSats - before.confirmedSats).toBe(3 * COIN);
      },
      DEPLOY_MS,
    );

    it(
      'killed and started again, it goes on',
      async () => {
        const before = await here();
        await laptop?.end('SIGKILL');
        const missed = await mineOnStack(2);
        laptop = await start();
        await reaches('the laptop has what it missed', here, missed);
        expect((await here()).height).toBe(before.height + 2);
        const [wallet = ''] = await ok(['list-addresses', ...at]);
        const [block = ''] = await ok(['generate', '1', '--address', wallet, ...at]);
        await reaches('the stack has the laptop’s block', stack, block);
      },
      DEPLOY_MS,
    );
  },
);
