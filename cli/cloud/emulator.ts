/**
 * A local AWS without Docker: MiniStack, pinned, in a virtual environment of the checkout. Owns
 * installing, starting and stopping it; nothing of it is left when it was stopped.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { machine, remote, usage } from '../errors.ts';
import { sleep } from '../host/sleep.ts';
import { createKeeper, type Keeper, stopGroup } from './keeper.ts';

const run = promisify(execFile);

export const MINISTACK = 'ministack==1.5.33';
/** Without it signing by KMS fails. */
const CRYPTOGRAPHY = 'cryptography>=41';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VENV = join(ROOT, 'node_modules', '.cache', 'stackchain', MINISTACK.replace('==', '-'));
const START_MS_MAX = 60_000;
const ANSWER_MS_MAX = 5_000;
/** What runs already answers at once. */
const PROBE_MS_MAX = 5_000;
const PORTS_TRIED_MAX = 20;
const TAIL_CHARS = 2_000;
export const EMULATOR_ACCOUNT = '000000000000';
export const EMULATOR_REGION = 'us-east-1';

export interface EmulatorOptions {
  /** A busy one is passed over, and said. */
  readonly port: number;
  /** Real IAM: roles, queue policies and signatures count. */
  readonly auth?: boolean;
  /** The account of calls that name none. */
  readonly account?: string;
  readonly note?: (line: string) => void;
  /** Where its output goes; default nowhere. */
  readonly log?: number;
  /** Whose child it is; default a keeper of its own. */
  readonly keeper?: Keeper;
  readonly signal?: AbortSignal;
}

export interface Emulator {
  readonly endpoint: string;
  /** Environment of a process that talks to it as this account. */
  env(account?: string): Record<string, string>;
  stop(): Promise<void>;
}

/** Ends a child of these with all that it started. */
export { stopGroup as stopChild };

/** No file of the user's says where AWS is or who calls: what would is named and empty. */
const NO_AWS_FILES = {
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
};

/** What a child needs of our environment, and none of what would send it to a real account. */
export function cleanEnv(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'];
  const found = kept.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(found), ...NO_AWS_FILES };
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

/** Whether an emulator that runs already does answer; throws with exit 4, and 2 where it is AWS. */
export async function probeEmulator(endpoint: string, signal?: AbortSignal): Promise<void> {
  if (/\.amazonaws\.com(\.cn)?(:\d+)?\/?$/.test(endpoint)) {
    throw usage('Error: AWS_ENDPOINT_URL names AWS itself, no emulator; go on without --local.');
  }
  const limit = AbortSignal.timeout(PROBE_MS_MAX);
  try {
    const answer = await fetch(endpoint, {
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    });
    await answer.arrayBuffer();
  } catch (cause) {
    signal?.throwIfAborted();
    throw remote(`Error: no emulator answers at ${endpoint} (AWS_ENDPOINT_URL).`, cause);
  }
}

/** The first Python that can make a virtual environment, undefined: none here. */
export async function findPython(): Promise<string | undefined> {
  for (const python of ['python3', 'python']) {
    try {
      // Debian ships venv without ensurepip, and venv fails without it.
      await run(python, ['-c', 'import ensurepip, venv, sys; assert sys.version_info >= (3, 10)']);
      return python;
    } catch {
      // The next one.
    }
  }
  return undefined;
}

const silent = (): void => undefined;

/**
 * Installs MiniStack once and answers its Python; throws with exit 3 when this machine cannot. The
 * environment is made beside its place (`venv`) and moved there whole: half a one is never found, and
 * of two that install at once the first wins.
 */
export async function installEmulator(
  options: Pick<EmulatorOptions, 'note' | 'keeper' | 'signal'> & { readonly venv?: string } = {},
): Promise<string> {
  const { note = silent, signal, venv = VENV } = options;
  const python = join(venv, 'bin', 'python');
  if (existsSync(python)) return python;
  const base = await findPython();
  if (base === undefined) {
    throw machine(
      'Error: the emulator needs Python 3.10 or later with venv and pip (Debian: python3-venv).',
      'tool-missing',
    );
  }
  signal?.throwIfAborted();
  if (existsSync(python)) return python;
  note(`Installing ${MINISTACK} in a virtual environment, once…`);
  mkdirSync(dirname(venv), { recursive: true });
  clearHalfMade(venv);
  // Its Python is a link to the system's, which an upgrade takes away.
  rmSync(venv, { recursive: true, force: true });
  const half = `${venv}.${process.pid}`;
  const keeper = options.keeper ?? createKeeper();
  keeper.watchDir(half);
  try {
    await runTool(keeper, [base, '-m', 'venv', half], signal);
    const pip = [join(half, 'bin', 'python'), '-m', 'pip', 'install', '--quiet'];
    await runTool(
      keeper,
      [...pip, '--disable-pip-version-check', '--no-input', MINISTACK, CRYPTOGRAPHY],
      signal,
    );
    moveThere(half, venv, python);
  } finally {
    rmSync(half, { recursive: true, force: true });
    if (options.keeper === undefined) await keeper.close();
  }
  return python;
}

/** A directory that holds something is not replaced: whoever was there first made the same. */
function moveThere(half: string, venv: string, python: string): void {
  try {
    renameSync(half, venv);
  } catch (error) {
    if (!existsSync(python)) throw error;
  }
}

/** What an installation left that was killed together with its guard. */
function clearHalfMade(venv: string): void {
  for (const name of readdirSync(dirname(venv))) {
    const pid = Number(name.slice(basename(venv).length + 1));
    if (!name.startsWith(`${basename(venv)}.`) || !Number.isSafeInteger(pid)) continue;
    try {
      process.kill(pid, 0);
    } catch (error) {
      // Another user's lives: EPERM.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') continue;
      rmSync(join(dirname(venv), name), { recursive: true, force: true });
    }
  }
}

async function runTool(
  keeper: Keeper,
  [command = '', ...args]: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  const child = keeper.spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    // pip's own scratch goes with ours.
    env: { ...process.env, TMPDIR: keeper.scratch('stackchain-install-') },
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-TAIL_CHARS);
  });
  const stop = (): void => void stopGroup(child);
  signal?.addEventListener('abort', stop);
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  signal?.removeEventListener('abort', stop);
  signal?.throwIfAborted();
  if (code === 0) return;
  const last = said.trim().split('\n').at(-1) ?? '';
  throw machine(`Error: MiniStack could not be installed with pip: ${last}`, 'tool-missing');
}

export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { note = silent, signal } = options;
  const keeper = options.keeper ?? createKeeper();
  const stop = async (): Promise<void> => {
    if (options.keeper === undefined) await keeper.close();
  };
  try {
    const python = await installEmulator({ ...options, keeper });
    for (let port = options.port; port < options.port + PORTS_TRIED_MAX; port++) {
      signal?.throwIfAborted();
      const endpoint = `http://127.0.0.1:${port}`;
      if ((await isFree(port)) && (await startAt(port, python, { ...options, keeper }))) {
        return {
          endpoint,
          env: (account) => ({ ...cleanEnv(), ...endpointEnv(endpoint, account) }),
          stop,
        };
      }
      note(`Port ${port} is busy, passed over.`);
    }
    throw machine(`Error: no free port for the emulator from ${options.port} on.`, 'port');
  } catch (error) {
    await stop();
    throw error;
  }
}

/** False: somebody took the port meanwhile. */
async function startAt(
  port: number,
  python: string,
  options: EmulatorOptions & { readonly keeper: Keeper },
): Promise<boolean> {
  const { keeper, log = 'ignore', signal } = options;
  // Told by its health page: what answers at the port may be another's.
  const name = `stackchain-${randomUUID()}`;
  const scratch = keeper.scratch('stackchain-cloud-');
  const child = keeper.spawn(python, ['-m', 'ministack'], {
    stdio: ['ignore', log, log],
    env: {
      ...cleanEnv(),
      // Its Lambdas run on the first Node of PATH, whatever the runtime is called.
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      TMPDIR: scratch,
      // Else keys of its own stay in /tmp, in a place that two users of a machine would share.
      STATE_DIR: join(scratch, 'state'),
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      IOT_MTLS_ENABLED: '0',
      NODE_NO_WARNINGS: '1',
      MINISTACK_EDITION: name,
      ...(options.auth === true && { AUTH: 'true' }),
      ...(options.account !== undefined && { MINISTACK_ACCOUNT_ID: options.account }),
    },
  });
  let isAlive = true;
  for (const event of ['exit', 'error']) child.once(event, () => (isAlive = false));
  const deadlineMs = performance.now() + START_MS_MAX;
  while (performance.now() < deadlineMs) {
    if ((await editionAt(port)) === name) return true;
    if (!isAlive) {
      if (!(await isFree(port))) return false;
      throw machine('Error: the emulator does not start.', 'emulator');
    }
    await sleep(100, signal);
    signal?.throwIfAborted();
  }
  throw machine('Error: the emulator does not answer.', 'emulator');
}

async function editionAt(port: number): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/_ministack/health`, {
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    return ((await answer.json()) as { edition?: string }).edition;
  } catch {
    return undefined;
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
