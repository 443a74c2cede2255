/** Commands on a deployed node find it where `deploy` put it, also where nothing names a region. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { toNetworkFile } from '../../lib/params/index.ts';
import { easyNetwork } from '../helpers/chain-builder.ts';
import { cli, tempDir } from '../helpers/cli.ts';

const COMMANDS = ['token', 'invite', 'peers open'];
const NO_FILE = '/nonexistent/aws';

let server: Server;
/** Regions that requests were signed for. */
const regions: string[] = [];
let flags: string[];

beforeEach(async () => {
  regions.length = 0;
  server = createServer((request, response) => {
    const scope = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '');
    regions.push(scope?.[1] ?? 'unsigned');
    request.resume();
    response.statusCode = 400;
    response.setHeader('content-type', 'application/x-amz-json-1.0');
    response.end(JSON.stringify({ __type: 'ResourceNotFoundException', message: 'not here' }));
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
    expect(result.stderr).toContain('not here');
    expect([...new Set(regions)]).toEqual(['us-east-1']);
    regions.length = 0;
    await cli([...command.split(' '), ...flags], { env: { AWS_REGION: 'eu-north-1' } });
    expect([...new Set(regions)]).toEqual(['eu-north-1']);
  },
);

it.each([...COMMANDS, 'destroy'])('`%s` says where credentials come from', async (command) => {
  const result = await cli([...command.split(' '), ...flags], { env: { AWS_REGION: 'us-east-1' } });
  expect([result.code, result.stdout, regions]).toEqual([4, '', []]);
  expect(result.stderr).toBe(
    'Error: no AWS credentials here; `aws configure`, `aws sso login` or AWS_PROFILE brings some.\n',
  );
});
