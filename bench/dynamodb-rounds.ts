/**
 * How often a block waits for DynamoDB on its way: what the inbox asks for a block of a peer, what a
 * miner asks to hand in its own, to look for other work and to get it. Calls, and rounds of them: a
 * round is what starts before anything of it is answered. On dynoxide, an emulator, with a fixed
 * pause before each call, so that rounds can be told apart; AWS answers in about a quarter of it.
 *
 *   npx node bench/dynamodb-rounds.ts [--blocks 5] [--txs 0] [--trace] [--json]
 */
import { parseArgs } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createTable } from '../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../lib/adapters/dynamodb-store.ts';
import { systemRandom } from '../lib/adapters/system-random.ts';
import { createVerifier } from '../lib/adapters/verifier.ts';
import { createNode } from '../lib/node/create-node.ts';
import type { Node } from '../lib/node/types.ts';
import type { Envelope, Transport } from '../lib/ports/transport.ts';
import { easyNetwork, Story, type StoryBlock } from '../test/helpers/chain-builder.ts';
import { dynoxidePath, startDynoxide } from '../test/helpers/dynamodb.ts';
import { median, printTable } from './figures.ts';

const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '5' },
    txs: { type: 'string', default: '0' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
/** As long as a call to DynamoDB takes, more or less. */
const PAUSE_MS = 20;
const PEERS = 2;
const queueOf = (name: string): string =>
  `arn:aws:sqs:us-east-1:000000000000:stackchain-bench-${name}-inbox`;

interface Call {
  readonly name: string;
  readonly about: string;
  readonly from: number;
  to: number;
}

/** What a command is about: its partition, or how many of them. */
function aboutOf(input: Record<string, unknown>): string {
  const keyed = (input['Key'] ?? input['Item']) as { pk?: { S?: string }; sk?: { S?: string } };
  if (keyed?.pk?.S !== undefined) return `${keyed.pk.S} ${keyed.sk?.S ?? ''}`.slice(0, 40);
  const values = input['ExpressionAttributeValues'] as { ':pk'?: { S?: string } } | undefined;
  if (values?.[':pk']?.S !== undefined) return values[':pk'].S.slice(0, 40);
  const items = (input['TransactItems'] ?? input['Statements']) as unknown[] | undefined;
  if (items !== undefined) return `${items.length} rows`;
  const [table] = Object.values((input['RequestItems'] ?? {}) as Record<string, { Keys?: [] }>);
  return `${table?.Keys?.length ?? 0} rows`;
}

function watchCalls(client: DynamoDBClient): { take(): Call[] } {
  let calls: Call[] = [];
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { commandName = '' } = context as { commandName?: string };
      const about = aboutOf(args.input as never);
      const name = commandName.replace('Command', '');
      const call: Call = { name, about, from: performance.now(), to: Number.POSITIVE_INFINITY };
      calls.push(call);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      try {
        return await next(args);
      } finally {
        call.to = performance.now();
      }
    },
    { step: 'initialize', name: 'watch' },
  );
  return {
    take() {
      const taken = calls;
      calls = [];
      return taken;
    },
  };
}

/** Calls one after the other, as far as they had to be, until a moment. */
function roundsUntil(calls: readonly Call[], until: number): number {
  let rounds = 0;
  let openUntil = Number.NEGATIVE_INFINITY;
  for (const call of calls) {
    if (call.from > until) break;
    if (call.from < openUntil) continue;
    rounds++;
    openUntil = call.to;
  }
  return rounds;
}

interface Handled {
  readonly calls: readonly Call[];
  readonly startedAt: number;
  readonly tipAt: number;
  readonly sentAt: number;
  readonly endedAt: number;
}

interface Bench {
  readonly node: Node;
  readonly watch: ReturnType<typeof watchCalls>;
  /** When something was sent to a peer. */
  readonly sent: number[];
}

async function watched({ node, watch, sent }: Bench, step: () => unknown): Promise<Handled> {
  let tipAt = Number.NaN;
  const stop = node.on(({ type }) => {
    if (type === 'tip') tipAt = performance.now();
  });
  watch.take();
  sent.length = 0;
  const startedAt = performance.now();
  await step();
  const endedAt = performance.now();
  stop();
  return { calls: watch.take(), startedAt, tipAt, sentAt: sent[0] ?? Number.NaN, endedAt };
}

/** As functions/inbox.ts handles a message. */
async function hearOf({ node }: Bench, { block }: StoryBlock): Promise<void> {
  const payload = Buffer.from(block.raw).toString('base64');
  const network = node.params.genesisHash;
  const envelope = { v: 1, network, from: 'node1', type: 'block', payload };
  const key = queueOf('node1');
  const answer = await node.gossip.receive([envelope], { transport: 'sqs', key });
  if (!answer.ok) throw new Error(`not taken: ${JSON.stringify(answer)}`);
  await node.gossip.progress();
}

async function handIn({ node }: Bench, { block }: StoryBlock): Promise<void> {
  const { status } = await node.acceptBlock(block.raw, { asked: true });
  if (status !== 'tip') throw new Error(`not taken: ${status}`);
}

function trace(step: string, { calls, startedAt, tipAt, sentAt }: Handled): void {
  const at = (ms: number): string => (ms - startedAt).toFixed(0).padStart(5);
  const lines = calls.map(({ name, about, from, to }): [number, string] => [
    from,
    `${at(from)} to ${at(to)}  ${name} ${about}`,
  ]);
  lines.push([tipAt, `${at(tipAt)}           tip`], [sentAt, `${at(sentAt)}           announced`]);
  console.error(step);
  for (const [ms, line] of lines.sort(([a], [b]) => a - b))
    if (!Number.isNaN(ms)) console.error(line);
}

async function run(client: DynamoDBClient): Promise<void> {
  const table = `inbox-${process.pid}`;
  await createTable(client, table);
  const story = new Story(easyNetwork());
  story.miner = 'miner';
  const clock = { nowMs: () => (story.tip.block.header.time + 1) * 1000 };
  const sent: number[] = [];
  const sqs: Transport = {
    kind: 'sqs',
    async send(): Promise<Envelope[]> {
      sent.push(performance.now());
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      return [];
    },
  };
  const http: Transport = { kind: 'http', send: async () => [] };
  const genesis = story.params.genesisHash;
  const node = await createNode({
    params: story.params,
    store: createDynamoStore({ client, table, clock }),
    clock,
    random: systemRandom,
    verifier: createVerifier(),
    transports: [sqs, http],
    name: 'node0',
    peers: Array.from({ length: PEERS }, (_, i) => {
      const name = `node${i + 1}`;
      const url = `https://${name}.example.com`;
      const network = story.params.name;
      return JSON.stringify({ network, genesis, name, url, queue: queueOf(name), roles: [] });
    }),
  });
  const bench: Bench = { node, watch: watchCalls(client), sent };
  const next = layBlocks(story);
  for (const block of next.first) await handIn(bench, block);
  const heard: Handled[] = [];
  const found: Handled[] = [];
  const looks: Handled[] = [];
  const templates: Handled[] = [];
  for (let i = 0; i < Number(values.blocks); i++) {
    await node.template();
    const ofPeer = next.block();
    heard.push(await watched(bench, () => hearOf(bench, ofPeer)));
    looks.push(await watched(bench, () => node.templateId()));
    templates.push(await watched(bench, () => node.template()));
    const own = next.block();
    found.push(await watched(bench, () => handIn(bench, own)));
  }
  report({ heard, found, looks, templates });
}

/** Two blocks that make coins, then blocks of payments. */
function layBlocks(story: Story): { first: StoryBlock[]; block(): StoryBlock } {
  const txs = Number(values.txs);
  const fund = story.mine({});
  const outputs = Array.from({ length: Math.max(1, 2 * txs * Number(values.blocks)) }, (_, i) => ({
    to: `k${i}`,
    sats: 100_000,
  }));
  const fan = story.spend({ inputs: [`${fund.name}:0`], outputs });
  story.name(fan, 'fan');
  const first = [fund, story.mine({ txs: [fan] })];
  let paid = 0;
  return {
    first,
    block() {
      const payments = Array.from({ length: txs }, () =>
        story.pay({ from: `fan:${paid}`, to: `t${paid++}`, sats: 50_000 }),
      );
      return story.mine({ txs: payments });
    },
  };
}

function report(all: Readonly<Record<'heard' | 'found' | 'looks' | 'templates', Handled[]>>): void {
  if (values.trace) {
    for (const [step, list] of Object.entries(all)) trace(step, list.at(-1) as Handled);
  }
  const of = (step: string, list: readonly Handled[], until: (one: Handled) => number) => ({
    step,
    calls: median(list.map((one) => one.calls.filter(({ from }) => from < until(one)).length)),
    rounds: median(list.map((one) => roundsUntil(one.calls, until(one)))),
    [`ms at ${PAUSE_MS} a call`]: Math.round(median(list.map((one) => until(one) - one.startedAt))),
  });
  const { heard, found, looks, templates } = all;
  if ([...heard, ...found].some(({ sentAt }) => Number.isNaN(sentAt))) {
    throw new Error('nobody was told');
  }
  const rows = [
    of('found, until the others are told', found, ({ sentAt }) => sentAt),
    of('found, to the end', found, ({ endedAt }) => endedAt),
    of('heard, until it is the tip', heard, ({ tipAt }) => tipAt),
    of('heard, until others are told', heard, ({ sentAt }) => sentAt),
    of('heard, to the end of the handler', heard, ({ endedAt }) => endedAt),
    of('a miner looks for other work', looks, ({ endedAt }) => endedAt),
    of('a miner gets it', templates, ({ endedAt }) => endedAt),
  ];
  if (values.json) console.log(JSON.stringify({ bench: 'dynamodb-rounds', txs: values.txs, rows }));
  else printTable(rows);
}

const binary = dynoxidePath();
if (binary === undefined) {
  console.error('npm has no build of dynoxide for this platform');
  process.exit(3);
}
const running = await startDynoxide(binary);
const client = running.client();
try {
  await run(client);
} finally {
  client.destroy();
  running.stop();
}
