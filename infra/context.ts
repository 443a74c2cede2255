/** What `-c name=value` of the CDK says, checked; and the network, founded at the first synth. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Node } from 'constructs';
import { parseStackLine, roleClaimedTwice, type StackLine } from '../functions/stack-line.ts';
import { parseAddress } from '../lib/codec/address.ts';
import type { ChainParams } from '../lib/params/index.ts';
import { parseNetworkFile, regtest, toNetworkFile } from '../lib/params/index.ts';
import type { MinerKind, NetworkFacts } from './node-stack.ts';

const NODES_MAX = 50;
const MINERS_MAX = 20;
const MINER_KINDS: readonly string[] = ['fargate', 'fargate-spot', 'lambda', 'off'];

export interface AppContext {
  readonly nodes: number;
  readonly miner: MinerKind;
  readonly miners: number;
  /** Who the miners pay. */
  readonly address: string | undefined;
  readonly networkFile: string;
  /**
   * URL of an emulator: no TLS there, and APIs have ids and URLs that are known beforehand. Default
   * AWS_ENDPOINT_URL where that is plain HTTP, so that a bare `cdk deploy` against one works: its
   * own API URLs resolve in no Node.
   */
  readonly emulator: string | undefined;
  readonly dev: boolean;
}

const fail = (message: string): never => {
  throw new Error(message);
};

function count(node: Node, name: string, fallback: number, most: number): number {
  const value = Number(node.tryGetContext(name) ?? fallback);
  const fits = Number.isSafeInteger(value) && value >= 1 && value <= most;
  return fits ? value : fail(`-c ${name}=… is a whole number from 1 to ${most}`);
}

const isOn = (node: Node, name: string): boolean => String(node.tryGetContext(name)) === 'true';

/** AWS itself is spoken with over TLS only. */
const emulatorOf = (endpoint: unknown): string | undefined =>
  typeof endpoint === 'string' && endpoint.startsWith('http://')
    ? endpoint.replace(/\/+$/, '')
    : undefined;

export function readContext(node: Node): AppContext {
  const miner = String(node.tryGetContext('miner') ?? 'fargate');
  if (!MINER_KINDS.includes(miner)) fail(`-c miner=… is one of ${MINER_KINDS.join(', ')}`);
  const address = node.tryGetContext('address') as string | undefined;
  if (address !== undefined && !parseAddress(address).ok) fail('-c address=… is no valid address');
  return {
    nodes: count(node, 'nodes', 3, NODES_MAX),
    miner: miner as MinerKind,
    miners: count(node, 'miners', 1, MINERS_MAX),
    address,
    networkFile: String(node.tryGetContext('network') ?? 'network.json'),
    emulator: emulatorOf(node.tryGetContext('emulator') ?? process.env['AWS_ENDPOINT_URL']),
    dev: isOn(node, 'dev'),
  };
}

/** Id of a node's API on an emulator, and its URL there. */
export const emulatorApiId = (nodeName: string): string => `stackchain-${nodeName}`;
export const emulatorApiUrl = (endpoint: string, nodeName: string): string =>
  `${endpoint}/_aws/execute-api/${emulatorApiId(nodeName)}`;

/** Reads the network (`regtest` is built in); founds one where there is no file, and says so. */
export function readNetwork(path: string, found: () => ChainParams): ChainParams {
  if (path === 'regtest') return regtest;
  const at = resolve(process.cwd(), path);
  if (!existsSync(at)) {
    const params = found();
    writeFileSync(at, `${JSON.stringify(toNetworkFile(params), null, 2)}\n`);
    process.stderr.write(`Founded the network ${params.genesisHash}: ${path}\n`);
    return params;
  }
  const parsed = parseNetworkFile(JSON.parse(readFileSync(at, 'utf8')));
  return parsed.ok ? parsed.value : fail(`${path}: ${parsed.reject.detail ?? 'no network file'}`);
}

const isLine = (peer: string): boolean => peer.trimStart().startsWith('{');

export function factsOf(params: ChainParams): NetworkFacts {
  return {
    name: params.name,
    genesisHash: params.genesisHash,
    // Lines come by parameters of their own: a function's environment holds 4 KB.
    file: JSON.stringify(
      toNetworkFile({ ...params, peers: params.peers.filter((peer) => !isLine(peer)) }),
    ),
    spacingSeconds: params.retarget.spacing,
  };
}

/** Invite lines of nodes of other accounts among the network file's peers; URLs are the functions'. */
export function foreignPeers(
  params: ChainParams,
  { emulator }: Pick<AppContext, 'emulator'>,
): StackLine[] {
  const lines = params.peers.filter(isLine).map((text) => {
    const parsed = parseStackLine(text, params);
    if (!parsed.ok) return fail(`a peer's line in the network file is refused: ${parsed.detail}`);
    const { line } = parsed;
    if (emulator === undefined && !line.url.startsWith('https:')) {
      return fail(`the URL of the peer ${line.name} is not https: ${line.url}`);
    }
    return line;
  });
  const role = roleClaimedTwice(lines);
  return role === undefined ? lines : fail(`two peers in the network file name the role ${role}`);
}
