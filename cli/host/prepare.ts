/**
 * What an empty data directory becomes (interfaces section 4): a peer's network, the one that
 * `--network` names, or a new one. Owns the order of these; writes `network.json` and nothing else.
 */
import { availableParallelism } from 'node:os';
import { decodeCompact } from '../../lib/consensus/pow.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import { parseNetworkFile, stacknetBase } from '../../lib/params/index.ts';
import { CliError, EXIT, machine, remote, usage } from '../errors.ts';
import type { Settings } from '../settings.ts';
import { createClient, urlFetcher } from './client.ts';
import { checkChoice, chosenNetwork, networkOfDir, saveNetwork } from './network.ts';
import { foundOnThreads } from './pow-threads.ts';

/** More threads than this do not find the first block so much faster. */
const FOUNDING_THREADS_MAX = 8;
const NETWORK_TIMEOUT_MS = 10_000;

export interface Founding {
  /** HASH160 of the founder's address. */
  readonly payTo?: Uint8Array;
  /** Default: stacknet's easiest. */
  readonly bits?: number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/** `--genesis-bits`: eight hex digits that are a target no easier than stacknet's limit. */
export function parseGenesisBits(text: string): number {
  const bits = /^[0-9a-f]{8}$/i.test(text) ? Number.parseInt(text, 16) : 0;
  const { target, negative, overflow } = decodeCompact(bits);
  if (negative || overflow || target <= 0n || target > stacknetBase.powLimit) {
    const limit = stacknetBase.powLimitBits.toString(16);
    throw usage(`Error: --genesis-bits takes 8 hex digits, a target of at most ${limit}.`);
  }
  return bits;
}

/** Mines block 0 of a new network; a moment's work at the default difficulty. */
export function found(input: Founding): Promise<ChainParams> {
  const {
    payTo,
    bits = stacknetBase.powLimitBits,
    threads = Math.min(availableParallelism(), FOUNDING_THREADS_MAX),
    signal,
  } = input;
  return foundOnThreads({
    time: Math.floor(Date.now() / 1000),
    bits,
    threads,
    ...(payTo !== undefined && { payTo }),
    ...(signal !== undefined && { signal }),
  });
}

/** Keeps the network in the empty directory; what another process put there meanwhile stays. */
export function settle(dir: string, params: ChainParams): void {
  if (saveNetwork(dir, params)) return;
  const held = networkOfDir(dir)?.genesisHash;
  if (held === params.genesisHash) return;
  throw machine(
    `Error: the data directory ${dir} is of another network: genesis ${held}, not ${params.genesisHash}.`,
    'wrong-network',
  );
}

/**
 * The network that the directory is to have, as far as it is known before anything is founded:
 * undefined where a new one must be.
 */
export async function networkFor(
  settings: Settings,
  peers: readonly string[],
  warn: (line: string) => void,
): Promise<ChainParams | undefined> {
  const choice = chosenNetwork(settings);
  const own = networkOfDir(settings.dataDir);
  if (own !== undefined) {
    checkChoice(choice, own, `the data directory ${settings.dataDir}`);
    await checkPeers(own, peers, warn);
    return own;
  }
  if (peers.length > 0) {
    const params = await networkOfPeers(peers);
    checkChoice(choice, params, 'the peer');
    await checkPeers(params, peers, warn);
    return params;
  }
  return choice?.kind === 'fixed' ? choice.params : undefined;
}

/** `GET URL/v1/network`, proof of work and rules checked by lib/params. */
async function networkAt(url: string): Promise<ChainParams> {
  const client = createClient({ name: url, fetcher: urlFetcher(url) });
  const answer = await client.call<unknown>('/v1/network', { timeoutMs: NETWORK_TIMEOUT_MS });
  const parsed = parseNetworkFile(answer);
  if (parsed.ok) return withoutOperator(parsed.value);
  throw remote(`Error: ${url} tells of no sound network: ${parsed.reject.detail ?? ''}.`);
}

/** A peer may name rules, which its genesis commits to, but not what each operator decides. */
const withoutOperator = (params: ChainParams): ChainParams => ({
  ...params,
  minimumChainWork: stacknetBase.minimumChainWork,
  checkpoints: [],
  reorgLimit: params.retarget.kind === 'asert' ? stacknetBase.reorgLimit : params.reorgLimit,
  peers: [],
});

/** The network of the first peer that answers. */
async function networkOfPeers(peers: readonly string[]): Promise<ChainParams> {
  let last: unknown;
  for (const url of peers) {
    try {
      return await networkAt(url);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** A peer of another network is a mistake; one that does not answer may come later. */
async function checkPeers(
  params: ChainParams,
  peers: readonly string[],
  warn: (line: string) => void,
): Promise<void> {
  await Promise.all(
    peers.map(async (url) => {
      let genesis: string;
      try {
        ({ genesisHash: genesis } = await networkAt(url));
      } catch (error) {
        warn((error as Error).message.replace(/^Error: /, ''));
        return;
      }
      if (genesis === params.genesisHash) return;
      throw new CliError(
        `Error: ${url} is of another network: genesis ${genesis}, not ${params.genesisHash}.`,
        { exit: EXIT.machine, code: 'wrong-network', status: 403 },
      );
    }),
  );
}
