/**
 * Latency of the API under a steady load of payments (signed beforehand, handed to
 * `POST /v1/transactions`), at rates that double until something gives way: of a stack in the emulated
 * cloud, of the same node in this process on dynoxide, and of `stackchain up` on LevelDB, which is
 * what the others are compared with. An emulator starts a process for each call at a time, knows no
 * throttle and shares the cores with its callers: none of its figures is AWS's.
 *
 *   npx node bench/cloud-api.ts [--seconds 8] [--from 5] [--to 640] [--json]
 *
 * Needs Python 3.10 with venv, or AWS_ENDPOINT_URL. About three minutes on two cores.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cleanEnv } from '../cli/cloud/emulator.ts';
import { createTable } from '../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../lib/adapters/dynamodb-store.ts';
import { toHex } from '../lib/codec/index.ts';
import { toNetworkFile } from '../lib/params/index.ts';
import { easyNetwork, Story } from '../test/helpers/chain-builder.ts';
import { dynoxidePath, startDynoxide } from '../test/helpers/dynamodb.ts';
import { openHttpNode } from '../test/helpers/http-nodes.ts';
import { loadStep, type Step } from './cloud/load.ts';
import { endChild, note, withCloud } from './cloud/open.ts';
import { loadText, printTable, type Row, round } from './figures.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    from: { type: 'string', default: '5' },
    to: { type: 'string', default: '640' },
    json: { type: 'boolean', default: false },
  },
});
const SECONDS = Number(values.seconds);
const [FROM, TO] = [Number(values.from), Number(values.to)];
const PER_BLOCK = 2_000;
const SATS = 100_000;
/** It gives way: the slowest one of a hundred takes so long, or one of a hundred fails. */
const P99_MS_MAX = 2_000;
const FAILED_MAX = 0.01;
const WARM_UP = 10;

const params = easyNetwork({ maturity: 1, time: Math.floor(Date.now() / 1000) - 50_000 });

/** Blocks that make coins, and a payment of each coin: bodies of requests. */
function lay(payments: number): { blocks: string[]; txs: string[] } {
  const story = new Story(params);
  const blocks: string[] = [];
  const txs: string[] = [];
  for (let left = payments; left > 0; left -= PER_BLOCK) {
    const source = story.mine({ payTo: 'founder' });
    const count = Math.min(left, PER_BLOCK);
    const outputs = Array.from({ length: count }, () => ({ to: 'payer', sats: SATS }));
    const fan = story.name(story.spend({ inputs: [`${source.name}:0`], outputs }), `fan${left}`);
    const block = story.mine({ txs: [fan], payTo: 'founder' });
    blocks.push(toHex(source.block.raw), toHex(block.block.raw));
    for (let i = 0; i < count; i++) {
      const tx = story.pay({
        from: `fan${left}:${i}`,
        to: `t${i % 50}`,
        sats: SATS / 2,
        fee: 1000,
      });
      txs.push(JSON.stringify({ hex: toHex(tx.raw) }));
    }
  }
  return { blocks, txs };
}

async function giveBlocks(url: string, blocks: readonly string[]): Promise<void> {
  for (const hex of blocks) {
    const answer = await fetch(`${url}/v1/blocks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ hex }),
    });
    const text = await answer.text();
    if (!text.includes('"tip"')) throw new Error(`a block was not taken: ${text}`);
  }
}

interface Result {
  readonly target: string;
  readonly steps: readonly Step[];
  /** Highest rate that held. */
  readonly held: number;
  readonly gave: string;
}

/** What gave way, if anything did. */
function faultOf({ rate, sent, statuses, p99, held }: Step): string | undefined {
  const failed = Object.entries(statuses).filter(([status]) => !/^2/.test(status));
  const count = failed.reduce((sum, [, each]) => sum + each, 0);
  if (count > FAILED_MAX * sent) {
    const names = failed.map(
      ([status, each]) => `${each} x ${status === '0' ? 'no answer' : status}`,
    );
    return `at ${rate}/s: ${names.join(', ')} of ${sent}`;
  }
  if (held > 0) return `at ${rate}/s: ${held} requests could not even begin`;
  if (p99 > P99_MS_MAX) return `at ${rate}/s: queueing, p99 ${p99} ms`;
  return undefined;
}

async function measure(
  target: string,
  url: string,
  { blocks, txs }: ReturnType<typeof lay>,
): Promise<Result> {
  note(`${target}: giving it ${blocks.length} blocks`);
  await giveBlocks(url, blocks);
  let used = 0;
  const next = (): string | undefined => txs[used++];
  const post = `${url}/v1/transactions`;
  await loadStep(post, { rate: WARM_UP, seconds: 1, next });
  const steps: Step[] = [];
  let [held, gave] = [0, `nothing up to ${TO}/s`];
  for (let rate = FROM; rate <= TO; rate *= 2) {
    const step = await loadStep(post, { rate, seconds: SECONDS, next });
    note(`${target}: ${rate}/s, p50 ${step.p50} ms, p99 ${step.p99} ms`);
    steps.push(step);
    const fault = faultOf(step);
    if (fault !== undefined) {
      gave = fault;
      break;
    }
    held = rate;
  }
  return { target, steps, held, gave };
}

async function ofStack(load: ReturnType<typeof lay>): Promise<Result> {
  let result: Result | undefined;
  await withCloud({ nodes: 1, params }, async ({ nodes: [node] }) => {
    if (node !== undefined) result = await measure('stack, emulator', node.url, load);
  });
  if (result === undefined) throw new Error('no stack');
  return result;
}

async function ofTable(load: ReturnType<typeof lay>): Promise<Result | undefined> {
  const binary = dynoxidePath();
  if (binary === undefined) return undefined;
  const running = await startDynoxide(binary);
  const client = running.client();
  await createTable(client, 'api');
  const store = createDynamoStore({ client, table: 'api' });
  const { url, close } = await openHttpNode({ params, store });
  try {
    return await measure('in process, dynoxide', url, load);
  } finally {
    await close();
    running.stop();
  }
}

async function ofUp(load: ReturnType<typeof lay>): Promise<Result> {
  const dir = mkdtempSync(join(tmpdir(), 'stackchain-bench-'));
  const network = join(dir, 'network-file.json');
  writeFileSync(network, JSON.stringify(toNetworkFile(params)));
  const bin = fileURLToPath(new URL('../bin/stackchain.js', import.meta.url));
  const own = ['--data-dir', join(dir, 'data'), '--network', network];
  const child = spawn(
    process.execPath,
    [bin, 'up', '--no-mining', '--port', '0', '--json', ...own],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: cleanEnv(),
    },
  );
  try {
    const line = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).once('line', resolve);
      child.once('exit', () => reject(new Error('up ended early')));
    });
    return await measure('up, LevelDB', (JSON.parse(line) as { url: string }).url, load);
  } finally {
    await endChild(child);
    rmSync(dir, { recursive: true, force: true });
  }
}

let payments = WARM_UP;
for (let rate = FROM; rate <= TO; rate *= 2) payments += rate * SECONDS;
note(`signing ${payments} payments`);
const load = lay(payments);
const up = await ofUp(load);
const table = await ofTable(load);
const stack = await ofStack(load);
const results = [stack, ...(table === undefined ? [] : [table]), up];
const rows = results.flatMap(({ target, steps }): Row[] =>
  steps.map(({ rate, sent, p50, p99, statuses }) => ({
    target,
    'payments/s': rate,
    sent,
    'p50 ms': p50,
    'p99 ms': p99,
    answers: Object.entries(statuses)
      .map(([status, count]) => `${status}: ${count}`)
      .join(', '),
  })),
);
const ends = results.map(({ target, held, gave }) => ({
  target,
  'held, payments/s': held,
  'of up': round(held / up.held, 3),
  'gave way': gave,
}));
if (values.json) {
  const line = { bench: 'cloud-api', emulator: true, load: loadText(), steps: rows, ends };
  console.log(JSON.stringify(line));
} else {
  console.log(`the stack's are the emulator's figures, ${loadText()}`);
  printTable(rows);
  console.log('');
  printTable(ends);
}
process.exit(0);
