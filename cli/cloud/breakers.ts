/**
 * Breakers (functions/breaker.ts) over a deploy. One that changes an inbox's policy writes it anew,
 * without the statement that a breaker put there: who was shut out because of a flood would be let in
 * again and nobody told. It is put back, and said: what ends it is `stackchain peers open`.
 */
import type { SQSClient } from '@aws-sdk/client-sqs';
import { isShut, shutInbox } from '../../functions/breaker.ts';
import { inboxName, type NodeId } from '../../infra/names.ts';
import { awsLimits } from '../../lib/adapters/aws-limits.ts';
import type { AwsConfig } from './checks.ts';

export interface Breakers {
  readonly config: AwsConfig;
  /** The nodes that are deployed; they need not be there yet. */
  readonly ids: readonly NodeId[];
  readonly note: (line: string) => void;
  readonly warn: (line: string) => void;
}

interface Shut {
  readonly node: string;
  readonly url: string;
}

/** Runs the deploy. What is said beforehand and afterwards is of nodes whose breaker was tripped. */
export async function throughDeploy<T>(of: Breakers, deploy: () => Promise<T>): Promise<T> {
  const { SQSClient } = await import('@aws-sdk/client-sqs');
  const client = new SQSClient({ ...awsLimits(), ...of.config });
  try {
    const shut = await findShut(client, of);
    for (const { node } of shut) {
      of.note(
        `${node} is shut to other accounts by its breaker, and stays so: ` +
          `\`stackchain peers open ${node}\` opens it.`,
      );
    }
    try {
      return await deploy();
    } catch (error) {
      for (const { node } of shut) {
        of.warn(`what CloudFormation still does may open ${node} to other accounts again.`);
      }
      throw error;
    } finally {
      await shutAgain(client, shut, of);
    }
  } finally {
    client.destroy();
  }
}

async function findShut(client: SQSClient, { ids, warn }: Breakers): Promise<Shut[]> {
  const { GetQueueUrlCommand } = await import('@aws-sdk/client-sqs');
  const found = ids.map(async (id): Promise<Shut[]> => {
    const QueueName = inboxName(id);
    try {
      const { QueueUrl: url = '' } = await client.send(new GetQueueUrlCommand({ QueueName }));
      return (await isShut(client, url)) ? [{ node: id.node, url }] : [];
    } catch (error) {
      const { name } = error as Error;
      if (!/QueueDoesNotExist|NonExistentQueue/.test(name)) {
        // Who may deploy need not be one who may read queues: the deploy goes on.
        warn(`whether the breaker of ${id.node} is tripped cannot be read: ${name}.`);
      }
      return [];
    }
  });
  return (await Promise.all(found)).flat();
}

async function shutAgain(
  client: SQSClient,
  shut: readonly Shut[],
  { note, warn }: Breakers,
): Promise<void> {
  await Promise.all(
    shut.map(async ({ node, url }) => {
      try {
        if (!(await shutInbox(client, url))) return;
        note(`The deploy wrote the inbox's policy of ${node} anew; its breaker was put back.`);
      } catch (error) {
        warn(
          `the breaker of ${node} could not be put back, which the deploy may have ended: ` +
            `${(error as Error).name}.`,
        );
      }
    }),
  );
}
