/**
 * What a cold start costs: the size of each function's bundle, and in a fresh process its import and
 * its first call, against the second; then the same through the emulator's own invocations. The
 * tables and queues are the emulator's, so these are not AWS's figures. Processor time is what counts
 * on a busy machine, and in Lambda, where memory buys it.
 *
 *   npx node bench/cold-start.ts [--runs 10] [--only public,inbox] [--json]
 *
 * Needs Python 3.10 with venv, or AWS_ENDPOINT_URL. About three minutes on two cores.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import type { CloudNode, LocalCloud } from '../cli/cloud/local-cloud.ts';
import { bundleAll } from '../infra/bundle.ts';
import { FUNCTION_NAMES } from '../infra/names.ts';
import { easyNetwork } from '../test/helpers/chain-builder.ts';
import { functionOf } from './cloud/handled.ts';
import { clientConfig, note, withCloud } from './cloud/open.ts';
import { loadText, median, printTable, type Row, round } from './figures.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const RUNS = Number(values.runs);
const COLD = fileURLToPath(new URL('cloud/cold.ts', import.meta.url));
const exec = promisify(execFile);

const httpEvent = (rawPath: string): object => ({
  version: '2.0',
  rawPath,
  rawQueryString: '',
  headers: { host: 'bench.test' },
  requestContext: {
    http: { method: 'GET', path: rawPath, sourceIp: '192.0.2.7' },
    domainName: 'bench.test',
  },
  isBase64Encoded: false,
});

/** What each function is called with; the others take anything. */
const eventsOf = (genesis: string): Readonly<Record<string, object>> => ({
  public: httpEvent('/v1/node'),
  private: httpEvent('/v1/wallets'),
  inbox: {
    Records: [
      {
        messageId: 'bench',
        receiptHandle: 'bench',
        body: JSON.stringify({
          v: 1,
          network: genesis,
          from: 'node1',
          type: 'inv',
          payload: 'AA==',
        }),
        attributes: {
          SentTimestamp: '0',
          SenderId: '000000000000',
          ApproximateReceiveCount: '1',
        },
      },
    ],
  },
});

interface Took {
  readonly ms: number;
  readonly cpuMs: number;
}
type Cold = Readonly<Record<'loaded' | 'first' | 'second', Took>>;

/** All that is deployed, and what of it every start reads: the entry and what it imports at once. */
function sizesOf(dir: string): { all: number; zipped: number; atOnce: number } {
  const files = readdirSync(dir).filter((name) => name.endsWith('.mjs'));
  const texts = new Map(files.map((name) => [name, readFileSync(join(dir, name), 'utf8')]));
  const read = new Set<string>();
  const visit = (name: string): void => {
    if (read.has(name)) return;
    read.add(name);
    const text = texts.get(name) ?? '';
    for (const [, next = ''] of text.matchAll(/(?:from|import)"\.\/([^"]+\.mjs)"/g)) visit(next);
  };
  visit('index.mjs');
  const kB = (names: Iterable<string>): number =>
    round([...names].reduce((sum, name) => sum + (texts.get(name)?.length ?? 0), 0) / 1000);
  const zipped = round(gzipSync([...texts.values()].join('')).length / 1000);
  return { all: kB(files), zipped, atOnce: kB(read) };
}

async function coldRow(
  dir: string,
  name: string,
  event: object,
  env: Record<string, string>,
): Promise<Row> {
  const bundle = join(dir, 'index.mjs');
  const colds: Cold[] = [];
  for (let i = 0; i < RUNS; i++) {
    const args = ['--disable-warning=ExperimentalWarning', COLD, bundle, JSON.stringify(event)];
    const { stdout } = await exec(process.execPath, args, { env });
    colds.push(JSON.parse(stdout) as Cold);
  }
  const of = (part: keyof Cold, what: keyof Took): number =>
    round(median(colds.map((cold) => cold[part][what])));
  const { all, zipped, atOnce } = sizesOf(dir);
  return {
    function: name,
    'bundle kB': all,
    zipped,
    'read at once': atOnce,
    'import ms': of('loaded', 'ms'),
    '(cpu)': of('loaded', 'cpuMs'),
    'first call ms': of('first', 'ms'),
    '(cpu) ': of('first', 'cpuMs'),
    'second ms': of('second', 'ms'),
  };
}

/** Milliseconds of a call as its caller sees it, in a new worker and in a warm one. */
async function invoked(
  lambda: LambdaClient,
  FunctionName: string,
  event: object,
): Promise<{ cold: number; warm: number }> {
  const call = async (): Promise<number> => {
    const from = performance.now();
    const answer = await lambda.send(
      new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }),
    );
    if (answer.FunctionError !== undefined) {
      throw new Error(`${FunctionName}: ${Buffer.from(answer.Payload ?? []).toString()}`);
    }
    return performance.now() - from;
  };
  const [colds, warms]: [number[], number[]] = [[], []];
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  for (let i = 0; i < RUNS; i++) {
    // Another environment is a new worker.
    const Variables = { ...Environment?.Variables, BENCH_RUN: String(i) };
    await lambda.send(
      new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }),
    );
    colds.push(await call());
    warms.push(await call());
  }
  return { cold: round(median(colds)), warm: round(median(warms)) };
}

async function measure(cloud: LocalCloud, node: CloudNode, bundles: string): Promise<Row[]> {
  const lambda = new LambdaClient(clientConfig(cloud));
  const rows: Row[] = [];
  const wanted = values.only?.split(',');
  for (const name of FUNCTION_NAMES.filter((each) => wanted?.includes(each) ?? true)) {
    note(`${name}: ${RUNS} cold starts`);
    const FunctionName = functionOf(node, name);
    const { Environment } = await lambda
      .send(new GetFunctionConfigurationCommand({ FunctionName }))
      .catch(() => ({ Environment: undefined }));
    // A function that this stack has not, as the miner in Lambda.
    if (Environment === undefined) continue;
    const event = eventsOf(params.genesisHash)[name] ?? {};
    const env = { ...cloud.env, ...Environment.Variables };
    const row = await coldRow(join(bundles, name), name, event, env);
    const { cold, warm } = await invoked(lambda, FunctionName, event);
    rows.push({ ...row, 'invoke cold ms': cold, 'warm ms': warm });
  }
  lambda.destroy();
  return rows;
}

const params = easyNetwork({ time: Math.floor(Date.now() / 1000) - 50_000 });
const bundles = mkdtempSync(join(tmpdir(), 'stackchain-bundles-'));
try {
  bundleAll(bundles);
  await withCloud({ nodes: 1, params }, async (cloud) => {
    const [node] = cloud.nodes;
    if (node === undefined) throw new Error('no node');
    const rows = await measure(cloud, node, bundles);
    if (values.json) console.log(JSON.stringify({ bench: 'cold-start', load: loadText(), rows }));
    else {
      console.log(`medians of ${RUNS}, emulator's figures, ${loadText()}`);
      printTable(rows);
    }
  });
} finally {
  rmSync(bundles, { recursive: true, force: true });
}
