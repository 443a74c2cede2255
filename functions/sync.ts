/**
 * Catching up with peers, a bounded piece a call; it has itself called again while there is more.
 * The node's lease keeps it single, its cursor lies in the table.
 */
import type { Context } from 'aws-lambda';
import { getHost } from './host.ts';

/** A third of the time is kept for what the last window needs. */
const SHARE_OF_TIME = 2 / 3;

export async function handler(_event: unknown, context: Context): Promise<void> {
  const host = await getHost();
  const msLeft = context.getRemainingTimeInMillis() * SHARE_OF_TIME;
  const hasMore = await host.node.gossip.sync(host.clock.nowMs() + msLeft);
  if (hasMore) await host.wakeSync();
  await host.finish({ event: 'sync', more: hasMore });
}
