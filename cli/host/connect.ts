/**
 * How a command reaches a chain (interfaces section 3): the node it was told, the one that runs on
 * the data directory, or the directory itself, opened by this process. All three answer the same
 * HTTP API, so that a command is written once.
 */
import { createApp } from '../../lib/api/app.ts';
import type { MempoolPolicy } from '../../lib/mempool/types.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import { parseNetworkFile } from '../../lib/params/index.ts';
import { generateBlocks } from '../../miner/generate.ts';
import { CliError, remote } from '../errors.ts';
import type { Settings } from '../settings.ts';
import { type Client, createClient, urlFetcher } from './client.ts';
import { liveNodeFile, readToken } from './data-dir.ts';
import { checkChoice, chosenNetwork, networkOfDir, requireNetwork } from './network.ts';
import { openNode } from './open-node.ts';
import { sleep } from './sleep.ts';

export interface ChainHandle {
  readonly client: Client;
  readonly params: ChainParams;
  /** A node answers; false: this process opened the chain, and nobody mines or relays meanwhile. */
  readonly isRunning: boolean;
}

export interface OwnChainOptions {
  readonly policy?: Partial<MempoolPolicy>;
}

/** A node on this machine answers at once, or it is not there. */
const PROBE_TIMEOUT_MS = 5_000;
const LONG_POLL_MS = 1_000;

/** Works on the chain and lets go of it. Throws CliError. */
export async function withChain<T>(
  settings: Settings,
  work: (chain: ChainHandle) => Promise<T>,
  options: OwnChainOptions = {},
): Promise<T> {
  const running = await runningNode(settings);
  return running === undefined ? withOwnChain(settings, work, options) : work(running);
}

/** The node of `--node` or of `node.json`; undefined if there is none. */
async function runningNode(settings: Settings): Promise<ChainHandle | undefined> {
  const { nodeUrl, dataDir } = settings;
  const token = settings.token ?? readToken(dataDir);
  if (nodeUrl !== undefined) {
    const client = createClient({ name: nodeUrl, fetcher: urlFetcher(nodeUrl), token });
    const params = parseAnswer(nodeUrl, await client.call('/v1/network'));
    checkChoice(chosenNetwork(settings), params, 'the node');
    return { client, params, isRunning: true };
  }
  const file = await liveNodeFile(dataDir);
  const own = file && networkOfDir(dataDir);
  if (file === undefined || own === undefined) return undefined;
  const client = createClient({ name: file.url, fetcher: urlFetcher(file.url), token });
  try {
    const answer = await client.call('/v1/network', { timeoutMs: PROBE_TIMEOUT_MS });
    // Another program may have got the port since.
    if (parseAnswer(file.url, answer).genesisHash !== own.genesisHash) return undefined;
  } catch (error) {
    // The chain's lock tells whether anybody is at work there all the same.
    if (error instanceof CliError && error.problem.code !== 'internal') return undefined;
    throw error;
  }
  checkChoice(chosenNetwork(settings), own, `the data directory ${dataDir}`);
  return { client, params: own, isRunning: true };
}

function parseAnswer(name: string, answer: unknown): ChainParams {
  const parsed = parseNetworkFile(answer);
  if (parsed.ok) return parsed.value;
  throw remote(`Error: ${name} is no stackchain node.`);
}

/** Opens the directory's chain in this process. Exit 3 while another one holds it. */
export async function withOwnChain<T>(
  settings: Settings,
  work: (chain: ChainHandle) => Promise<T>,
  options: OwnChainOptions = {},
): Promise<T> {
  const params = requireNetwork(settings);
  const opened = await openNode({ dir: settings.dataDir, params, name: 'local', ...options });
  try {
    const { node } = opened;
    const app = createApp({
      node,
      // Whoever may open the directory may do all with it.
      authorize: async () => true,
      hosts: 'any',
      clientKey: () => 'local',
      generate: (count, payTo) => generateBlocks({ node, count, payTo }),
      waitMsMax: LONG_POLL_MS,
      sleep,
    });
    const client = createClient({
      name: settings.dataDir,
      fetcher: async (path, init) => app.request(path, init),
      token: 'own',
      inProcess: true,
    });
    return await work({ client, params, isRunning: false });
  } finally {
    await opened.close();
  }
}
