/**
 * The miner that hosts its node, on the stack's table and queues, with its task's role: no token, no
 * API between, no right to wallets. A block is committed and announced as by any other caller.
 */
import { getHost } from '../functions/host.ts';
import { UNCLAIMED } from '../lib/mining/coinbase.ts';
import { createEmbeddedSource } from '../lib/node/embedded-source.ts';
import { createMiner, type Miner } from './miner.ts';
import type { StoreOptions } from './options.ts';
import { pause } from './pause.ts';
import { foundLine, lostLine } from './report.ts';

const FLUSH_MS = 60_000;

/** Starts the miner; `stop` ends it and writes the last metrics. Reads the environment. */
export async function startEmbedded({
  threads,
  payTo,
}: StoreOptions): Promise<{ miner: Miner; stop: () => Promise<void> }> {
  const { node, clock, random, telemetry } = await getHost();
  if (payTo === undefined) {
    telemetry.log('warn', 'STACKCHAIN_MINING_ADDRESS is not set: rewards are left unclaimed');
  }
  const miner = createMiner({
    source: createEmbeddedSource({ node, sleep: pause }),
    payTo: payTo ?? UNCLAIMED,
    threads,
    clock,
    random,
    telemetry,
    onFound: (block) => telemetry.log('info', foundLine(block)),
    onLost: (block, reason) => telemetry.log('warn', lostLine(block, reason)),
  });
  miner.start();
  const flushing = setInterval(() => telemetry.flush(), FLUSH_MS);
  return {
    miner,
    async stop() {
      clearInterval(flushing);
      await miner.stop();
      telemetry.flush();
    },
  };
}
