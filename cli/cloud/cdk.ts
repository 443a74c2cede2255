/** The CDK's command line of the checkout, as a child process. Owns what its failure is called. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machine, remote } from '../errors.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CDK = join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk');
const TAIL_CHARS = 4000;

export interface CdkRun {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Each line that it says. */
  readonly note?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Where network.json and cdk.json are; default the checkout. */
  readonly cwd?: string;
}

/** Throws where there is nothing to deploy: to be asked before anything is installed or started. */
export function checkCdk(): void {
  if (existsSync(CDK)) return;
  throw machine(
    'Error: deploying works in a checkout of stackchain after `npm ci`.',
    'tool-missing',
  );
}

/** Runs `cdk …`; throws with exit 4 and its last word when it fails. */
export async function runCdk(args: readonly string[], options: CdkRun): Promise<void> {
  checkCdk();
  const child = spawn(process.execPath, [CDK, '--no-notices', ...args], {
    cwd: options.cwd ?? ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...options.env,
      // cdk.json's app runs on the Node that runs us.
      PATH: [dirname(process.execPath), options.env['PATH']].join(delimiter),
      CI: 'true',
      NO_COLOR: '1',
      CDK_DISABLE_CLI_TELEMETRY: 'true',
    },
    ...(options.signal && { signal: options.signal }),
  });
  let tail = '';
  const listen = (chunk: Buffer): void => {
    tail = (tail + chunk.toString()).slice(-TAIL_CHARS);
    for (const line of chunk.toString().split('\n'))
      if (line.trim()) options.note?.(line.trimEnd());
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0) return;
  const last = tail
    .split('\n')
    .filter((line) => /error|fail|❌/i.test(line))
    .at(-1)
    ?.trim();
  throw remote(`Error: cdk ${args[0]} failed: ${last ?? `exit ${code}`}`);
}

export type StackOutputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const readOutputs = (path: string): StackOutputs =>
  JSON.parse(readFileSync(path, 'utf8')) as StackOutputs;
