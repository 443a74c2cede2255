/** `deploy`: N nodes on AWS, or on a cloud emulated on this machine (`--local`). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress } from '../../lib/codec/address.ts';
import { checkCdk, readOutputs, runCdk } from '../cloud/cdk.ts';
import { checkAws } from '../cloud/checks.ts';
import { type CloudNode, startLocalCloud } from '../cloud/local-cloud.ts';
import { type CliCommand, type Context, textOption } from '../command.ts';
import { usage } from '../errors.ts';
import { sleep } from '../host/sleep.ts';
import { wholeNumber } from '../numbers.ts';

const NODES_MAX = 50;
const FOLLOW_MS = 5_000;
const MINER_KINDS = ['fargate', 'fargate-spot', 'lambda', 'off'];

interface Plan {
  readonly nodes: number;
  readonly miner: string;
  /** Context of the CDK's app beside the number of nodes. */
  readonly context: readonly string[];
}

function readPlan(options: Readonly<Record<string, unknown>>): Plan {
  const text = textOption(options, 'nodes') ?? textOption(options, 'numNodes') ?? '3';
  const miner = textOption(options, 'miner') ?? 'fargate';
  if (!MINER_KINDS.includes(miner)) {
    throw usage(`Error: --miner is one of ${MINER_KINDS.join(', ')}.`);
  }
  const nodes = wholeNumber(text, { flag: '--nodes', min: 1, max: NODES_MAX });
  const address = textOption(options, 'address');
  if (address !== undefined && !parseAddress(address).ok) {
    throw usage('Error: Address is not valid');
  }
  const context = [`miner=${miner}`, ...(address === undefined ? [] : [`address=${address}`])];
  return { nodes, miner, context };
}

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
  const stopping = new AbortController();
  const unlisten = context.io.onStop(() => stopping.abort());
  const endpoint = context.io.env['AWS_ENDPOINT_URL'] || undefined;
  try {
    const cloud = await startLocalCloud({
      nodes: plan.nodes,
      // A `lambda` miner is a function: the emulator runs it.
      mining: plan.miner.startsWith('fargate'),
      context: [...plan.context, 'dev=true'],
      note: (line) => context.note(line),
      signal: stopping.signal,
      ...(endpoint !== undefined && { endpoint }),
      ...(context.settings.network !== undefined && { networkFile: context.settings.network }),
    });
    try {
      for (const { name, token } of cloud.nodes) {
        context.io.stderr.write(`${name} token ${token}\n`);
      }
      await printNodes(context, cloud.nodes);
      await follow(context, cloud.nodes, stopping.signal);
    } finally {
      await cloud.stop();
    }
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    unlisten();
  }
}

/** Says every few seconds where each node is. */
async function follow(
  context: Context,
  nodes: readonly CloudNode[],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const states = await Promise.all(nodes.map((node) => stateOf(node)));
    context.note(states.join('  '));
    await sleep(FOLLOW_MS, signal);
  }
}

async function stateOf({ name, url }: CloudNode): Promise<string> {
  try {
    const answer = await fetch(`${url}/v1/node`);
    const { height, tip } = (await answer.json()) as { height: number; tip: string };
    return `${name} ${height} ${tip.slice(-8)}`;
  } catch {
    return `${name} not reachable`;
  }
}

async function deployAws(context: Context, plan: Plan): Promise<void> {
  const { env } = context.io;
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1';
  const note = (line: string): void => context.note(line);
  const hasFargate = plan.miner.startsWith('fargate');
  await checkAws({ nodes: plan.nodes, hasFargate, region, note });
  const scratch = mkdtempSync(join(tmpdir(), 'stackchain-deploy-'));
  const file = join(scratch, 'outputs.json');
  try {
    await runCdk(
      [
        'deploy',
        '--all',
        ...['--concurrency', '4', '--require-approval', 'never', '--import-existing-resources'],
        ...['--outputs-file', file],
        ...[`nodes=${plan.nodes}`, ...plan.context].flatMap((pair) => ['-c', pair]),
      ],
      { env, note },
    );
    const nodes = Object.entries(readOutputs(file)).flatMap(([stack, { ApiUrl }]) => {
      const name = /^Stackchain-(node\d+)$/.exec(stack)?.[1];
      return name === undefined || ApiUrl === undefined ? [] : [{ name, url: ApiUrl }];
    });
    await printNodes(context, nodes);
    context.note('Writing is closed until `stackchain token` makes a token.');
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export const deploy: CliCommand = {
  examples: ['stackchain deploy --local --nodes 3', 'stackchain deploy --nodes 3 --miner off'],
  configure(command) {
    command
      .option('--nodes <N>', 'how many (default: 3)')
      .option('--num-nodes <N>', 'the same')
      .option('--local', 'on an emulator, until Ctrl-C')
      .option('--miner <kind>', 'fargate, fargate-spot, lambda or off (default: fargate)')
      .option(
        '--address <A>',
        'who the miners pay (default: nobody; Fargate with --local: their nodes)',
      );
  },
  async run(context, options) {
    const plan = readPlan(options);
    checkCdk();
    if (options['local'] === true) await deployLocal(context, plan);
    else await deployAws(context, plan);
  },
};
