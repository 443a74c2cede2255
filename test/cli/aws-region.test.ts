/** Commands on a deployed node find it where `deploy` put it, also where nothing names a region. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deleteWallets } from '../../cli/cloud/deployed.ts';
import { toNetworkFile } from '../../lib/params/index.ts';
import { easyNetwork } from '../helpers/chain-builder.ts';
import { cli, tempDir } from '../helpers/cli.ts';

const COMMANDS = ['token', 'invite', 'peers open'];
const NO_FILE = '/nonexistent/aws';

let server: Server;
/** Regions that requests were signed for. */
const regions: string[] = [];
/** What AWS answers. */
let refusal: string;
/** What CloudFormation answers instead. */
let stacks: string | undefined;
let flags: string[];

beforeEach(async () => {
  regions.length = 0;
  refusal = 'AccessDeniedException';
  stacks = undefined;
  server = createServer((request, response) => {
    const scope = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '');
    regions.push(scope?.[1] ?? 'unsigned');
    request.resume();
    if (request.headers['x-amz-target'] === undefined && stacks !== undefined) {
      response.end(stacks);
      return;
    }
    response.statusCode = 400;
    response.setHeader('content-type', 'application/x-amz-json-1.0');
    response.end(JSON.stringify({ __type: refusal, message: 'not yours' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_CONFIG_FILE', NO_FILE);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', NO_FILE);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  const file = join(tempDir(), 'network.json');
  writeFileSync(file, JSON.stringify(toNetworkFile(easyNetwork({ time: 1_700_000_000 }))));
  flags = ['--network', file];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const sign = (): void => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'somebody');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
};

it.each(COMMANDS)(
  '`%s` asks in us-east-1, as `deploy` does, or where it is told to',
  async (command) => {
    sign();
    const result = await cli([...command.split(' '), ...flags]);
    expect([result.code, result.stdout]).toEqual([4, '']);
    expect(result.stderr).toContain('not yours');
    expect([...new Set(regions)]).toEqual(['us-east-1']);
    regions.length = 0;
    await cli([...command.split(' '), ...flags], { env: { AWS_REGION: 'eu-north-1' } });
    expect([...new Set(regions)]).toEqual(['eu-north-1']);
  },
);

it.each([
  ['token', 'ResourceNotFoundException'],
  ['invite', 'ParameterNotFound'],
  ['peers open', 'QueueDoesNotExist'],
])('`%s` says that there is no such node: %s', async (command, fault) => {
  sign();
  refusal = fault;
  const result = await cli([...command.split(' '), ...flags, '--json']);
  expect([result.code, result.stdout]).toEqual([1, '']);
  expect(JSON.parse(result.stderr)).toMatchObject({ code: 'not-found', status: 404 });
  const said = await cli([...command.split(' '), ...flags], { env: { AWS_REGION: 'eu-north-1' } });
  expect(said.stderr).toMatch(/^Error: no .*: nothing of that name is deployed in eu-north-1\.\n$/);
});

it.each(COMMANDS)('`%s` asks nothing for a name that no node can have', async (command) => {
  sign();
  const to = (node: string) => (command === 'peers open' ? [node] : ['--stack', node]);
  for (const bad of ['Node0', 'node_0', '', '*', '../node0', 'a'.repeat(21)]) {
    const result = await cli([...command.split(' '), ...to(bad), ...flags]);
    expect([result.code, result.stdout]).toEqual([2, '']);
    expect(result.stderr).toBe(
      `Error: '${bad}' is no name of a node: up to 20 of a-z, 0-9 and hyphens, a letter first.\n`,
    );
  }
  expect(regions).toEqual([]);
});

it('`destroy` says that wallets cannot be read, which is the other side’s', async () => {
  sign();
  const result = '<DescribeStacksResult><Stacks/></DescribeStacksResult>';
  stacks = `<DescribeStacksResponse>${result}</DescribeStacksResponse>`;
  expect(await cli(['destroy', ...flags])).toMatchObject({
    code: 4,
    stdout: '',
    stderr: 'Error: which wallets there are cannot be read: AccessDeniedException.\n',
  });
});

it('and whose wallets cannot be deleted', async () => {
  sign();
  const wallets = [{ node: 'node1', table: 'stackchain-x-node1-wallets', key: '/x/node1/key' }];
  await expect(deleteWallets({ region: 'us-east-1' }, wallets)).rejects.toMatchObject({
    exit: 4,
    message: 'Error: the wallets of node1 cannot be deleted: AccessDeniedException.',
  });
});

it.each([...COMMANDS, 'destroy'])('`%s` says where credentials come from', async (command) => {
  const result = await cli([...command.split(' '), ...flags], { env: { AWS_REGION: 'us-east-1' } });
  expect([result.code, result.stdout, regions]).toEqual([4, '', []]);
  expect(result.stderr).toBe(
    'Error: no AWS credentials here; `aws configure`, `aws sso login` or AWS_PROFILE brings some.\n',
  );
});
