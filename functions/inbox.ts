/**
 * Messages of peers. What is invalid is acknowledged, scored and dropped by the node; only a fault of
 * ours fails its message, which then comes again after a moment.
 */
import { ChangeMessageVisibilityCommand } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { type AwsHost, getHost, senderOf } from './host.ts';

const RETRY_SECONDS_MAX = 30;
/** News of transactions is worth nothing when it is this old: their senders say it again. */
const TX_AGE_MS_MAX = 10 * 60_000;

interface Parsed {
  readonly record: SQSRecord;
  readonly envelope: unknown;
  readonly isTx: boolean;
}

function parse(record: SQSRecord): Parsed {
  let envelope: unknown;
  try {
    envelope = JSON.parse(record.body);
  } catch {
    envelope = undefined;
  }
  const type = (envelope as { type?: unknown } | null | undefined)?.type;
  return { record, envelope, isTx: type === 'tx' };
}

/** Chain first: a transaction may spend what a block of the same batch makes. */
const inOrder = (records: readonly SQSRecord[]): Parsed[] =>
  records.map(parse).sort((a, b) => Number(a.isTx) - Number(b.isTx));

async function handleOne(host: AwsHost, { record, envelope, isTx }: Parsed): Promise<void> {
  if (envelope === undefined) return;
  const sentMs = Number(record.attributes.SentTimestamp);
  if (isTx && host.clock.nowMs() - sentMs > TX_AGE_MS_MAX) return;
  if (isTx && host.isSyncing) return;
  const sender = await senderOf(host, record.attributes.SenderId, envelope);
  if (sender === undefined) return;
  await host.node.gossip.receive([envelope], sender);
}

/** Soon again, but not all at once. */
async function hideForAWhile(host: AwsHost, record: SQSRecord): Promise<void> {
  const [byte = 0] = host.random.bytes(1);
  const VisibilityTimeout = 1 + Math.floor((RETRY_SECONDS_MAX * byte) / 256);
  try {
    await host.sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: host.inboxUrl,
        ReceiptHandle: record.receiptHandle,
        VisibilityTimeout,
      }),
    );
  } catch {
    // The queue's own timeout brings it back.
  }
}

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const host = await getHost();
  const failures: SQSBatchResponse['batchItemFailures'] = [];
  for (const parsed of inOrder(event.Records)) {
    try {
      await handleOne(host, parsed);
    } catch (error) {
      host.telemetry.log('error', 'a message could not be handled', {
        code: String((error as { code?: unknown }).code ?? (error as Error).name),
      });
      await hideForAWhile(host, parsed.record);
      failures.push({ itemIdentifier: parsed.record.messageId });
    }
  }
  await host.wakeSyncIfBehind();
  host.finish({ event: 'inbox', records: event.Records.length, failed: failures.length });
  return { batchItemFailures: failures };
}
