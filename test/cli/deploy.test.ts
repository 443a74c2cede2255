/** What `deploy` and `destroy` refuse before anything is installed, asked or started. */
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contextOf, foreignPeersOf, readPlan } from '../../cli/cloud/plan.ts';
import type { Context } from '../../cli/command.ts';
import { foundNetwork, stacknetBase, toNetworkFile } from '../../lib/params/index.ts';
import { cli, tempDir } from '../helpers/cli.ts';

const params = foundNetwork({ time: 1_700_000_000, bits: stacknetBase.powLimitBits });
const ADDRESS = '1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH';

function networkFile(change: object = {}): string {
  const path = join(tempDir(), 'network.json');
  writeFileSync(path, JSON.stringify({ ...toNetworkFile(params), ...change }));
  return path;
}

function damaged(text: string): string {
  const path = join(tempDir(), 'network.json');
  writeFileSync(path, text);
  return path;
}

const planOf = (options: object, network = networkFile()) =>
  readPlan({ settings: { network } } as unknown as Context, { ...options });

describe('a plan', () => {
  it('reaches the CDK whole', () => {
    const plan = planOf({ nodes: '2', miner: 'fargate-spot', miners: '4', address: ADDRESS });
    expect(plan).toMatchObject({ nodes: 2, params: { genesisHash: params.genesisHash } });
    expect(contextOf(plan)).toEqual(['miner=fargate-spot', 'miners=4', `address=${ADDRESS}`]);
  });

  it('is three nodes with a Fargate miner each, on stacknet, where nothing is said', () => {
    const plan = readPlan({ settings: {} } as unknown as Context, {});
    expect(plan).toMatchObject({ nodes: 3, miner: 'fargate', miners: 1 });
    expect(plan.network).toMatch(/network\.json$/);
    expect(contextOf(plan)).toEqual(['miner=fargate', 'miners=1']);
  });

  it('takes the seed’s flag and regtest', () => {
    expect(planOf({ numNodes: '5' }).nodes).toBe(5);
    expect(planOf({}, 'regtest')).toMatchObject({
      network: 'regtest',
      params: { name: 'regtest' },
    });
  });

  it('refuses a peer’s line that is none', () => {
    const plan = planOf({}, networkFile({ peers: ['{"name":"far0"}'] }));
    expect(() => foreignPeersOf(plan)).toThrow(/^Error: a peer's line in .* is refused: /);
  });
});

describe('deploy refuses', () => {
  it.each([
    [['--nodes', '0'], 'Error: --nodes takes a whole number from 1 to 50.'],
    [['--miners', '21'], 'Error: --miners takes a whole number from 1 to 20.'],
    [['--miner', 'gpu'], 'Error: --miner is one of '],
    [['--address', '1abc'], 'Error: Address is not valid'],
    [['--address', 'mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn'], 'Error: Address is not valid'],
  ])('%s', async (flags, sentence) => {
    for (const where of [[], ['--local']]) {
      const { code, stderr, stdout } = await cli(['deploy', ...where, ...flags], {
        env: { STACKCHAIN_NETWORK: networkFile() },
      });
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain(sentence);
      expect(stderr.trim().split('\n').length).toBe(1);
    }
  });

  it.each([
    ['it is not JSON', '{"name":'],
    ['genesis', '{"name":"x"}'],
  ])('a damaged network file: %s', async (part, text) => {
    const { code, stderr, stdout } = await cli(['deploy', '--local', '--json'], {
      env: { STACKCHAIN_NETWORK: damaged(text) },
    });
    expect([code, stdout]).toEqual([3, '']);
    expect(JSON.parse(stderr)).toMatchObject({ code: 'network-damaged' });
    expect(JSON.parse(stderr).detail).toContain(part);
  });

  it('a peer’s line that is none, with --local too', async () => {
    const path = networkFile({ peers: ['{"name":"far0"}'] });
    const { code, stderr, stdout } = await cli(['deploy', '--local'], {
      env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', STACKCHAIN_NETWORK: path },
    });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Error: a peer's line in .* is refused: .*\n$/);
  });

  it.each([
    ['https://sqs.eu-west-1.amazonaws.com', 2, 'names AWS itself'],
    ['http://127.0.0.1:1/', 4, 'no emulator answers at http://127.0.0.1:1'],
    ['127.0.0.1:4566', 2, 'is not a'],
  ])('--local on %s', async (endpoint, exit, part) => {
    const { code, stderr, stdout } = await cli(['deploy', '--local'], {
      env: { AWS_ENDPOINT_URL: endpoint, STACKCHAIN_NETWORK: networkFile() },
    });
    expect([code, stdout]).toEqual([exit, '']);
    expect(stderr).toContain(part);
  });
});

describe('destroy refuses', () => {
  it.each([
    [['--local'], {}, 'set AWS_ENDPOINT_URL'],
    [['--stack', 'board'], {}, '--stack takes a name like node0'],
    [['--stack', 'node1', '--nodes', '2'], {}, 'either --stack or --nodes'],
    [['--delete-data'], { STACKCHAIN_NETWORK: '/nowhere.json' }, 'whose wallets?'],
  ])('%s', async (flags, env, part) => {
    const { code, stderr, stdout } = await cli(['destroy', ...flags], { env });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(part);
  });
});

it.each(['deploy', 'destroy'])('%s --local says that no emulator is there', async (command) => {
  const { code, stdout, stderr } = await cli([command, '--local'], {
    env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', STACKCHAIN_NETWORK: networkFile() },
  });
  expect([code, stdout]).toEqual([4, '']);
  expect(stderr).toBe('Error: no emulator answers at http://127.0.0.1:1 (AWS_ENDPOINT_URL).\n');
});

describe('an emulator that takes connections and says nothing', () => {
  let silent: Server;
  const sockets = new Set<Socket>();
  beforeEach(async () => {
    silent = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it('is given up in good time', async () => {
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { code, stdout, stderr } = await cli(['deploy', '--local', '-q'], {
      env: { AWS_ENDPOINT_URL: endpoint, STACKCHAIN_NETWORK: networkFile() },
    });
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toBe(`Error: no emulator answers at ${endpoint} (AWS_ENDPOINT_URL).\n`);
  }, 60_000);
});
