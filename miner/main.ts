/**
 * The miner as a process, in a container or on a laptop: `-o URL` mines on any node that speaks
 * getblocktemplate. Reads the configuration, chooses adapters, prints lines; no rule lives here.
 */
import { systemClock } from '../lib/adapters/system-clock.ts';
import { systemRandom } from '../lib/adapters/system-random.ts';
import type { Telemetry } from '../lib/ports/telemetry.ts';
import { createMiner } from './miner.ts';
import { type RemoteOptions, readOptions, UsageError } from './options.ts';
import { foundLine, lostLine, statsLine } from './report.ts';
import { createRpcSource } from './rpc-source.ts';

const REPORT_MS = 10_000;

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

async function run({ source, payTo, threads }: RemoteOptions): Promise<void> {
  // First of all, so that no signal comes too early to be heard.
  const asked = new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const miner = createMiner({
    source: createRpcSource(source),
    payTo,
    threads,
    clock: systemClock,
    random: systemRandom,
    telemetry,
    onFound: (block) => say(foundLine(block)),
    onLost: (block, reason) => say(lostLine(block, reason)),
  });
  say(`mining on ${source.url} with ${threads} thread${threads === 1 ? '' : 's'}`);
  miner.start();
  const report = setInterval(() => say(statsLine(miner.stats())), REPORT_MS);
  await asked;
  clearInterval(report);
  say(statsLine(miner.stats()));
  await miner.stop();
}

try {
  await run(readOptions(process.argv.slice(2), process.env));
  process.exitCode = 0;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  if (error.exitCode !== 0) process.stderr.write(`${error.message}\n`);
  process.exitCode = error.exitCode;
}
