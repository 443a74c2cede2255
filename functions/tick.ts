/**
 * What must happen now and then: heals a death between commit and announcement, expires, catches up.
 * The breaker's alarm calls it too: then strangers are shut out of the inbox. And a deploy that has
 * ended: then all functions are of this release, and the data may say so.
 */
import { shutInbox } from './breaker.ts';
import { type AwsHost, getHost } from './host.ts';

const isAlarm = (event: unknown): boolean =>
  typeof event === 'object' && event !== null && 'alarmArn' in event;

const isDeployed = (event: unknown): boolean =>
  typeof event === 'object' && event !== null && 'deployed' in event;

/** For a miner that is called: what its ten seconds were too few for, or a call that was lost. */
async function wakeMinerIfAnyWaits({ environment, node, wakeMiner }: AwsHost): Promise<void> {
  if (environment.mineFunction === undefined) return;
  if ((await node.mempool.info()).count > 0) await wakeMiner('tick');
}

export async function handler(event: unknown): Promise<void> {
  const host = await getHost();
  if (isAlarm(event)) {
    await shutInbox(host.sqs, host.inboxUrl);
    host.telemetry.log('warn', 'breaker: senders of other accounts are shut out', {
      reopen: 'stackchain peers open',
    });
  } else {
    try {
      if (isDeployed(event)) await host.node.chain.raiseSchema();
      await host.node.tick();
      await host.wakeSyncIfBehind();
    } finally {
      // Whatever failed: no transaction waits longer for it.
      await wakeMinerIfAnyWaits(host);
    }
  }
  await host.finish({ event: 'tick' });
}
