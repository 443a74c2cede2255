/** A cloud for a bench: MiniStack, or the emulator that AWS_ENDPOINT_URL names; stacks by the real CDK. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalCloud, startLocalCloud } from '../../cli/cloud/local-cloud.ts';
import { type ChainParams, toNetworkFile } from '../../lib/params/index.ts';
import { freePort } from '../../test/helpers/dynamodb.ts';

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

const END_MS_MAX = 3_000;

/** Asks a process to end, then insists. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const insist = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
  await ended;
  clearTimeout(insist);
}

/** Progress, for who waits. */
export const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** What an SDK client of this cloud is made with. */
export const clientConfig = ({ endpoint, env }: LocalCloud) => ({
  endpoint,
  region: env['AWS_REGION'] as string,
  credentials: {
    accessKeyId: env['AWS_ACCESS_KEY_ID'] as string,
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] as string,
  },
});

/** Opens it, runs the bench, and takes it away whatever happens. */
export async function withCloud(
  options: { readonly nodes: number; readonly params: ChainParams },
  run: (cloud: LocalCloud) => Promise<void>,
): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'stackchain-bench-'));
  const networkFile = join(scratch, 'network.json');
  writeFileSync(networkFile, JSON.stringify(toNetworkFile(options.params)));
  const given = process.env['AWS_ENDPOINT_URL'];
  const cloud = await startLocalCloud({
    nodes: options.nodes,
    networkFile,
    mining: false,
    context: ['miner=fargate', 'dev=true'],
    note,
    ...(given === undefined ? { port: await freePort() } : { endpoint: given }),
  });
  const end = async (): Promise<void> => {
    await cloud.stop();
    rmSync(scratch, { recursive: true, force: true });
  };
  process.once('SIGINT', () => {
    end().finally(() => process.exit(130));
  });
  try {
    await run(cloud);
  } finally {
    await end();
  }
}
