/**
 * The miner as a process, in a container or on a laptop: `-o URL` mines on any node that speaks
 * getblocktemplate, `--store` hosts the node itself. Reads the configuration, chooses adapters, prints
 * lines; no rule lives here.
 */
import { systemClock } from '../lib/adapters/system-clock.ts';
import { systemRandom } from '../lib/adapters/system-random.ts';
import type { Kernel } from '../lib/adapters/wasm-engine.ts';
import { prepareWide } from '../lib/adapters/wide-kernel.ts';
import type { Telemetry } from '../lib/ports/telemetry.ts';
import { createMiner, type Miner } from './miner.ts';
import { type MinerSettings, type RemoteOptions, readOptions, UsageError } from './options.ts';
import { foundLine, lostLine, statsLine } from './report.ts';
import { createRpcSource } from './rpc-source.ts';

const REPORT_MS = 10_000;

interface Running {
  readonly miner: Miner;
  stop(): Promise<void>;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Warnings to stderr; numbers are in the report's line. */
const telemetry: Telemetry = {
  metric() {},
  log(level, message) {
    if (level === 'warn' || level === 'error') process.stderr.write(`${message}\n`);
  },
};

function startRemote({ source, payTo, threads }: RemoteOptions, wide: Kernel | undefined): Running {
  const miner = createMiner({
    source: createRpcSource(source),
    payTo,
    threads,
    wide,
    clock: systemClock,
    random: systemRandom,
    telemetry,
    onFound: (block) => say(foundLine(block)),
    onLost: (block, reason) => say(lostLine(block, reason)),
  });
  say(`mining on ${source.url} with ${threads} thread${threads === 1 ? '' : 's'}`);
  miner.start();
  return { miner, stop: () => miner.stop() };
}

async function start(settings: MinerSettings): Promise<Running> {
  // Before any thread and, in a process that hosts its node, before the verifier.
  const wide = settings.wide ? prepareWide() : undefined;
  if (settings.kind === 'remote') return startRemote(settings, wide);
  // Loaded only here: who mines on a node elsewhere has no need of the SDK.
  const { startEmbedded } = await import('./embedded.ts');
  return startEmbedded({ ...settings, wide });
}

async function run(settings: MinerSettings): Promise<void> {
  // First of all, so that no signal comes too early to be heard.
  const asked = new Promise<undefined>((resolve) => {
    process.once('SIGTERM', () => resolve(undefined));
    process.once('SIGINT', () => resolve(undefined));
  });
  const running = await Promise.race([start(settings), asked]);
  // Asked to end while it was still starting: nothing is under way that could be torn.
  if (running === undefined) process.exit(0);
  const report = setInterval(() => say(statsLine(running.miner.stats())), REPORT_MS);
  await asked;
  clearInterval(report);
  say(statsLine(running.miner.stats()));
  await running.stop();
}

try {
  await run(readOptions(process.argv.slice(2), process.env));
  // Kept-alive connections would hold the process for seconds.
  process.exit(0);
} catch (error) {
  const isUsage = error instanceof UsageError;
  // Of what is not caught Node prints the source line, which in a bundle is all of it.
  if (!isUsage) process.stderr.write(`${(error as Error).stack}\n`);
  else if (error.exitCode !== 0) process.stderr.write(`${error.message}\n`);
  process.exitCode = isUsage ? error.exitCode : 1;
}
