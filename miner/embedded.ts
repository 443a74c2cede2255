/**
 * The miner that hosts its node, on the stack's table and queues, with its task's role: no token, no
 * API between, no right to wallets. A block is committed and announced as by any other caller.
 */
import { getHost } from '../functions/host.ts';
import { encodeAddress } from '../lib/codec/address.ts';
import { UNCLAIMED } from '../lib/mining/coinbase.ts';
import { createEmbeddedSource } from '../lib/node/embedded-source.ts';
import { createMinerWords } from '../lib/node/miner-words.ts';
import { nowSeconds } from '../lib/ports/clock.ts';
import { matchP2pkh } from '../lib/script/p2pkh.ts';
import { createMiner, type Miner, type MinerOptions } from './miner.ts';
import type { StoreOptions } from './options.ts';
import { pause } from './pause.ts';
import { foundLine, lostLine } from './report.ts';

const FLUSH_MS = 60_000;
/** As long as a hash rate is measured: the first that is said is a whole one. */
const SAY_MS = 10_000;
/** A table that does not answer holds nobody up: what was said dies by itself. */
const END_MS_MAX = 1_000;

/** Starts the miner; `stop` ends it and writes the last metrics. Reads the environment. */
export async function startEmbedded({
  threads,
  payTo,
  wide,
}: Omit<StoreOptions, 'wide'> & Pick<MinerOptions, 'wide'>): Promise<{
  miner: Miner;
  stop: () => Promise<void>;
}> {
  const { node, clock, random, telemetry } = await getHost();
  if (payTo === undefined) {
    telemetry.log('warn', 'STACKCHAIN_MINING_ADDRESS is not set: rewards are left unclaimed');
  }
  const miner = createMiner({
    source: createEmbeddedSource({ node, sleep: pause }),
    payTo: payTo ?? UNCLAIMED,
    threads,
    wide,
    clock,
    random,
    telemetry,
    onFound: (block) => telemetry.log('info', foundLine(block)),
    onLost: (block, reason) => telemetry.log('warn', lostLine(block, reason)),
  });
  miner.start();
  const paid = payTo && matchP2pkh(payTo);
  const words = createMinerWords(
    { store: node.store, random, now: () => nowSeconds(clock) },
    paid ? encodeAddress(paid, node.params.addressVersion) : null,
  );
  const warn = (error: unknown): void =>
    telemetry.log('warn', 'the miner could not say that it mines', {
      code: (error as Error).name,
    });
  const saying = setInterval(() => words.say(miner.stats().hashRate).catch(warn), SAY_MS);
  const flushing = setInterval(() => telemetry.flush(), FLUSH_MS);
  return {
    miner,
    async stop() {
      clearInterval(flushing);
      clearInterval(saying);
      await miner.stop();
      await Promise.race([words.end().catch(warn), pause(END_MS_MAX)]);
      telemetry.flush();
    },
  };
}
