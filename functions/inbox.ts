/**
 * Messages of peers. What is invalid is acknowledged, scored and dropped by the node; only a fault of
 * ours fails its message, which then comes again after a moment, and after five receipts goes to the
 * dead letters. The batch, and the answer that tells SQS which messages failed, are Powertools'.
 */
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { ChangeMessageVisibilityCommand } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { type AwsHost, getHost, senderOf } from './host.ts';

const RETRY_SECONDS_MAX = 30;
/** Seconds at most before the second receipt; twice as many before each next. */
const FIRST_RETRY_SECONDS_MAX = 4;
/**
 * News of transactions is worth nothing when it is this old: their senders say it again. (Nor is it
 * while we are behind: then gossip looks no further than at its name.)
 */
const TX_AGE_MS_MAX = 10 * 60_000;

/** The envelope as it came; undefined: no JSON. */
function envelopeOf(record: SQSRecord): unknown {
  try {
    return JSON.parse(record.body);
  } catch {
    return undefined;
  }
}

const isTx = (envelope: unknown): boolean =>
  (envelope as { type?: unknown } | null | undefined)?.type === 'tx';

/** Chain first: a transaction may spend what a block of the same batch makes. */
const chainFirst = (records: readonly SQSRecord[]): SQSRecord[] =>
  records
    .map((record) => ({ record, isLate: isTx(envelopeOf(record)) }))
    .sort((a, b) => Number(a.isLate) - Number(b.isLate))
    .map(({ record }) => record);

async function handleOne(host: AwsHost, record: SQSRecord): Promise<void> {
  const envelope = envelopeOf(record);
  if (envelope === undefined) return;
  if (isTx(envelope)) {
    const sentMs = Number(record.attributes.SentTimestamp);
    if (host.clock.nowMs() - sentMs > TX_AGE_MS_MAX) return;
  }
  const sender = senderOf(host, record.attributes.SenderId, envelope);
  if (sender !== undefined) await host.node.gossip.receive([envelope], sender);
}

/** Soon again, but not all at once: after 1 to 4 seconds, then to 8, 16, 30. */
async function hideForAWhile(host: AwsHost, record: SQSRecord): Promise<void> {
  const [byte = 0] = host.random.bytes(1);
  const receipts = Number(record.attributes.ApproximateReceiveCount);
  const most = Math.min(RETRY_SECONDS_MAX, FIRST_RETRY_SECONDS_MAX * 2 ** (receipts - 1));
  try {
    await host.sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: host.inboxUrl,
        ReceiptHandle: record.receiptHandle,
        VisibilityTimeout: 1 + Math.floor((most * byte) / 256),
      }),
    );
  } catch {
    // The queue's own timeout brings it back.
  }
}

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const host = await getHost();
  const handleRecord = async (record: SQSRecord): Promise<void> => {
    try {
      await handleOne(host, record);
    } catch (error) {
      host.telemetry.log('error', 'a message could not be handled', {
        code: String((error as { code?: unknown }).code ?? (error as Error).name),
      });
      await hideForAWhile(host, record);
      throw error;
    }
  };
  const answer = await processPartialResponse(
    { Records: chainFirst(event.Records) },
    handleRecord,
    new BatchProcessor(EventType.SQS),
    // A batch that fails as a whole is reported as any other: a throw would end the process.
    { processInParallel: false, throwOnFullBatchFailure: false },
  );
  await host.nudgeSync();
  const failed = answer.batchItemFailures.length;
  await host.finish({ event: 'inbox', records: event.Records.length, failed });
  return answer;
}
