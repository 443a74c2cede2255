/** The address of an SQS queue as every layer reads it: an ARN. */
export interface QueueName {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  readonly name: string;
}

const ARN =
  /^arn:(aws(?:-[a-z]{1,12}){0,3}):sqs:([a-z]{2,12}(?:-[a-z]{1,12}){1,3}-\d{1,2}):(\d{12}):([A-Za-z0-9_-]{1,80})$/;

/** undefined: no ARN of a standard queue. */
export function parseQueueArn(arn: string): QueueName | undefined {
  const [, partition, region, account, name] = ARN.exec(arn) ?? [];
  if (partition === undefined || region === undefined) return undefined;
  if (account === undefined || name === undefined) return undefined;
  return { partition, region, account, name };
}
