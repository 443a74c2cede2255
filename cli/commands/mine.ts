/**
 * `mine`: the miner for a node that runs elsewhere, by getblocktemplate: one of ours, or any that
 * speaks Bitcoin's JSON-RPC. Takes minerd's flags and prints its lines. With no node running it mines
 * on the chain of the directory.
 */
import { availableParallelism } from 'node:os';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { systemRandom } from '../../lib/adapters/system-random.ts';
import type { Kernel } from '../../lib/adapters/wasm-engine.ts';
import { prepareWide } from '../../lib/adapters/wide-kernel.ts';
import { parseAddress } from '../../lib/codec/index.ts';
import type { WorkSource } from '../../lib/mining/types.ts';
import { type ChainParams, parseNetworkFile } from '../../lib/params/index.ts';
import { p2pkhScript } from '../../lib/script/index.ts';
import { createMiner } from '../../miner/miner.ts';
import {
  createRpcSource,
  type RpcSourceOptions,
  UnauthorizedFault,
} from '../../miner/rpc-source.ts';
import { type CliCommand, type Context, textOption } from '../command.ts';
import { CliError, EXIT, refused, usage } from '../errors.ts';
import { createClient, urlFetcher } from '../host/client.ts';
import { withChain } from '../host/connect.ts';
import { readToken } from '../host/data-dir.ts';
import { logTo } from '../host/log.ts';
import { createMinerReport } from '../host/miner-report.ts';
import { checkChoice, chosenNetwork, expectedForm, scriptOfAddress } from '../host/network.ts';
import { paceOf } from '../host/paced-source.ts';
import { listenForStop, stopInTime } from '../host/until-stopped.ts';
import { withKeystore } from '../host/wallet.ts';
import { threadCount } from '../numbers.ts';
import { checkUrl, type Settings } from '../settings.ts';

/** minerd's scantime: how often each thread's rate is told. */
const RATES_MS = 5_000;

interface Job {
  readonly source: RpcSourceOptions;
  /** Undefined: the node does not say which network it is of. */
  readonly params: ChainParams | undefined;
}

interface Wanted {
  readonly address: string | undefined;
  readonly threads: number;
  readonly wide: boolean;
  readonly login: { readonly user: string; readonly password: string } | undefined;
}

function readWanted(options: Readonly<Record<string, unknown>>): Wanted {
  const algo = textOption(options, 'algo') ?? 'sha256d';
  if (algo !== 'sha256d') throw usage(`Error: the algorithm is sha256d, not '${algo}'.`);
  const pair = textOption(options, 'userpass')?.match(/^([^:]*):(.*)$/s);
  if (options['userpass'] !== undefined && !pair) throw usage('Error: --userpass takes USER:PASS.');
  const user = pair?.[1] ?? textOption(options, 'user');
  const password = pair?.[2] ?? textOption(options, 'pass');
  if (user === undefined && password !== undefined) {
    throw usage('Error: --pass goes together with --user.');
  }
  return {
    address: textOption(options, 'address') ?? textOption(options, 'coinbaseAddr'),
    threads: threadCount(textOption(options, 'threads') ?? String(availableParallelism())),
    wide: options['wide'] !== false,
    login: user === undefined ? undefined : { user, password: password ?? '' },
  };
}

/** Finds the node, or opens the chain here, and works on it. */
async function withJob(
  settings: Settings,
  { login }: Wanted,
  work: (job: Job) => Promise<void>,
): Promise<void> {
  const { nodeUrl, dataDir } = settings;
  const token = settings.token ?? readToken(dataDir);
  const credentials = login ?? (token === undefined ? undefined : { token });
  const auth = credentials && { credentials };
  if (nodeUrl !== undefined) {
    const params = await networkOf(nodeUrl);
    if (params !== undefined) checkChoice(chosenNetwork(settings), params, 'the node');
    return work({ source: { url: nodeUrl, ...auth }, params });
  }
  return withChain(settings, ({ client, params, isRunning }) => {
    const fetch: RpcSourceOptions['fetch'] = (_, init) => client.fetch('/', init);
    // A chain that this process opened lets in whoever names any token.
    const own = isRunning ? auth : { credentials: { token: 'own' } };
    return work({ source: { url: client.name, fetch, ...own }, params });
  });
}

/** What one of our nodes says; another node has no such page. Throws CliError if nobody answers. */
async function networkOf(url: string): Promise<ChainParams | undefined> {
  const client = createClient({ name: url, fetcher: urlFetcher(url) });
  try {
    const parsed = parseNetworkFile(await client.call('/v1/network'));
    return parsed.ok ? parsed.value : undefined;
  } catch (error) {
    if (error instanceof CliError && error.exit === EXIT.refused) return undefined;
    throw error;
  }
}

const notValid = (): CliError => usage('Error: Address is not valid');

/** The script to pay. A new address is made where none is named, and said. */
async function payee(context: Context, wanted: Wanted, { params }: Job): Promise<Uint8Array> {
  if (params === undefined) return scriptOfAnyNetwork(wanted.address);
  const script = scriptOfAddress(wanted.address ?? (await newAddress(context, params)), params);
  if (script === undefined) throw notValid();
  return script;
}

function scriptOfAnyNetwork(address: string | undefined): Uint8Array {
  if (address === undefined) {
    throw usage(
      'Error: the node does not say what its addresses look like: name one by --address.',
    );
  }
  const parsed = parseAddress(address);
  if (!parsed.ok) throw notValid();
  return p2pkhScript(parsed.value.hash160);
}

async function newAddress(context: Context, params: ChainParams): Promise<string> {
  const made = await withKeystore(context, (keystore) => keystore.newAddress(), params);
  if (!context.settings.json) await context.print(`New address: ${made.address}`);
  return made.address;
}

/** Says so whenever other work has come, after a block of ours too, as minerd does. */
function toldOfNewWork(source: WorkSource, onNewWork: () => void): WorkSource {
  let id: string | undefined;
  return {
    submit: (block) => source.submit(block),
    async template(wanted) {
      const template = await source.template(wanted);
      if (id !== undefined && template.id !== id) onNewWork();
      id = template.id;
      return template;
    },
  };
}

async function mineUntil(
  context: Context,
  wanted: Wanted,
  job: Job,
  during: {
    readonly stop: { readonly signal: AbortSignal; readonly asked: Promise<void> };
    readonly wide: Kernel | undefined;
  },
): Promise<void> {
  const { stop } = during;
  const { source: node, params } = job;
  const rpc = createRpcSource(node);
  // A node that is not there or refuses us is told at once; one that goes away later is waited for.
  await rpc.template({ signal: stop.signal }).catch((error: unknown) => {
    if (!(error instanceof UnauthorizedFault)) throw error;
    throw refused(`Error: ${error.message}.`, 'unauthorized', 401);
  });
  const payTo = await payee(context, wanted, job);
  const report = createMinerReport(context, node.url);
  const miner = createMiner({
    source: toldOfNewWork(paceOf(rpc, params), report.newWork),
    payTo,
    threads: wanted.threads,
    wide: during.wide,
    clock: systemClock,
    random: systemRandom,
    telemetry: { metric() {}, log: logTo(context.io, context.warn) },
    onFound: (block) => report.share(miner.stats(), block, null),
    onLost(block, reason) {
      report.share(miner.stats(), block, reason);
      context.note(`reject reason: ${reason}`);
    },
  });
  report.started(wanted.threads);
  miner.start();
  const timer = setInterval(() => report.rates(miner.stats()), RATES_MS);
  await stop.asked;
  clearInterval(timer);
  await stopInTime(miner.stop());
}

export const mine: CliCommand = {
  examples: [
    'stackchain mine                        # for the node that runs on the data directory',
    'stackchain mine --node http://127.0.0.1:8401 --address A --threads 2',
    'stackchain mine -a sha256d -o http://127.0.0.1:18443 -O USER:PASS --coinbase-addr A',
  ],
  configure(command) {
    command
      .option('--address <A>', 'who gets the rewards (default: a new address)')
      .option('-t, --threads <N>', 'default: all that the machine runs at once')
      .option('-o, --url <URL>', 'as --node; may be any that speaks getblocktemplate')
      .option('-u, --user <USER>', "for JSON-RPC (default: the data directory's token)")
      .option('-p, --pass <PASS>', 'for JSON-RPC')
      .option('-O, --userpass <U:P>', 'both at once')
      .option('--coinbase-addr <A>', 'as --address')
      .option('-a, --algo <ALGO>', 'sha256d, which is the only one')
      .option('--no-wide', 'do without the engine that needs an experimental flag of V8');
  },
  async run(context, options) {
    const url = textOption(options, 'url');
    const { settings } = context;
    const target = url === undefined ? settings : { ...settings, nodeUrl: checkUrl(url) };
    const wanted = readWanted(options);
    const form = expectedForm(target);
    if (wanted.address !== undefined && form && !scriptOfAddress(wanted.address, form)) {
      throw notValid();
    }
    const stop = listenForStop(context.io);
    try {
      // Before there is a thread or, where the chain is opened here, a verifier.
      const wide = wanted.wide ? prepareWide() : undefined;
      await withJob(target, wanted, (job) =>
        mineUntil({ ...context, settings: target }, wanted, job, { stop, wide }),
      );
    } catch (error) {
      // Asked to end while it was still starting.
      if (!stop.signal.aborted) throw error;
    } finally {
      stop.release();
    }
  },
};
