/** A server that accepts and never answers must not hold a node for ever. */
import { globSync, readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterEach, describe, expect, it } from 'vitest';
import { awsLimits } from '../../../lib/adapters/aws-limits.ts';
import { mayPass } from '../../../lib/adapters/dynamodb/attempt.ts';
import { createDynamoClient } from '../../../lib/adapters/dynamodb-store.ts';

let server: Server | undefined;
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server?.close();
});

/** Takes connections and says `text`, then nothing. Answers its URL. */
async function silent(text = ''): Promise<string> {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write(text));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return `http://127.0.0.1:${port}`;
}

const NAMES = { region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } };
const SOON = { timeout: 60_000, interval: 5 };
/** What infra gives it. */
const API_FUNCTION_MS = 15_000;
const SHORT = { ...NAMES, ...awsLimits(200, 200) };
const HALF =
  'HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 99\r\n\r\n{';

describe('a service that accepts and never answers', () => {
  it.each([
    ['SQS', '', 3],
    ['SQS', HALF, 0],
    ['SSM', '', 3],
  ])('%s, having said %j', async (service, text, connections) => {
    const endpoint = await silent(text);
    const call =
      service === 'SQS'
        ? new SQSClient({ ...SHORT, endpoint }).send(new GetQueueUrlCommand({ QueueName: 'q' }))
        : new SSMClient({ ...SHORT, endpoint }).send(new GetParameterCommand({ Name: '/n' }));
    await expect(call).rejects.toThrow();
    if (connections > 0) {
      // The last may still be on its way to the server.
      await expect.poll(() => sockets.size, SOON).toBe(connections);
      await expect(call).rejects.toMatchObject({ name: 'TimeoutError' });
    }
  });

  it('DynamoDB, stopped midway through its answer: the store may try again', async () => {
    const client = createDynamoClient({ ...SHORT, maxAttempts: 1, endpoint: await silent(HALF) });
    const error = await client.send(new ListTablesCommand({})).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(Error);
    expect(mayPass(error), String(error)).toBe(true);
  });

  it('DynamoDB, by the client as it is made: once, for the store tries again itself', async () => {
    const client = createDynamoClient({ ...NAMES, endpoint: await silent() });
    const call = client.send(new ListTablesCommand({}));
    await expect(call).rejects.toMatchObject({ name: 'TimeoutError' });
    await expect.poll(() => sockets.size, SOON).toBe(1);
  });

  it('two calls that hang leave the API’s function time for a third', () => {
    const { connectionTimeout, requestTimeout, socketTimeout } = awsLimits().requestHandler;
    const hangsMs = 2 * Math.max(connectionTimeout, requestTimeout, socketTimeout);
    expect(hangsMs).toBeLessThan(API_FUNCTION_MS - 2_000);
  });
});

it('no client of a function or a command is made without', () => {
  const made = globSync('{functions,miner,lib,cli}/**/*.ts').flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/new [A-Z][A-Za-z0-9]+Client\(([^;]*)\)/g)].map(
      (found) => ({
        path,
        text: found[1] ?? '',
      }),
    ),
  );
  expect(made.length).toBeGreaterThan(5);
  expect(made.filter(({ text }) => !text.includes('awsLimits('))).toEqual([]);
});
