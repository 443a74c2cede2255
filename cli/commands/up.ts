/** `up`: one node that serves and, if wanted, mines. Ends by `q`, Ctrl-C or SIGTERM. */

import type { LevelStore } from '../../lib/adapters/leveldb-store.ts';
import { createThreadedVerifier } from '../../lib/adapters/threaded-verifier.ts';
import { decodeHeader } from '../../lib/codec/index.ts';
import { type ChainParams, stacknetBase } from '../../lib/params/index.ts';
import { p2pkhScript } from '../../lib/script/index.ts';
import type { Keystore } from '../../lib/wallet/types.ts';
import { type CliCommand, type Context, textOption } from '../command.ts';
import { usage } from '../errors.ts';
import { ensureToken } from '../host/data-dir.ts';
import { type Listener, listen } from '../host/listen.ts';
import { createView, type View } from '../host/live-view.ts';
import { logTo, warnOfVerifier } from '../host/log.ts';
import { chosenNetwork, hashOfAddress, networkOfDir } from '../host/network.ts';
import { openStore } from '../host/open-node.ts';
import { found, networkFor, settle } from '../host/prepare.ts';
import { type RunningNode, runNode } from '../host/running-node.ts';
import { listenForStop, stopInTime } from '../host/until-stopped.ts';
import { openWallets } from '../host/wallet.ts';
import { portNumber, threadCount } from '../numbers.ts';
import { checkUrl } from '../settings.ts';

const PORT_DEFAULT = '8400';
const HOST_DEFAULT = '127.0.0.1';

interface UpOptions {
  readonly address: string | undefined;
  readonly peers: readonly string[];
  readonly port: number;
  readonly host: string;
  readonly publicUrl: string | undefined;
  readonly mining: boolean;
  readonly threads: number;
  readonly rpc: { readonly user: string; readonly password: string } | undefined;
}

export function readRpc(
  options: Readonly<Record<string, unknown>>,
): { readonly user: string; readonly password: string } | undefined {
  const user = textOption(options, 'rpcUser');
  const password = textOption(options, 'rpcPassword');
  if (user === undefined && password === undefined) return undefined;
  if (!user || !password || user.includes(':')) {
    throw usage('Error: --rpc-user and --rpc-password go together, the user without a colon.');
  }
  return { user, password };
}

function readUp({ io }: Context, options: Readonly<Record<string, unknown>>): UpOptions {
  const named = (options['connect'] as readonly string[] | undefined) ?? [];
  const fromEnv = (io.env['STACKCHAIN_PEERS'] ?? '').split(',').map((url) => url.trim());
  const publicUrl = textOption(options, 'publicUrl');
  const peers = named.length > 0 ? named : fromEnv.filter((url) => url !== '');
  return {
    address: textOption(options, 'address'),
    peers: peers.map(checkUrl),
    port: portNumber(textOption(options, 'port') ?? PORT_DEFAULT),
    host: textOption(options, 'host') ?? HOST_DEFAULT,
    publicUrl: publicUrl === undefined ? undefined : checkUrl(publicUrl),
    mining: options['mining'] !== false,
    threads: threadCount(textOption(options, 'threads') ?? '1'),
    rpc: readRpc(options),
  };
}

interface Parts {
  readonly store: LevelStore;
  readonly listener: Listener;
  readonly keystore: Keystore;
  readonly token: string;
}

/** What can be in use, damaged or refused, before anything is said on stdout or a wallet is made. */
async function openParts(
  context: Context,
  up: UpOptions,
  form: { readonly addressVersion: number; readonly wifVersion: number },
): Promise<Parts> {
  const { dataDir: dir } = context.settings;
  const store = await openStore(dir);
  try {
    const token = ensureToken(dir);
    const keystore = await openWallets(context, { dir, form });
    const { host, port } = up;
    const onBusy = (busy: number): void => context.note(`Port ${busy} is busy.`);
    return { store, keystore, token, listener: await listen({ host, port, onBusy }) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Lines of stdout, or nothing where --json wants one object instead. */
type Say = (line: string) => Promise<void>;

async function foundHere(
  context: Context,
  payTo: Uint8Array | undefined,
  signal: AbortSignal,
): Promise<ChainParams> {
  context.note('Mining the first block ...');
  const params = await found({ signal, ...(payTo !== undefined && { payTo }) });
  settle(context.settings.dataDir, params);
  return params;
}

async function sayGenesis(say: Say, params: ChainParams, address: string): Promise<void> {
  const header = decodeHeader(params.genesis.subarray(0, 80));
  await say(`Created coinbase with reward going to ${address}`);
  if (header.ok) await say(`Merkle root ${header.value.merkleRoot}`);
  await say(`Genesis block hash: ${params.genesisHash}`);
}

async function run(context: Context, options: Readonly<Record<string, unknown>>): Promise<void> {
  const up = readUp(context, options);
  const stop = listenForStop(context.io);
  try {
    const { quiet, json } = context.settings;
    const view = createView(context.io, { quiet: quiet || json });
    const node = await start(context, up, { signal: stop.signal, view });
    await view.run([node], stop.signal);
    context.note('Stopping ...');
    await stopInTime(node.stop());
  } catch (error) {
    // Asked to end while the first block was being mined: nothing was left half done.
    if (!stop.signal.aborted) throw error;
  } finally {
    stop.release();
  }
}

async function start(
  context: Context,
  up: UpOptions,
  during: { readonly signal: AbortSignal; readonly view: View },
): Promise<RunningNode> {
  const { settings, warn } = context;
  const isEmpty = networkOfDir(settings.dataDir) === undefined;
  const known = await networkFor(settings, up.peers, warn);
  const form = known ?? stacknetBase;
  if (up.address !== undefined && hashOfAddress(up.address, form) === undefined) {
    throw usage('Error: Address is not valid');
  }
  const parts = await openParts(context, up, form);
  try {
    return await serve(context, up, { ...during, parts, known, isEmpty });
  } catch (error) {
    await Promise.allSettled([parts.listener.stop(), parts.keystore.close(), parts.store.close()]);
    throw error;
  }
}

interface Beginning {
  readonly parts: Parts;
  /** Undefined: founded here. */
  readonly known: ChainParams | undefined;
  readonly isEmpty: boolean;
  readonly signal: AbortSignal;
  readonly view: View;
}

/** The page's lines, each when it is true. */
async function serve(context: Context, up: UpOptions, from: Beginning): Promise<RunningNode> {
  const { settings, print, warn } = context;
  const { parts, known, isEmpty, signal, view } = from;
  const say: Say = async (line) => {
    if (!settings.json) await print(line);
  };
  const address = await addressOf(up, parts.keystore, say);
  if (up.mining) await say(`This node is mining and will receive rewards to ${address}`);
  await say(`My host: ${parts.listener.url}`);
  if (up.mining) await say(`My mining address ${address}`);
  const isNewChain = isEmpty && up.peers.length === 0 && !isNamedFile(context);
  if (isNewChain) await say('Empty blockchain. Creating genesis.');
  const payTo = hashOfAddress(address, known ?? stacknetBase);
  const params = known ?? (await foundHere(context, payTo, signal));
  if (known !== undefined) settle(settings.dataDir, params);
  if (isNewChain) await sayGenesis(say, params, address);
  else if (isEmpty) context.note(`Joined the network with genesis ${params.genesisHash}.`);
  const verifier = createThreadedVerifier();
  warnOfVerifier(verifier, warn);
  const node = await runNode({
    ...parts,
    dir: settings.dataDir,
    name: 'node',
    params,
    verifier,
    peers: [...up.peers, ...params.peers],
    ...(up.mining &&
      payTo !== undefined && {
        mining: { address, payTo: p2pkhScript(payTo), threads: up.threads },
      }),
    ...(up.publicUrl !== undefined && { publicUrl: up.publicUrl }),
    ...(up.rpc !== undefined && { rpc: up.rpc }),
    onLog: logTo(context.io, view.warn),
  });
  await say('Starting server');
  await say("Press 'q' or 'CTRL-C' to quit.");
  if (settings.json) await print(readyLine(node.url, params, address));
  return node;
}

/** Without one, a new one: whom the rewards and the block 0 of a new chain go to. */
async function addressOf(up: UpOptions, keystore: Keystore, say: Say): Promise<string> {
  if (up.address !== undefined) return up.address;
  const { address } = await keystore.newAddress();
  await say(`New address: ${address}`);
  return address;
}

/** A network in a file was founded elsewhere; regtest begins anew in each directory. */
function isNamedFile({ settings }: Context): boolean {
  return settings.network !== 'regtest' && chosenNetwork(settings)?.kind === 'fixed';
}

const readyLine = (url: string, params: ChainParams, address: string): string =>
  JSON.stringify({
    event: 'ready',
    url,
    network: params.name,
    genesis: params.genesisHash,
    address,
  });

export const up: CliCommand = {
  examples: [
    'stackchain up',
    'stackchain up --address A --port 8410',
    'stackchain up --connect http://192.0.2.7:8400 --no-mining   # joins that network',
  ],
  configure(command) {
    command
      .option('--address <A>', 'who gets the rewards (default: a new address)')
      .option('--connect <URL>', 'a peer, repeatable (STACKCHAIN_PEERS: commas)', collect)
      .option('--port <P>', 'the port, 0 for any; a busy one is passed over', PORT_DEFAULT)
      .option('--host <H>', 'the address to listen on; others can reach 0.0.0.0', HOST_DEFAULT)
      .option('--public-url <URL>', 'where peers reach it, behind a proxy or on 0.0.0.0')
      .option('--threads <N>', 'mining threads', '1')
      .option('--no-mining', 'only follow the chain')
      .option('--rpc-user <U>', 'for JSON-RPC, beside the cookie')
      .option('--rpc-password <P>', 'for JSON-RPC, beside the cookie');
  },
  run,
};

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
