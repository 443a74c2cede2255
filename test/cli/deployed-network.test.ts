/** The cloud's commands mean one network, whichever directory they are called in. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { networkContext } from '../../cli/cloud/deployed-network.ts';
import { foundNetwork, stacknetBase, toNetworkFile } from '../../lib/params/index.ts';
import { cli, tempDir } from '../helpers/cli.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIN = join(ROOT, 'bin', 'stackchain.js');
const COMMANDS = ['token', 'invite', 'peers open'];
const params = {
  ...foundNetwork({ time: 1_700_000_000, bits: stacknetBase.powLimitBits }),
  name: 'elsewhere',
};
const FILE = JSON.stringify(toNetworkFile(params));
const LINE = JSON.stringify({
  network: params.name,
  genesis: params.genesisHash,
  name: 'node0',
  url: 'https://a1b2c3.execute-api.eu-west-1.amazonaws.com',
  queue: `arn:aws:sqs:eu-west-1:222222222222:stackchain-${params.name}-node0-inbox`,
  roles: ['AROA0123456789ABCDEFG'],
});

/** Another CDK app, whose file is not ours. AWS is a port where nobody listens. */
function runElsewhere(args: readonly string[]) {
  const cwd = tempDir();
  const file = join(cwd, 'network.json');
  writeFileSync(file, FILE);
  writeFileSync(join(cwd, 'cdk.json'), '{}');
  const env = {
    PATH: process.env['PATH'],
    HOME: cwd,
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
    AWS_ACCESS_KEY_ID: 'somebody',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_REGION: 'eu-west-1',
  };
  const { stderr } = spawnSync(process.execPath, [BIN, ...args], { cwd, env, encoding: 'utf8' });
  return { cwd, stderr, file: readFileSync(file, 'utf8') };
}

describe.each(COMMANDS)('`%s`', (command) => {
  it('means the checkout’s network in any directory, and another’s by --network', () => {
    const own = runElsewhere(command.split(' '));
    expect(own.stderr).toMatch(/^Error: .*\n$/);
    for (const theirs of [params.name, own.cwd]) expect(own.stderr).not.toContain(theirs);
    const named = runElsewhere([...command.split(' '), '--network', 'network.json']);
    expect(named.stderr).toContain(params.name);
  });

  it('says where no network was deployed, and where the file is damaged', async () => {
    const missing = join(tempDir(), 'network.json');
    expect(await cli([...command.split(' '), '--network', missing])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `Error: ${missing} is missing: a deploy makes it, --network names another.\n`,
    });
    writeFileSync(missing, '{"name":');
    const { code, stderr } = await cli([...command.split(' '), '--json', '--network', missing]);
    expect([code, JSON.parse(stderr).code]).toEqual([3, 'network-damaged']);
  });
});

it('`peers add LINE` writes into the file that is deployed, none that happens to be here', () => {
  const { cwd, stderr, file } = runElsewhere(['peers', 'add', LINE]);
  expect(stderr).toMatch(/^Error: .*(is missing|the line is refused).*\n$/);
  expect(stderr).not.toContain(cwd);
  expect(file).toBe(FILE);
});

it('stacknet is the network that the checkout deploys', () => {
  expect(networkContext('stacknet')).toBe(join(ROOT, 'network.json'));
  expect(networkContext(undefined)).toBe(join(ROOT, 'network.json'));
});
