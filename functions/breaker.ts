/**
 * The breaker: a statement in the inbox's policy that denies all senders of other accounts. A deploy
 * that leaves the policy as it was repairs no drift, so it stays until `stackchain peers open`; one
 * that changes the policy (a foreign peer more or less) writes all of it anew, and so ends it where
 * nobody puts it back: `stackchain deploy` does (cli/cloud/breakers.ts), a bare `cdk deploy` does not.
 */
import {
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

const SID = 'StackchainBreaker';

interface Policy {
  Version: string;
  Statement: { Sid?: string; [key: string]: unknown }[];
}

async function readPolicy(
  client: SQSClient,
  url: string,
): Promise<{ policy: Policy; arn: string }> {
  const answer = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['Policy', 'QueueArn'] }),
  );
  const text = answer.Attributes?.['Policy'];
  const policy = text ? (JSON.parse(text) as Policy) : { Version: '2012-10-17', Statement: [] };
  return { policy, arn: answer.Attributes?.['QueueArn'] ?? '' };
}

const writePolicy = (client: SQSClient, url: string, policy: Policy): Promise<unknown> =>
  client.send(
    new SetQueueAttributesCommand({
      QueueUrl: url,
      // An empty text removes a policy without statements.
      Attributes: { Policy: policy.Statement.length === 0 ? '' : JSON.stringify(policy) },
    }),
  );

const hasBreaker = ({ Statement }: Policy): boolean => Statement.some(({ Sid }) => Sid === SID);

export const isShut = async (client: SQSClient, url: string): Promise<boolean> =>
  hasBreaker((await readPolicy(client, url)).policy);

/** Shuts out every account but the queue's own. Twice is once; false: they were shut out already. */
export async function shutInbox(client: SQSClient, url: string): Promise<boolean> {
  const { policy, arn } = await readPolicy(client, url);
  if (hasBreaker(policy)) return false;
  policy.Statement.push({
    Sid: SID,
    Effect: 'Deny',
    Principal: '*',
    Action: 'sqs:SendMessage',
    Resource: arn,
    Condition: { StringNotEquals: { 'aws:PrincipalAccount': arn.split(':')[4] ?? '' } },
  });
  await writePolicy(client, url, policy);
  return true;
}

/** Lets them in again. */
export async function openInbox(client: SQSClient, url: string): Promise<boolean> {
  const { policy } = await readPolicy(client, url);
  const kept = policy.Statement.filter((statement) => statement.Sid !== SID);
  if (kept.length === policy.Statement.length) return false;
  await writePolicy(client, url, { ...policy, Statement: kept });
  return true;
}
