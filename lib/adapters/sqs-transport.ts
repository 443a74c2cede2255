/**
 * The Transport port on SQS: an envelope is a message in the peer's inbox. Replies come later, as
 * messages in ours. Owns batches, group ids and what a batch leaves unsent; what may be sent at all
 * (sizes, who hears of what) is gossip's.
 */
import {
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { Fault } from '../faults.ts';
import { parseQueueArn, type QueueName } from '../ports/queue-arn.ts';
import type { Envelope, Transport } from '../ports/transport.ts';

export interface SqsTransportOptions {
  /** A client of the queue's region. */
  readonly clientOf: (region: string) => SQSClient;
  /** Own name: the group under which the peer's queue is fair to us. */
  readonly name: string;
  /** URL of a queue; by default AWS's own form. */
  readonly urlOf?: (queue: QueueName) => string;
  readonly sleep?: (ms: number) => Promise<void>;
}

const ENTRIES_MAX = 10;
/** SQS takes 1 MiB a batch; its bytes are UTF-8, and some are attributes. */
const BATCH_BYTES_MAX = 1_000_000;
const TRIES_MAX = 4;
const PAUSE_MS = 100;

export const awsQueueUrl = ({ partition, region, account, name }: QueueName): string => {
  const domain = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  return `https://sqs.${region}.${domain}/${account}/${name}`;
};

/** Quiet senders first (fair queues), and transactions never in front of the chain. */
const groupOf = (name: string, envelope: Envelope): string =>
  `${name}:${envelope.type === 'tx' ? 'tx' : 'chain'}`;

export function createSqsTransport(options: SqsTransportOptions): Transport {
  const { clientOf, name, urlOf = awsQueueUrl } = options;
  const sleep = options.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  return {
    kind: 'sqs',
    async send(address, envelopes) {
      const queue = parseQueueArn(address);
      if (queue === undefined) throw new Fault('transport', `${address} is no queue`);
      const target = { client: clientOf(queue.region), url: urlOf(queue), address, sleep };
      for (const batch of toBatches(envelopes, name)) await sendBatch(target, batch);
      return [];
    },
  };
}

function toBatches(envelopes: readonly Envelope[], name: string): SendMessageBatchRequestEntry[][] {
  const batches: SendMessageBatchRequestEntry[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const envelope of envelopes) {
    const MessageBody = JSON.stringify(envelope);
    const size = Buffer.byteLength(MessageBody);
    if (size > BATCH_BYTES_MAX) throw new Fault('transport', `a message of ${size} bytes`);
    let batch = batches.at(-1);
    if (batch === undefined || batch.length === ENTRIES_MAX || bytes + size > BATCH_BYTES_MAX) {
      batch = [];
      batches.push(batch);
      bytes = 0;
    }
    bytes += size;
    batch.push({ Id: String(batch.length), MessageBody, MessageGroupId: groupOf(name, envelope) });
  }
  return batches;
}

interface Target {
  readonly client: SQSClient;
  readonly url: string;
  readonly address: string;
  readonly sleep: (ms: number) => Promise<void>;
}

async function sendBatch(target: Target, batch: SendMessageBatchRequestEntry[]): Promise<void> {
  let left = batch;
  for (let tries = 1; left.length > 0; tries++) {
    const failed = await trySend(target, left);
    if (failed.some(({ mine }) => mine) || (failed.length > 0 && tries === TRIES_MAX)) {
      throw new Fault('transport', `${target.address} does not take ${failed.length} messages`);
    }
    const ids = new Set(failed.map(({ id }) => id));
    left = left.filter(({ Id }) => ids.has(Id));
    if (left.length > 0) await target.sleep(PAUSE_MS * 2 ** tries);
  }
}

/** The messages that were not taken; `mine`: by our fault, so that trying again is no use. */
async function trySend(
  { client, url, address }: Target,
  Entries: SendMessageBatchRequestEntry[],
): Promise<{ id: string | undefined; mine: boolean }[]> {
  try {
    const answer = await client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    return (answer.Failed ?? []).map(({ Id, SenderFault }) => ({
      id: Id,
      mine: SenderFault === true,
    }));
  } catch (cause) {
    const { name, message } = cause as Error;
    throw new Fault('transport', `${address} cannot be reached: ${name} ${message}`, { cause });
  }
}
