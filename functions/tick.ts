/**
 * What must happen now and then: heals a death between commit and announcement, expires, catches up.
 * The breaker's alarm calls it too: then strangers are shut out of the inbox.
 */
import { shutInbox } from './breaker.ts';
import { getHost } from './host.ts';

const isAlarm = (event: unknown): boolean =>
  typeof event === 'object' && event !== null && 'alarmArn' in event;

export async function handler(event: unknown): Promise<void> {
  const host = await getHost();
  if (isAlarm(event)) {
    await shutInbox(host.sqs, host.inboxUrl);
    host.telemetry.log('warn', 'breaker: senders of other accounts are shut out', {
      reopen: 'stackchain peers open',
    });
  } else {
    await host.node.tick();
    await host.wakeSyncIfBehind();
  }
  host.finish({ event: 'tick' });
}
