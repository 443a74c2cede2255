/**
 * The life of a deployed network, by the commands that a user has: an upgrade under traffic, a deploy
 * that changes nothing, one that is killed, a node taken down and put up again, nodes more and fewer,
 * and the end of it all. One emulator, one story: each test goes on where the one before ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DescribeTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetParametersByPathCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCdk } from '../../cli/cloud/cdk.ts';
import {
  EMULATOR_ACCOUNT,
  EMULATOR_REGION,
  type Emulator,
  findPython,
  startEmulator,
} from '../../cli/cloud/emulator.ts';
import { dlqName } from '../../infra/names.ts';
import { toNetworkFile } from '../../lib/params/index.ts';
import { easyNetwork } from '../helpers/chain-builder.ts';
import { freePort } from '../helpers/dynamodb.ts';
import { describeWith } from '../helpers/tools.ts';
import { until } from './cloud.ts';
import type { LifeNode } from './life-node.ts';
import { previousRelease } from './previous-release.ts';
import { balancesOf } from './replay.ts';
import { startTraffic } from './traffic.ts';

const BIN = fileURLToPath(new URL('../../bin/stackchain.js', import.meta.url));
const DEPLOY_MS = 900_000;
/** A test mines a block in a moment; the genesis is old, so that there is room for times. */
const BITS = 0x1f00ffff;
const GENESIS_AGE_SECONDS = 50_000;

interface Known {
  readonly status: { readonly confirmed: boolean };
}
interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const python = await findPython();

describeWith(
  python,
  { name: 'the life of a network', missing: 'MiniStack needs Python 3.10 or later with venv' },
  () => {
    const time = Math.floor(Date.now() / 1000) - GENESIS_AGE_SECONDS;
    const params = easyNetwork({ powLimitBits: BITS, time });
    const scratch = mkdtempSync(join(tmpdir(), 'stackchain-life-'));
    const networkFile = join(scratch, 'network.json');
    const previous = previousRelease(join(scratch, 'previous'));
    let emulator: Emulator;
    let env: Record<string, string>;
    let sqs: SQSClient;
    let dynamo: DynamoDBClient;
    let ssm: SSMClient;
    const nodes: LifeNode[] = [];
    const nodeAt = (index: number): LifeNode => {
      const node = nodes[index];
      if (node === undefined) throw new Error(`no node ${index}`);
      return node;
    };

    const start = (
      args: readonly string[],
      hear: (stderr: string, child: ChildProcess) => void = () => undefined,
    ): Promise<Ended> => {
      const child = spawn(process.execPath, [BIN, ...args], { env, stdio: 'pipe' });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk) => {
        stdout += chunk;
      });
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
        if (process.env['STACKCHAIN_DEBUG']) process.stderr.write(chunk);
        hear(stderr, child);
      });
      return new Promise((resolve) => {
        child.once('close', (code) => resolve({ code, stdout, stderr }));
      });
    };
    const run = async (...args: string[]): Promise<Ended> => {
      const ended = await start(args);
      if (ended.code !== 0) throw new Error(`${args.join(' ')}: ${ended.code} ${ended.stderr}`);
      return ended;
    };
    const deploy = (count: number): Promise<Ended> =>
      run('deploy', '--nodes', String(count), '--miner', 'off');

    const get = async <T>(node: LifeNode, path: string): Promise<T> => {
      const answer = await fetch(`${node.url}${path}`, {
        headers: { authorization: `Bearer ${node.token}` },
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as T;
    };
    const post = async <T>(node: LifeNode, path: string, body: object): Promise<T> => {
      const answer = await fetch(`${node.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${node.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
      return JSON.parse(text) as T;
    };
    const mine = async (node: LifeNode, blocks: number): Promise<void> => {
      await post(node, '/v1/mine', { blocks, address: node.address });
    };
    const tipOf = async (node: LifeNode): Promise<string> =>
      (await get<{ tip: string }>(node, '/v1/node')).tip;
    /** What each node knows of itself and of the others: for whoever reads that they disagree. */
    const portrait = async (node: LifeNode): Promise<string> => {
      const looks = ['/v1/node', '/v1/peers'].map((path) => get<unknown>(node, path));
      const seen = await Promise.allSettled(looks);
      const said = seen.map((each) =>
        each.status === 'fulfilled' ? each.value : `${each.reason}`,
      );
      return `${node.name}: ${JSON.stringify(said)}`;
    };
    const oneTip = async (): Promise<void> => {
      try {
        await until(
          'one tip',
          () => Promise.all(nodes.map(tipOf)),
          (tips) => new Set(tips).size === 1,
        );
      } catch (cause) {
        const portraits = await Promise.all(nodes.map(portrait));
        throw new Error(`${(cause as Error).message}\n${portraits.join('\n')}`, { cause });
      }
    };
    const balance = async (node: LifeNode, address: string): Promise<number> =>
      (await get<{ confirmedSats: number }>(node, `/v1/addresses/${address}`)).confirmedSats;
    const wallets = async (node: LifeNode): Promise<string[]> =>
      (await get<{ items: { address: string }[] }>(node, '/v1/wallets')).items.map(
        ({ address }) => address,
      );

    /** Its token, by the command that makes one, and its first wallet. */
    const joinNode = async (name: string): Promise<LifeNode> => {
      const url = `${emulator.endpoint}/_aws/execute-api/stackchain-${name}`;
      const { stdout } = await run('token', '--stack', name);
      const node: LifeNode = { name, url, token: stdout.trim(), address: '' };
      const made = await post<{ address: string }>(node, '/v1/wallets', {});
      node.address = made.address;
      return node;
    };

    beforeAll(async () => {
      writeFileSync(networkFile, JSON.stringify(toNetworkFile(params)));
      emulator = await startEmulator({ port: await freePort() });
      env = { ...emulator.env(), STACKCHAIN_NETWORK: networkFile };
      const config = {
        endpoint: emulator.endpoint,
        region: EMULATOR_REGION,
        credentials: { accessKeyId: EMULATOR_ACCOUNT, secretAccessKey: 'test' },
      };
      [sqs, dynamo, ssm] = [
        new SQSClient(config),
        new DynamoDBClient(config),
        new SSMClient(config),
      ];
      const account = `aws://${EMULATOR_ACCOUNT}/${EMULATOR_REGION}`;
      await runCdk(['bootstrap', account], { env, cwd: scratch });
      const context = ['nodes=2', 'miner=off', `network=${networkFile}`];
      await runCdk(
        [
          ...['deploy', '--all', '--concurrency', '4', '--require-approval', 'never'],
          ...['--output', join(scratch, 'previous.out')],
          ...[...context, `emulator=${emulator.endpoint}`].flatMap((pair) => ['-c', pair]),
        ],
        { env, cwd: previous.dir },
      );
      nodes.push(await joinNode('node0'), await joinNode('node1'));
    }, DEPLOY_MS);
    afterAll(async () => {
      for (const client of [sqs, dynamo, ssm]) client?.destroy();
      await emulator?.stop();
      rmSync(scratch, { recursive: true, force: true });
    }, DEPLOY_MS);

    it(
      `an upgrade under traffic loses nothing (from ${previous.label})`,
      async () => {
        // Wallets leave coinbases younger than ten blocks alone.
        await mine(nodeAt(0), 8);
        await oneTip();
        await mine(nodeAt(1), 8);
        await oneTip();
        const before = (await get<{ height: number }>(nodeAt(0), '/v1/node')).height;
        const traffic = startTraffic(nodes, { post, mine });
        await until(
          'traffic',
          async () => traffic.paid.length,
          (count) => count >= 5,
        );
        await deploy(2);
        const atSwitch = traffic.paid.length;
        await until(
          'more of it',
          async () => traffic.paid.length,
          (n) => n >= atSwitch + 5,
        );
        await traffic.stop();
        // A wallet may have nothing to spend for a moment, functions that are replaced may answer 5xx.
        const strange = traffic.refusals.filter(({ status }) => status >= 400 && status < 500);
        expect(strange.filter(({ text }) => !text.includes('insufficient-funds'))).toEqual([]);

        // The emulator kills a function that is replaced in the middle of a call, and its messages come
        // again when they are visible again, after three minutes. A block brings the payments at once:
        // each lies in the mempool of the node at least that took it.
        for (const node of nodes) {
          await mine(node, 1);
          await oneTip();
        }
        for (const node of nodes) {
          // One after the other: each request at once is a process of the emulator's.
          for (const txid of traffic.paid) {
            await until(
              `${txid} in the chain of ${node.name}`,
              () => get<Known>(node, `/v1/transactions/${txid}`),
              ({ status }) => status.confirmed,
            );
          }
        }
        expect((await get<{ height: number }>(nodeAt(0), '/v1/node')).height).toBeGreaterThan(
          before,
        );
        await expectReplay();
        expect(await deadLetters()).toEqual([0, 0]);
      },
      DEPLOY_MS,
    );

    /** Every coin as a replay of the blocks from genesis has it, on every node. */
    const expectReplay = async (): Promise<void> => {
      const addresses = nodes.map(({ address }) => address);
      const replayed = await balancesOf(params, nodeAt(0).url, addresses);
      for (const node of nodes) {
        expect(await Promise.all(addresses.map((each) => balance(node, each)))).toEqual(replayed);
      }
    };
    const deadLetters = (): Promise<number[]> =>
      Promise.all(
        nodes.map(async ({ name }) => {
          const queue = dlqName({ network: params.name, node: name });
          const { Attributes = {} } = await sqs.send(
            new GetQueueAttributesCommand({
              QueueUrl: `${emulator.endpoint}/${EMULATOR_ACCOUNT}/${queue}`,
              AttributeNames: ['ApproximateNumberOfMessages'],
            }),
          );
          return Number(Attributes['ApproximateNumberOfMessages']);
        }),
      );

    it(
      'a deploy without a change changes nothing',
      async () => {
        const look = () =>
          Promise.all(
            nodes.map(async (node) => ({
              // A token that the deploy had changed would be refused here.
              wallets: await wallets(node),
              balance: await balance(node, node.address),
              node: await get<{ tip: string; genesis: string }>(node, '/v1/node').then(
                ({ tip, genesis }) => ({ tip, genesis }),
              ),
            })),
          );
        const before = await look();
        const { stdout, stderr } = await deploy(2);
        expect(await look()).toEqual(before);
        expect(before[0]?.node.genesis).toBe(params.genesisHash);
        expect(stdout.trim().split('\n')).toEqual([
          ...nodes.map(({ name, url }) => `${name} ${url}`),
          'Ready.',
        ]);
        for (const stack of ['node0', 'node1', 'board']) {
          expect(stderr).toContain(`Stackchain-${stack}: no changes`);
        }
      },
      DEPLOY_MS,
    );

    it(
      'a deploy that was killed is made good by the next',
      async () => {
        const killed = await start(
          ['deploy', '--nodes', '3', '--miner', 'off'],
          (stderr, child) => {
            if (stderr.includes('templates made')) child.kill('SIGKILL');
          },
        );
        expect(killed.code).toBe(null);
        await deploy(3);
        nodes.push(await joinNode('node2'));
        await mine(nodeAt(0), 1);
        await oneTip();
        expect(await balance(nodeAt(2), nodeAt(0).address)).toBe(
          await balance(nodeAt(0), nodeAt(0).address),
        );
      },
      DEPLOY_MS,
    );

    it(
      'the middle of three goes and comes back with its wallets',
      async () => {
        const { address } = nodeAt(1);
        const before = {
          wallets: await wallets(nodeAt(1)),
          balance: await balance(nodeAt(1), address),
        };
        expect(before.balance).toBeGreaterThan(0);
        const { stderr } = await run('destroy', '--stack', 'node1');
        expect(stderr).toContain('Gone: node1.');
        expect(stderr).toContain(
          'Kept: the wallets of node1 (table stackchain-easynet-node1-wallet',
        );
        await expect(get(nodeAt(1), '/v1/node')).rejects.toThrow();
        // The others go on meanwhile.
        await mine(nodeAt(0), 1);

        await deploy(3);
        // The old token: it lies with the wallets.
        expect(await wallets(nodeAt(1))).toEqual(before.wallets);
        await mine(nodeAt(0), 1);
        await oneTip();
        expect(await balance(nodeAt(1), address)).toBe(before.balance);
        await expectReplay();
      },
      DEPLOY_MS,
    );

    it(
      'three become two, and the third is said to be still there',
      async () => {
        const { stdout, stderr } = await deploy(2);
        expect(
          stdout
            .trim()
            .split('\n')
            .map((line) => line.split(' ')[0]),
        ).toEqual(['node0', 'node1', 'Ready.']);
        expect(stderr).toContain('`stackchain destroy --stack node2` takes it down.');
        await mine(nodeAt(0), 1);
        nodes.splice(2);
        await oneTip();
      },
      DEPLOY_MS,
    );

    it(
      'destroy keeps the wallets, --delete-data does not, and each says so',
      async () => {
        const tables = async (): Promise<string[]> =>
          (await dynamo.send(new ListTablesCommand({}))).TableNames ?? [];
        const keys = async (): Promise<number> => {
          const found = await ssm.send(
            new GetParametersByPathCommand({ Path: '/stackchain', Recursive: true }),
          );
          return (found.Parameters ?? []).filter(({ Name }) => Name?.endsWith('wallet-key')).length;
        };
        const walletTables = [0, 1, 2].map((i) => `stackchain-easynet-node${i}-wallet`);
        const kept = await run('destroy', '--json');
        expect(JSON.parse(kept.stdout)).toEqual({
          event: 'destroyed',
          nodes: ['node0', 'node1', 'node2'],
          kept: walletTables,
        });
        expect((await tables()).sort()).toEqual(walletTables);
        const { Table } = await dynamo.send(
          new DescribeTableCommand({ TableName: walletTables[0] }),
        );
        expect(Table?.DeletionProtectionEnabled).toBe(true);
        expect(await keys()).toBe(3);

        const { stderr } = await run('destroy', '--delete-data');
        for (let i = 0; i < 3; i++) expect(stderr).toContain(`Deleted: the wallets of node${i} (`);
        expect(await tables()).toEqual([]);
        expect(await keys()).toBe(0);
      },
      DEPLOY_MS,
    );
  },
);
