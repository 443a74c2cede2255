/**
 * A local AWS without Docker: MiniStack, pinned, in a virtual environment of the checkout. Owns
 * installing, starting and stopping it; nothing of it is left when it was stopped.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { machine } from '../errors.ts';
import { sleep } from '../host/sleep.ts';

const run = promisify(execFile);

export const MINISTACK = 'ministack==1.5.33';
/** Without it signing by KMS fails. */
const CRYPTOGRAPHY = 'cryptography>=41';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VENV = join(ROOT, 'node_modules', '.cache', 'stackchain', MINISTACK.replace('==', '-'));
const START_MS_MAX = 30_000;
const STOP_MS_MAX = 3_000;
const INSTALL_MS_MAX = 300_000;
export const EMULATOR_ACCOUNT = '000000000000';
export const EMULATOR_REGION = 'us-east-1';

export interface EmulatorOptions {
  readonly port: number;
  /** Real IAM: roles, queue policies and signatures count. */
  readonly auth?: boolean;
  /** The account of calls that name none. */
  readonly account?: string;
  readonly note?: (line: string) => void;
  /** Where its output goes; default nowhere. */
  readonly log?: number;
}

export interface Emulator {
  readonly endpoint: string;
  /** Environment of a process that talks to it as this account. */
  env(account?: string): Record<string, string>;
  stop(): Promise<void>;
}

/** What a child needs of our environment, and none of what would send it to a real account. */
export function cleanEnv(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'];
  const found = kept.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

/** The environment that points AWS clients at an endpoint. */
export const endpointEnv = (
  endpoint: string,
  account = EMULATOR_ACCOUNT,
): Record<string, string> => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_ENDPOINT_URL_S3: endpoint,
  AWS_ACCESS_KEY_ID: account,
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_REGION: EMULATOR_REGION,
  AWS_DEFAULT_REGION: EMULATOR_REGION,
});

/** The first Python that can make a virtual environment, undefined: none here. */
export async function findPython(): Promise<string | undefined> {
  for (const python of ['python3', 'python']) {
    try {
      await run(python, ['-c', 'import venv, sys; assert sys.version_info >= (3, 10)']);
      return python;
    } catch {
      // The next one.
    }
  }
  return undefined;
}

/** Installs MiniStack once; throws with exit 3 when this machine cannot. */
export async function installEmulator(
  note: (line: string) => void = () => undefined,
): Promise<string> {
  const binary = join(VENV, 'bin', 'ministack');
  if (existsSync(binary)) return binary;
  const python = await findPython();
  if (python === undefined) {
    throw machine('Error: the emulator needs Python 3.10 or later with venv.', 'tool-missing');
  }
  note(`Installing ${MINISTACK} in a virtual environment…`);
  mkdirSync(dirname(VENV), { recursive: true });
  try {
    await run(python, ['-m', 'venv', VENV]);
    const pip = ['install', '--quiet', '--disable-pip-version-check', MINISTACK, CRYPTOGRAPHY];
    await run(join(VENV, 'bin', 'pip'), pip, { timeout: INSTALL_MS_MAX });
  } catch (cause) {
    rmSync(VENV, { recursive: true, force: true });
    throw machine('Error: MiniStack could not be installed with pip.', 'tool-missing', cause);
  }
  return binary;
}

export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const binary = await installEmulator(options.note);
  const endpoint = `http://127.0.0.1:${options.port}`;
  const scratch = mkdtempSync(join(tmpdir(), 'stackchain-cloud-'));
  const child = spawn(binary, [], {
    // A group of its own, so that the workers of its Lambdas go with it.
    detached: true,
    stdio: ['ignore', options.log ?? 'ignore', options.log ?? 'ignore'],
    env: {
      ...cleanEnv(),
      // Its Lambdas run on the first Node of PATH, whatever the runtime is called.
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      TMPDIR: scratch,
      GATEWAY_PORT: String(options.port),
      BIND_HOST: '127.0.0.1',
      IOT_MTLS_ENABLED: '0',
      NODE_NO_WARNINGS: '1',
      ...(options.auth === true && { AUTH: 'true' }),
      ...(options.account !== undefined && { MINISTACK_ACCOUNT_ID: options.account }),
    },
  });
  const stop = async (): Promise<void> => {
    await stopChild(child);
    killGroup(child);
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    await awaitHealth(child, endpoint);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoint,
    env: (account) => ({ ...cleanEnv(), ...endpointEnv(endpoint, account) }),
    stop,
  };
}

async function awaitHealth(child: ChildProcess, endpoint: string): Promise<void> {
  for (let waited = 0; waited < START_MS_MAX; waited += 100) {
    if (child.exitCode !== null) break;
    try {
      const answer = await fetch(`${endpoint}/_ministack/health`);
      if (answer.ok) return;
    } catch {
      // Not yet.
    }
    await sleep(100);
  }
  throw machine('Error: the emulator did not start; is its port free?', 'emulator');
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}

/** Asks, then insists. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const insist = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await ended;
  clearTimeout(insist);
}
