/**
 * What a node's functions call, on one port of this machine: DynamoDB is the emulator behind it,
 * queues, parameters and invocations are taken down, peers answer as the test lets them. AWS's own
 * clients talk to it, so the functions run as they are. It can be slow, and it can refuse.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { Envelope } from '../../lib/ports/transport.ts';

export interface FakeAws {
  readonly endpoint: string;
  /** Messages that queues took, in the order of their arrival. */
  readonly sent: { readonly queue: string; readonly envelope: Envelope; readonly group: string }[];
  /** Functions called. */
  readonly invoked: string[];
  /** Seconds for which messages were hidden. */
  readonly hidden: number[];
  readonly parameters: Map<string, string>;
  /** Queues that are not there. */
  readonly gone: Set<string>;
  /** Milliseconds before a queue, a function or a peer answers. */
  slowMs: number;
  /** Refuses calls of the table as IAM would. */
  denies: (operation: string) => boolean;
  /** Peers by the first part of their path; absent: nobody is there. */
  readonly peers: Map<string, (body: unknown) => Promise<unknown>>;
  /** Requests so far, and those under way. */
  readonly requests: number;
  readonly open: number;
  stop(): Promise<void>;
}

interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

const refusal = (type: string): Answer => ({
  status: 400,
  body: { __type: type, message: 'refused by the test' },
});
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const nameOf = (url: string): string => url.split('/').at(-1) ?? '';

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

interface BatchEntry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageGroupId?: string;
}

class Fake {
  readonly sent: FakeAws['sent'] = [];
  readonly invoked: string[] = [];
  readonly hidden: number[] = [];
  readonly parameters = new Map<string, string>();
  readonly gone = new Set<string>();
  readonly peers: FakeAws['peers'] = new Map();
  slowMs = 0;
  denies: FakeAws['denies'] = () => false;
  requests = 0;
  open = 0;
  readonly #dynamo: string;

  constructor(dynamo: string) {
    this.#dynamo = dynamo;
  }

  async answer(request: IncomingMessage): Promise<Answer> {
    const text = await readBody(request);
    const target = String(request.headers['x-amz-target'] ?? '');
    const operation = target.split('.').at(-1) ?? '';
    if (target.startsWith('DynamoDB')) return this.#table(request, operation, text);
    await new Promise((resolve) => setTimeout(resolve, this.slowMs));
    const body = JSON.parse(text === '' ? '{}' : text) as Record<string, unknown>;
    if (target.startsWith('AmazonSQS')) return this.#queue(operation, body);
    if (target.startsWith('AmazonSSM')) return this.#read(body['Names'] as string[]);
    return this.#called(request.url ?? '', body);
  }

  async #table(request: IncomingMessage, operation: string, body: string): Promise<Answer> {
    if (this.denies(operation)) return refusal('AccessDeniedException');
    const names = ['x-amz-target', 'content-type', 'authorization', 'x-amz-date'];
    const headers = names.map((name) => [name, String(request.headers[name])] as [string, string]);
    const answer = await fetch(this.#dynamo, { method: 'POST', headers, body });
    return { status: answer.status, body: await answer.json() };
  }

  #queue(operation: string, body: Record<string, unknown>): Answer {
    const queue = nameOf(String(body['QueueUrl']));
    if (this.gone.has(queue)) return refusal('com.amazonaws.sqs#QueueDoesNotExist');
    if (operation === 'ChangeMessageVisibility') {
      this.hidden.push(body['VisibilityTimeout'] as number);
      return { body: {} };
    }
    const Successful = (body['Entries'] as BatchEntry[]).map((entry) => {
      const { Id, MessageBody, MessageGroupId: group = '' } = entry;
      this.sent.push({ queue, envelope: JSON.parse(MessageBody) as Envelope, group });
      return { Id, MessageId: `${this.sent.length}`, MD5OfMessageBody: md5(MessageBody) };
    });
    return { body: { Successful, Failed: [] } };
  }

  #read(names: readonly string[]): Answer {
    const found = names.filter((name) => this.parameters.has(name));
    return {
      body: {
        Parameters: found.map((Name) => ({ Name, Value: this.parameters.get(Name) })),
        InvalidParameters: [],
      },
    };
  }

  async #called(url: string, body: unknown): Promise<Answer> {
    const [, first = '', , second = ''] = url.split('/');
    if (second === 'gossip' || this.peers.has(first)) {
      const peer = this.peers.get(first);
      return peer === undefined ? { status: 503, body: {} } : { body: await peer(body) };
    }
    this.invoked.push(/functions\/([^/]+)\//.exec(url)?.[1] ?? url);
    return { status: 202, body: {} };
  }
}

/** `dynamo`: endpoint of a DynamoDB emulator. */
export async function startFakeAws(dynamo: string): Promise<FakeAws> {
  const fake = new Fake(dynamo);
  const server = createServer((request, response) => {
    fake.requests++;
    fake.open++;
    void fake
      .answer(request)
      .catch((error: unknown): Answer => ({ status: 500, body: { message: String(error) } }))
      .then(({ status = 200, body }) => {
        fake.open--;
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
        response.end(JSON.stringify(body));
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return Object.assign(fake, {
    endpoint: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
