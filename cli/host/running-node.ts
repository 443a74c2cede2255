/**
 * A node that serves: HTTP on its port, its wallets, the periodic work, a miner. Owns the order of
 * starting and of stopping, and `node.json` while it runs. What it says is for its caller to show.
 */

import type { LevelStore } from '../../lib/adapters/leveldb-store.ts';
import {
  createPrometheusTelemetry,
  type PrometheusOptions,
} from '../../lib/adapters/prometheus-telemetry.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { systemRandom } from '../../lib/adapters/system-random.ts';
import { createApp } from '../../lib/api/app.ts';
import { createEmbeddedSource } from '../../lib/node/embedded-source.ts';
import type { MiningStatus, Node } from '../../lib/node/types.ts';
import { createWalletService } from '../../lib/node/wallet-service.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import type { Telemetry } from '../../lib/ports/telemetry.ts';
import type { Verifier } from '../../lib/ports/verifier.ts';
import type { Keystore, WalletService } from '../../lib/wallet/types.ts';
import { generateBlocks } from '../../miner/generate.ts';
import { createMiner, type Miner } from '../../miner/miner.ts';
import { createAuthorize, removeNodeFile, writeNodeFile } from './data-dir.ts';
import type { Listener } from './listen.ts';
import { type OpenNode, openNode } from './open-node.ts';
import { paceOf } from './paced-source.ts';
import { sleep } from './sleep.ts';

export interface MiningOptions {
  readonly address: string;
  readonly payTo: Uint8Array;
  readonly threads: number;
}

export interface RunOptions {
  readonly dir: string;
  readonly name: string;
  readonly params: ChainParams;
  /** Open already: they are what can be in use. All are closed with the node. */
  readonly store: LevelStore;
  readonly listener: Listener;
  readonly keystore: Keystore;
  /** The directory's, of its cookie. */
  readonly token: string;
  readonly verifier: Verifier;
  readonly peers: readonly string[];
  /** Where peers reach this node; default: where it listens, if that is one address. */
  readonly publicUrl?: string;
  /** Absent: does not mine. */
  readonly mining?: MiningOptions;
  readonly rpc?: { readonly user: string; readonly password: string };
  readonly onLog?: NonNullable<PrometheusOptions['onLog']>;
}

export interface RunningNode {
  readonly name: string;
  readonly dir: string;
  readonly url: string;
  readonly node: Node;
  readonly wallet: WalletService;
  mining(): MiningStatus;
  /** Within two seconds; the order is the one in which a crash would lose least. */
  stop(): Promise<void>;
}

const TICK_MS = 1_000;
const TICK_GRACE_MS = 1_500;
const LONG_POLL_MS_MAX = 60_000;

export async function runNode(options: RunOptions): Promise<RunningNode> {
  const { dir, name, params, listener, keystore, mining, onLog } = options;
  const ended = new AbortController();
  const telemetry = createPrometheusTelemetry({
    network: params.name,
    node: name,
    // What is cut short by the end is no news.
    onLog: (...entry) => {
      if (!ended.signal.aborted) onLog?.(...entry);
    },
  });
  const url = options.publicUrl ?? (listener.isWildcard ? undefined : listener.url);
  const opened = await openNode({ ...options, telemetry, ...(url !== undefined && { url }) });
  const { node } = opened;
  const miner = mining && startableMiner(node, mining, { params, telemetry });
  const wallet = createWalletService({ node, keystore });
  const miningStatus = (): MiningStatus => ({
    active: miner?.stats().active ?? false,
    hashRate: Math.round(miner?.stats().hashRate ?? 0),
    address: mining?.address ?? null,
  });
  serve(options, { node, wallet, telemetry, miningStatus, signal: ended.signal });
  showTip(node, telemetry);
  const startedAt = Math.floor(Date.now() / 1000);
  writeNodeFile(dir, { pid: process.pid, url: listener.url, network: params.name, startedAt });
  const ticking = tickUntil(node, ended.signal, telemetry);
  miner?.start();
  return {
    name,
    dir,
    url: listener.url,
    node,
    wallet,
    mining: miningStatus,
    async stop() {
      ended.abort();
      await miner?.stop();
      // A peer that does not answer may hold the periodic work longer than anybody waits for us.
      await Promise.all([listener.stop(), Promise.race([ticking, sleep(TICK_GRACE_MS)])]);
      await closeAll(opened, keystore);
      removeNodeFile(dir, listener.url);
    },
  };
}

async function closeAll(opened: OpenNode, keystore: Keystore): Promise<void> {
  await keystore.close();
  await opened.close();
}

function startableMiner(
  node: Node,
  mining: MiningOptions,
  host: { readonly params: ChainParams; readonly telemetry: Telemetry },
): Miner {
  const source = createEmbeddedSource({ node, sleep });
  return createMiner({
    source: paceOf(source, host.params),
    payTo: mining.payTo,
    threads: mining.threads,
    clock: systemClock,
    random: systemRandom,
    telemetry: host.telemetry,
  });
}

function serve(
  options: RunOptions,
  parts: {
    readonly node: Node;
    readonly wallet: WalletService;
    readonly telemetry: Telemetry & { text(): string };
    readonly miningStatus: () => MiningStatus;
    readonly signal: AbortSignal;
  },
): void {
  const { listener, rpc, token } = options;
  const { node, wallet, telemetry, miningStatus, signal } = parts;
  const app = createApp({
    node,
    wallet,
    authorize: createAuthorize(token, rpc),
    hosts: listener.isLoopback ? 'loopback' : 'any',
    clientKey: (_request, env) => remoteAddress(env),
    mining: miningStatus,
    generate: (count, payTo) => generateBlocks({ node, count, payTo, signal }),
    waitMsMax: LONG_POLL_MS_MAX,
    sleep: listener.sleep,
    report: (error, requestId) => {
      const message = error instanceof Error ? error.message : String(error);
      telemetry.log('error', `a request failed: ${message}`, { requestId });
    },
    metrics: telemetry.text,
  });
  listener.serve((request, env) => app.fetch(request, env));
}

/** The connection's, which its owner cannot choose. */
function remoteAddress(env: unknown): string {
  const { incoming } = env as { incoming?: { socket?: { remoteAddress?: string } } };
  return incoming?.socket?.remoteAddress?.replace(/^::ffff:/, '') ?? 'unknown';
}

/** The gauges that a node at rest has too. */
function showTip(node: Node, telemetry: Telemetry): void {
  node.chain.tip().then(
    ({ entry }) => telemetry.metric('TipHeight', entry.height),
    () => undefined,
  );
}

async function tickUntil(node: Node, signal: AbortSignal, telemetry: Telemetry): Promise<void> {
  let lastFailure = '';
  while (!signal.aborted) {
    try {
      await node.tick();
      lastFailure = '';
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      // The same trouble every second is news only once.
      if (failure !== lastFailure && !signal.aborted) {
        telemetry.log('error', `periodic work failed: ${failure}`);
      }
      lastFailure = failure;
    }
    await sleep(TICK_MS, signal);
  }
}
