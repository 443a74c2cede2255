/**
 * The miner of a stack whose miner is called, not kept running (`-c miner=lambda`): at most one block,
 * in at most ten seconds of search. Called when a transaction enters an empty mempool, by `tick` while
 * any waits, by itself while a block left any over, and hourly.
 */
import { loadEngine } from '../lib/adapters/engine.ts';
import { parseAddress } from '../lib/codec/address.ts';
import { UNCLAIMED } from '../lib/mining/coinbase.ts';
import { type MineCause, mineOnce } from '../lib/node/mine-once.ts';
import { p2pkhScript } from '../lib/script/p2pkh.ts';
import { getHost } from './host.ts';

/** Blocks in a row, each for what the one before left over; then `tick` goes on. */
const TURNS_MAX = 16;
const CAUSES: readonly MineCause[] = ['user', 'peer', 'left', 'tick'];

export interface MineEvent {
  readonly cause: MineCause;
  readonly turn: number;
}

/** The rule's event, and whatever else is none of ours, is the hourly call. */
export function readEvent(event: unknown): MineEvent {
  const { cause, turn } = (event ?? {}) as { cause?: unknown; turn?: unknown };
  const known = CAUSES.find((each) => each === cause);
  const isTurn = Number.isSafeInteger(turn) && (turn as number) >= 0;
  return { cause: known ?? 'hourly', turn: isTurn ? (turn as number) : 0 };
}

/** Undefined: nobody, the reward stays unclaimed. Throws for what is no address. */
function scriptOf(address: string | undefined): Uint8Array {
  if (address === undefined || address === '') return UNCLAIMED;
  const parsed = parseAddress(address);
  if (!parsed.ok) throw new Error('STACKCHAIN_MINING_ADDRESS is not a valid address');
  return p2pkhScript(parsed.value.hash160);
}

export async function handler(event: unknown): Promise<void> {
  const { cause, turn } = readEvent(event);
  const host = await getHost();
  const { node, telemetry, environment } = host;
  const outcome = await mineOnce(
    {
      node,
      telemetry,
      engine: await loadEngine(),
      payTo: scriptOf(environment.miningAddress),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    },
    cause,
  );
  if (outcome.more && turn + 1 < TURNS_MAX) await host.wakeMiner('left', turn + 1);
  const { end, hash = '', hashes, more } = outcome;
  await host.finish({ event: 'mine', cause, turn, end, hash, hashes, more });
  // A fault of ours, which the alarm on errors must see.
  if (end === 'refused') throw new Error('the node refused a block of its own miner');
}
