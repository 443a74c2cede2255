/** What `deploy` asks AWS beforehand, against a server that speaks AWS's own protocols. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkAws, type DeployPlan, regionFrom } from '../../cli/cloud/checks.ts';
import { CliError } from '../../cli/errors.ts';
import { inboxName } from '../../infra/names.ts';

const ACCOUNT = '111111111111';

interface World {
  identity: 'ok' | 'ExpiredToken' | 'InvalidClientTokenId';
  bootstrap: string | undefined;
  concurrency: number;
  vpcs: readonly string[];
  vpcQuota: number | undefined;
  regions: Readonly<Record<string, string>>;
}

const xml = (name: string, inner: string): string =>
  `<${name}Response xmlns="https://aws">${inner}</${name}Response>`;

/** Answers as the four services do; `calls` are what was asked. */
function stub(world: World, calls: string[]): Server {
  return createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const target = String(request.headers['x-amz-target'] ?? '')
        .split('.')
        .at(-1);
      const action =
        target ||
        new URLSearchParams(body).get('Action') ||
        (request.url ?? '').split('?')[0] ||
        '';
      calls.push(action);
      const [status, text] = answer(world, action);
      response.statusCode = status;
      response.setHeader(
        'content-type',
        text.startsWith('{') ? 'application/x-amz-json-1.1' : 'text/xml',
      );
      response.end(text);
    });
  });
}

function answer(world: World, action: string): [number, string] {
  switch (action) {
    case 'GetCallerIdentity':
      if (world.identity !== 'ok') {
        const error = `<Error><Code>${world.identity}</Code><Message>no</Message></Error>`;
        return [403, `<ErrorResponse xmlns="https://aws">${error}</ErrorResponse>`];
      }
      return [
        200,
        xml(
          action,
          `<GetCallerIdentityResult><Account>${ACCOUNT}</Account></GetCallerIdentityResult>`,
        ),
      ];
    case 'GetParameter':
      return world.bootstrap === undefined
        ? [400, JSON.stringify({ __type: 'ParameterNotFound', message: 'no' })]
        : [200, JSON.stringify({ Parameter: { Value: world.bootstrap } })];
    case 'DescribeVpcs': {
      const items = world.vpcs.map(
        (tag) =>
          `<item><vpcId>vpc</vpcId><tagSet><item><key>Name</key><value>${tag}</value></item></tagSet></item>`,
      );
      return [200, xml(action, `<vpcSet>${items.join('')}</vpcSet>`)];
    }
    case 'DescribeRegions': {
      const items = Object.entries(world.regions).map(
        ([name, state]) =>
          `<item><regionName>${name}</regionName><optInStatus>${state}</optInStatus></item>`,
      );
      return [200, xml(action, `<regionInfo>${items.join('')}</regionInfo>`)];
    }
    case 'GetServiceQuota':
      return world.vpcQuota === undefined
        ? [400, JSON.stringify({ __type: 'AccessDeniedException', message: 'no' })]
        : [200, JSON.stringify({ Quota: { Value: world.vpcQuota } })];
    default:
      return [200, JSON.stringify({ AccountLimit: { ConcurrentExecutions: world.concurrency } })];
  }
}

let world: World;
let server: Server;
let calls: string[];
let warnings: string[];
let config: DeployPlan['config'];

beforeEach(async () => {
  world = {
    identity: 'ok',
    bootstrap: '30',
    concurrency: 1000,
    vpcs: ['a', 'b'],
    vpcQuota: 5,
    regions: { 'eu-west-1': 'opt-in-not-required', 'ap-east-1': 'not-opted-in' },
  };
  calls = [];
  warnings = [];
  server = stub(world, calls);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  config = {
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const foreign = (region: string, partition = 'aws') => {
  const name = 'far0';
  const queue = inboxName({ network: 'testnet', node: name });
  return {
    network: 'testnet',
    genesis: '0'.repeat(64),
    name,
    url: 'https://far.example',
    queue: `arn:${partition}:sqs:${region}:222222222222:${queue}`,
    roles: [],
  };
};

const check = (plan: Partial<DeployPlan> = {}): Promise<string> =>
  checkAws({
    nodes: 3,
    hasFargate: true,
    config,
    foreignPeers: [],
    warn: (line) => warnings.push(line),
    ...plan,
  });

/** The sentence and the exit code that the user sees. */
async function refusal(plan: Partial<DeployPlan> = {}): Promise<[string, number]> {
  const error = await check(plan).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof CliError)) throw new Error(`no refusal but ${String(error)}`);
  expect(error.message.split('\n').length).toBe(1);
  return [error.message, error.exit];
}

describe('an account', () => {
  it('that has all it takes is named, without a word', async () => {
    expect(await check()).toBe(ACCOUNT);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['ExpiredToken', 'Error: the AWS credentials have expired; sign in again.'],
    ['InvalidClientTokenId', 'Error: AWS does not accept the credentials: InvalidClientTokenId.'],
  ] as const)('whose credentials are %s', async (identity, sentence) => {
    world.identity = identity;
    expect(await refusal()).toEqual([sentence, 4]);
    expect(calls).toEqual(['GetCallerIdentity']);
  });

  it('without credentials', async () => {
    const none = async (): Promise<never> => {
      throw Object.assign(new Error('Could not load credentials from any providers'), {
        name: 'CredentialsProviderError',
      });
    };
    const [sentence, exit] = await refusal({
      config: { ...config, credentials: none as never },
    });
    expect([sentence, exit]).toEqual([expect.stringContaining('no AWS credentials here'), 4]);
  });

  it('that cannot be reached', async () => {
    const [sentence, exit] = await refusal({
      config: { ...config, endpoint: 'http://127.0.0.1:1' },
    });
    expect([sentence, exit]).toEqual([expect.stringContaining('AWS cannot be reached'), 4]);
  });

  it.each([
    [undefined, 'is not prepared in us-east-1'],
    ['5', 'was prepared in us-east-1 by an old CDK (version 5, 6 is needed)'],
    ['none', 'was prepared in us-east-1 by an old CDK'],
  ])('bootstrapped at version %s', async (version, part) => {
    world.bootstrap = version;
    const [sentence, exit] = await refusal();
    expect(exit).toBe(4);
    expect(sentence).toContain(part);
    expect(sentence).toContain(`npx cdk bootstrap aws://${ACCOUNT}/us-east-1`);
  });

  it('whose functions are few at once is warned, not refused', async () => {
    world.concurrency = 10;
    await check();
    expect(warnings).toEqual([expect.stringMatching(/^10 functions .* 3 nodes .* want 30/)]);
  });
});

describe('VPCs', () => {
  const five = ['a', 'b', 'c', 'd', 'e'];

  it('at the quota are refused, by its number', async () => {
    world.vpcs = five;
    const [sentence, exit] = await refusal();
    expect([sentence, exit]).toEqual([expect.stringContaining('holds 5 VPCs of 5;'), 4]);
    expect(sentence).toContain('--miner off');
  });

  it.each([
    ['the quota was raised', { vpcQuota: 20 }],
    ['the miners’ own is there', { vpcs: ['a', 'b', 'c', 'd', 'Stackchain-shared/Vpc'] }],
  ])('are no matter where %s', async (_, change) => {
    world.vpcs = five;
    Object.assign(world, change);
    expect(await check()).toBe(ACCOUNT);
  });

  it('are no matter without a Fargate miner', async () => {
    world.vpcs = five;
    await check({ hasFargate: false });
    expect(calls).not.toContain('DescribeVpcs');
  });

  it('whose quota may not be read count against the usual one', async () => {
    world.vpcs = five;
    world.vpcQuota = undefined;
    expect((await refusal())[0]).toContain('holds 5 VPCs of 5;');
  });
});

describe('a peer of another account', () => {
  it('in our region asks nothing more', async () => {
    await check({ foreignPeers: [foreign('us-east-1')] });
    expect(calls).not.toContain('DescribeRegions');
  });

  it('in another region is told of', async () => {
    await check({ foreignPeers: [foreign('eu-west-1')] });
    expect(warnings).toEqual([expect.stringContaining('the peer far0 is in eu-west-1')]);
  });

  it.each([
    ['switched off', foreign('ap-east-1'), /switched off; run `aws account enable-region/, 4],
    ['unknown', foreign('mars-west-1'), /which is no region of AWS/, 2],
    ['of another partition', foreign('cn-north-1', 'aws-cn'), /no queue of us-east-1 reaches/, 2],
  ] as const)('in a region that is %s', async (_, peer, sentence, exit) => {
    expect(await refusal({ foreignPeers: [peer] })).toEqual([
      expect.stringMatching(sentence),
      exit,
    ]);
  });
});

it('the region is the environment’s, in the CDK’s order', async () => {
  expect(await regionFrom({ AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'x' })).toBe('eu-west-1');
  expect(await regionFrom({ AWS_DEFAULT_REGION: 'eu-north-1' })).toBe('eu-north-1');
});
