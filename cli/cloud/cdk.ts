/**
 * The CDK's command line of the checkout, as a child process. Owns what its failure is called and
 * what of its talk is progress.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { machine, remote } from '../errors.ts';
import { type Keeper, stopGroup } from './keeper.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CDK = join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk');
const TAIL_CHARS = 4000;

export interface CdkRun {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Each line that it says. */
  readonly note?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Where cdk.json says which app it is; default the checkout. */
  readonly cwd?: string;
  /** Whose child it is; default ours. */
  readonly keeper?: Keeper;
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
  const { signal, keeper, cwd = ROOT } = options;
  signal?.throwIfAborted();
  const start = keeper?.spawn ?? spawn;
  const child = start(process.execPath, [CDK, '--no-notices', ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...options.env,
      // cdk.json's app runs on the Node that runs us.
      PATH: [dirname(process.execPath), options.env['PATH']].join(delimiter),
      CI: 'true',
      NO_COLOR: '1',
      CDK_DISABLE_CLI_TELEMETRY: 'true',
    },
    // A group of its own, for it starts the app as a child.
    detached: true,
  });
  const stop = (): void => void stopGroup(child);
  signal?.addEventListener('abort', stop);
  let tail = '';
  const listen = (line: string): void => {
    tail = `${tail}${line}\n`.slice(-TAIL_CHARS);
    if (line.trim()) options.note?.(line.trimEnd());
  };
  for (const input of [child.stdout, child.stderr]) {
    if (input !== null) createInterface({ input }).on('line', listen);
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => signal?.removeEventListener('abort', stop));
  signal?.throwIfAborted();
  if (code === 0) return;
  throw remote(`Error: cdk ${args[0]} failed: ${lastWord(tail) ?? `exit ${code}`}`);
}

/** Why it failed: what the app says of itself, before what the CDK says of the app. */
function lastWord(tail: string): string | undefined {
  const lines = tail.split('\n').map((line) => line.trim());
  const errors = lines.filter((line) => /error|fail|❌/i.test(line) && !line.startsWith('at '));
  const own = errors.filter((line) => !line.includes('Subprocess exited with error'));
  return (own.at(-1) ?? errors.at(-1))?.replace(/^Error: /, '');
}

/** Of all that the CDK says, what shows that it gets on. */
export function progressOf(note: (line: string) => void): (line: string) => void {
  return (line) => {
    if (process.env['STACKCHAIN_DEBUG']) return note(line);
    const synth = /Synthesis time: ([\d.]+s)/.exec(line)?.[1];
    const stack = /^\s*✅\s+(Stackchain-\S+)/.exec(line)?.[1];
    if (line.startsWith('Founded the network')) note(line);
    if (synth !== undefined) note(`  templates made (${synth})`);
    if (stack !== undefined) {
      note(`  ${stack}${line.includes('no changes') ? ': no changes' : ': done'}`);
    }
  };
}

export type StackOutputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const readOutputs = (path: string): StackOutputs =>
  JSON.parse(readFileSync(path, 'utf8')) as StackOutputs;
