/** `network`: several nodes on this machine, which gossip, mine and take payments. */

import { createThreadedVerifier } from '../../lib/adapters/threaded-verifier.ts';
import { coinsText } from '../../lib/api/seed-json.ts';
import { type CliCommand, type Context, textOption } from '../command.ts';
import { usage } from '../errors.ts';
import { createView, type View } from '../host/live-view.ts';
import {
  type LocalNetworkOptions,
  type LocalNode,
  startLocalNetwork,
} from '../host/local-network.ts';
import { warnOfVerifier } from '../host/log.ts';
import { runTraffic } from '../host/traffic.ts';
import { listenForStop, type StopRequest, stopInTime } from '../host/until-stopped.ts';
import { portNumber, threadCount, wholeNumber } from '../numbers.ts';
import { readRpc } from './up.ts';

const NODES_MAX = 50;
const DEFAULTS = { nodes: '3', port: '8400', miningNodes: '2', threads: '1' };

function readNetwork(
  options: Readonly<Record<string, unknown>>,
): Pick<LocalNetworkOptions, 'nodes' | 'port' | 'miningNodes' | 'threads' | 'rpc'> {
  const number = (name: keyof typeof DEFAULTS, flag: string, min: number, max: number): number =>
    wholeNumber(textOption(options, name) ?? DEFAULTS[name], { flag, min, max });
  const nodes = wholeNumber(
    textOption(options, 'numNodes') ?? textOption(options, 'nodes') ?? DEFAULTS.nodes,
    { flag: '--nodes', min: 1, max: NODES_MAX },
  );
  const mining = number('miningNodes', '--mining-nodes', 0, NODES_MAX);
  const port = portNumber(textOption(options, 'port') ?? DEFAULTS.port);
  if (port + nodes > 65_536) throw usage('Error: --port leaves no ports for so many nodes.');
  return {
    nodes,
    port,
    miningNodes: options['mining'] === false ? 0 : Math.min(mining, nodes),
    threads: threadCount(textOption(options, 'threads') ?? DEFAULTS.threads),
    rpc: readRpc(options),
  };
}

async function run(context: Context, options: Readonly<Record<string, unknown>>): Promise<void> {
  const { settings, io } = context;
  const wanted = readNetwork(options);
  const view = createView(io, { quiet: settings.quiet || settings.json });
  const verifier = createThreadedVerifier();
  warnOfVerifier(verifier, context.warn);
  const stop = listenForStop(io);
  try {
    const { signal } = stop;
    const nodes = await startLocalNetwork(context, {
      ...wanted,
      verifier,
      signal,
      warn: view.warn,
    });
    try {
      await sayReady(context, nodes);
      await runAll(context, nodes, { view, stop, traffic: options['traffic'] === true });
    } finally {
      context.note('Stopping ...');
      await stopInTime(Promise.all(nodes.map((node) => node.stop())));
    }
  } catch (error) {
    // Asked to end while it was still founding its network: nothing was left half done.
    if (!stop.signal.aborted) throw error;
  } finally {
    stop.release();
  }
}

async function sayReady({ settings, print, note }: Context, nodes: readonly LocalNode[]) {
  if (settings.json) {
    const list = nodes.map(({ name, url, dir, address }) => ({ name, url, dataDir: dir, address }));
    await print(JSON.stringify({ event: 'ready', nodes: list }));
    return;
  }
  for (const { name, url, address } of nodes) await print(`${name} ${url} ${address}`);
  await print('Ready.');
  for (const line of tryLines(nodes)) note(line);
}

/** What a newcomer can do now, in another terminal. */
function tryLines(nodes: readonly LocalNode[]): string[] {
  const [first, second = first] = nodes;
  if (first === undefined || second === undefined) return [];
  const at = `--data-dir ${first.dir}`;
  return [
    '',
    'In another terminal:',
    `  npx stackchain status ${at}`,
    `  npx stackchain get-balance ${at} --address ${first.address}`,
    `  npx stackchain send ${at} --from ${first.address} --to ${second.address} --amount 1`,
    `  npx stackchain print-blockchain ${at} --limit 1`,
    `  open ${first.url} in a browser`,
    'These addresses look like Bitcoin’s. Never send bitcoins to them.',
    '',
  ];
}

/** Until it is told to end. */
async function runAll(
  context: Context,
  nodes: readonly LocalNode[],
  how: { readonly view: View; readonly stop: StopRequest; readonly traffic: boolean },
): Promise<void> {
  const { view, stop, traffic } = how;
  const { signal } = stop;
  const emit = (event: Readonly<Record<string, unknown>>): void => {
    if (context.settings.json) void context.print(JSON.stringify(event));
  };
  const forgetting = nodes.map(({ name, node }) =>
    node.on((event) => {
      if (event.type === 'tx') emit({ event: 'tx', node: name, txid: event.txid });
      else emit({ event: 'block', node: name, hash: event.hash, height: event.height });
    }),
  );
  const payments = traffic
    ? runTraffic(nodes, {
        signal,
        line: view.line,
        onFailure: view.warn,
        onPayment: (payment) => {
          const { node, from, to, amountSats } = payment;
          view.line(`${node}: ${from} pays ${coinsText(amountSats)} to ${to}`);
          emit({ event: 'payment', ...payment });
        },
      })
    : Promise.resolve();
  await Promise.all([view.run(nodes, signal), payments]);
  for (const forget of forgetting) forget();
}

export const network: CliCommand = {
  examples: [
    'stackchain network                        # three nodes, two of them mining',
    'stackchain network --nodes 5 --traffic    # with random payments',
    'stackchain network --network regtest --no-mining --port 0 --json',
  ],
  configure(command) {
    command
      .option('--nodes <N>', `how many (default: ${DEFAULTS.nodes})`)
      .option('--num-nodes <N>', 'the same')
      .option('--port <P>', 'of node0, the next one of node1, and so on; 0: any', DEFAULTS.port)
      .option('--mining-nodes <N>', 'the first so many mine', DEFAULTS.miningNodes)
      .option('--threads <N>', 'mining threads a node', DEFAULTS.threads)
      .option('--no-mining', 'nobody mines')
      .option('--traffic', 'random payments between ten wallets a node')
      .option('--rpc-user <U>', 'for JSON-RPC, beside the cookie')
      .option('--rpc-password <P>', 'for JSON-RPC, beside the cookie');
  },
  run,
};
