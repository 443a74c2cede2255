/** `deploy`: N nodes on AWS, or on a cloud emulated on this machine (`--local`). */
import { join } from 'node:path';
import type { StackLine } from '../../functions/stack-line.ts';
import { type Breakers, throughDeploy } from '../cloud/breakers.ts';
import { checkCdk, progressOf, readOutputs, runCdk } from '../cloud/cdk.ts';
import { type AwsConfig, checkAws, regionFrom } from '../cloud/checks.ts';
import { byNumber, deployedNodes, tellDeployed } from '../cloud/deployed.ts';
import { deployedNetwork } from '../cloud/deployed-network.ts';
import { createKeeper } from '../cloud/keeper.ts';
import { type CloudNode, startLocalCloud } from '../cloud/local-cloud.ts';
import { addPlanFlags, contextOf, foreignPeersOf, type Plan, readPlan } from '../cloud/plan.ts';
import type { CliCommand, Context } from '../command.ts';
import { refused } from '../errors.ts';
import { sleep } from '../host/sleep.ts';
import { listenForStop, stopInTime } from '../host/until-stopped.ts';
import { checkUrl } from '../settings.ts';

const FOLLOW_MS = 5_000;
const ANSWER_MS_MAX = 4_000;

async function printNodes(
  context: Context,
  nodes: readonly { name: string; url: string }[],
): Promise<void> {
  if (context.settings.json) {
    const shown = nodes.map(({ name, url }) => ({ name, url }));
    await context.print(JSON.stringify({ event: 'ready', nodes: shown }));
    return;
  }
  for (const { name, url } of nodes) await context.print(`${name} ${url}`);
  await context.print('Ready.');
}

async function deployLocal(context: Context, plan: Plan): Promise<void> {
  const stopping = listenForStop(context.io);
  const given = context.io.env['AWS_ENDPOINT_URL'] || undefined;
  const endpoint = given === undefined ? undefined : checkUrl(given);
  const running = runLocal(context, plan, endpoint, stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  try {
    await Promise.race([running, stopping.asked]);
    await stopInTime(running);
    if (endpoint !== undefined && stopping.signal.aborted) {
      context.note(
        `What was deployed stays at ${endpoint}; \`stackchain destroy --local\` ends it.`,
      );
    }
  } finally {
    stopping.release();
  }
}

async function runLocal(
  context: Context,
  plan: Plan,
  endpoint: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const cloud = await startLocalCloud({
    nodes: plan.nodes,
    mining: plan.miner.startsWith('fargate'),
    miners: plan.miners,
    context: contextOf(plan),
    networkFile: plan.network,
    note: (line) => context.note(line),
    signal,
    ...(plan.address !== undefined && { miningAddress: plan.address }),
    ...(endpoint !== undefined && { endpoint }),
  });
  try {
    for (const { name, token } of cloud.nodes) {
      context.io.stderr.write(`${name} token ${token}\n`);
    }
    await printNodes(context, cloud.nodes);
    // Without the slash it is the name of a bucket to the emulator.
    for (const { url } of cloud.nodes) context.note(`In a browser: ${url}/`);
    context.note('Ctrl-C ends it. Where the nodes are, every few seconds:');
    await follow(context, cloud.nodes, signal);
  } finally {
    await cloud.stop();
  }
}

/** Says every few seconds where each node is. */
async function follow(
  context: Context,
  nodes: readonly CloudNode[],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const states = await Promise.all(nodes.map((node) => stateOf(node, signal)));
    if (!signal.aborted) context.note(states.join('  '));
    await sleep(FOLLOW_MS, signal);
  }
}

async function stateOf({ name, url }: CloudNode, signal: AbortSignal): Promise<string> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]);
    const answer = await fetch(`${url}/v1/node`, { signal: limit });
    const { height, tip } = (await answer.json()) as { height: number; tip: string };
    return `${name} ${height} ${tip.slice(-8)}`;
  } catch {
    return `${name} not reachable`;
  }
}

async function deployAws(
  context: Context,
  plan: Plan,
  foreignPeers: readonly StackLine[],
): Promise<void> {
  const { env } = context.io;
  const note = (line: string): void => context.note(line);
  const config = { region: await regionFrom(env) };
  note('Checking the account…');
  const account = await checkAws({
    nodes: plan.nodes,
    hasFargate: plan.miner.startsWith('fargate'),
    config,
    foreignPeers,
    warn: (line) => context.warn(line),
  });
  note(`Deploying ${plan.nodes} nodes to ${account} in ${config.region}: some minutes…`);
  const nodes = await throughDeploy(breakersOf(context, plan, config), () =>
    deployStacks(context, plan, config.region),
  );
  const here = nodes.map(({ name }) => name);
  const network = deployedNetwork(context.settings.network)?.name;
  if (network !== undefined) {
    await tellDeployed(config, network, here).catch((error: Error) => {
      // The nodes run all the same, and the next deploy tells them.
      context.warn(`the nodes were not told that the deploy has ended: ${error.name}.`);
    });
  }
  await printNodes(context, nodes);
  for (const name of (await deployedNodes(config)).filter((each) => !here.includes(each))) {
    note(`${name} is still there; \`stackchain destroy --stack ${name}\` takes it down.`);
  }
  note('Writing is closed until `stackchain token` makes a token.');
}

const breakersOf = (context: Context, { nodes, params }: Plan, config: AwsConfig): Breakers => ({
  config,
  // No network yet, no node that could have been shut.
  ids: Array.from({ length: params === undefined ? 0 : nodes }, (_, i) => ({
    network: params?.name ?? '',
    node: `node${i}`,
  })),
  note: (line) => context.note(line),
  warn: (line) => context.warn(line),
});

/** The CDK's deploy, ended by Ctrl-C with its children. */
async function deployStacks(
  context: Context,
  plan: Plan,
  region: string,
): Promise<{ name: string; url: string }[]> {
  const keeper = createKeeper();
  const stopping = new AbortController();
  const unlisten = context.io.onStop(() => stopping.abort());
  const scratch = keeper.scratch('stackchain-deploy-');
  const file = join(scratch, 'outputs.json');
  const pairs = [`nodes=${plan.nodes}`, `network=${plan.network}`, ...contextOf(plan)];
  try {
    await runCdk(
      [
        'deploy',
        '--all',
        ...['--concurrency', '4', '--require-approval', 'never', '--import-existing-resources'],
        ...['--output', join(scratch, 'cdk.out'), '--outputs-file', file],
        ...pairs.flatMap((pair) => ['-c', pair]),
      ],
      {
        env: { ...context.io.env, AWS_REGION: region },
        note: progressOf((line) => context.note(line)),
        signal: stopping.signal,
        keeper,
      },
    );
    const nodes = Object.entries(readOutputs(file)).flatMap(([stack, { ApiUrl }]) => {
      const name = /^Stackchain-(node\d+)$/.exec(stack)?.[1];
      return name === undefined || ApiUrl === undefined ? [] : [{ name, url: ApiUrl }];
    });
    return nodes.sort((a, b) => byNumber(a.name, b.name));
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    throw refused(
      'Error: stopped; CloudFormation ends what it began, and the next deploy goes on from there.',
      'stopped',
    );
  } finally {
    unlisten();
    await keeper.close();
  }
}

export const deploy: CliCommand = {
  examples: [
    'stackchain deploy --local --nodes 3',
    'stackchain deploy --nodes 3 --miner off',
    'stackchain deploy --nodes 3 --miners 2 --address A',
  ],
  configure: addPlanFlags,
  async run(context, options) {
    const plan = readPlan(context, options);
    const foreignPeers = foreignPeersOf(plan);
    checkCdk();
    if (options['local'] === true) await deployLocal(context, plan);
    else await deployAws(context, plan, foreignPeers);
  },
};
