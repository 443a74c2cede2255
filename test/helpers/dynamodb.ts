/** Emulators of DynamoDB for tests: dynoxide (from npm) or the one that an endpoint names. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { createDynamoClient } from '../../lib/adapters/dynamodb-store.ts';

const START_MS_MAX = 60_000;
/** Somebody of another run may take the port between the look and the start. */
const STARTS_MAX = 5;
/**
 * Below what systems give to outgoing connections: one of these could take a port that was free a
 * moment ago. Each worker of a run has a part of its own.
 */
const PORTS = { first: 15_000, parts: 10, each: 1_500 };

/** Where npm put the binary, undefined where this platform has none. */
export function dynoxidePath(): string | undefined {
  try {
    const tools = createRequire(import.meta.url).resolve('stackchain-test-tools/package.json');
    const found = createRequire(tools).resolve('@dynoxide/linux-x64/package.json');
    const path = join(dirname(found), 'dynoxide');
    return existsSync(path) ? path : undefined;
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

let portsGiven = randomInt(PORTS.each);

/** A port that nobody has now, nobody is given, and no other test of the run is told of. */
export async function freePort(): Promise<number> {
  const part = Number(process.env['VITEST_POOL_ID'] ?? 0) % PORTS.parts;
  for (let tries = 0; tries < PORTS.each; tries++) {
    const port = PORTS.first + part * PORTS.each + (portsGiven++ % PORTS.each);
    if (await isFree(port)) return port;
  }
  throw new Error('no free port');
}

export interface RunningDynamo {
  readonly endpoint: string;
  client(): DynamoDBClient;
  stop(): void;
}

export const dynamoClientOn = (endpoint: string): DynamoDBClient =>
  createDynamoClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: '000000000000', secretAccessKey: 'test' },
  });

export async function startDynoxide(binary: string): Promise<RunningDynamo> {
  // npm does not always keep the executable bit.
  const dir = mkdtempSync(join(tmpdir(), 'stackchain-dynoxide-'));
  const own = join(dir, 'dynoxide');
  copyFileSync(binary, own);
  chmodSync(own, 0o755);
  return startDynamo(
    (port) => spawn(own, ['serve', '--port', String(port)], { stdio: 'ignore' }),
    () => rmSync(dir, { recursive: true, force: true }),
  );
}

/** Folder with DynamoDB Local's jars, undefined where nobody fetched it (test/tools). */
export function dynamoLocalDir(): string | undefined {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  const dir = join(root, 'node_modules', '.cache', 'stackchain', 'dynamodb-local-2.6.1');
  return existsSync(join(dir, 'DynamoDBLocal-2.6.1.jar')) ? dir : undefined;
}

export async function startDynamoLocal(dir: string): Promise<RunningDynamo> {
  const main = 'com.amazonaws.services.dynamodbv2.local.main.ServerRunner';
  return startDynamo(
    (port) =>
      spawn(
        'java',
        [
          '-Xmx512m',
          `-Djava.library.path=${dir}`,
          '-cp',
          `${dir}/*`,
          main,
          ...['-inMemory', '-sharedDb', '-port', String(port), '-disableTelemetry'],
        ],
        { stdio: 'ignore' },
      ),
    () => undefined,
  );
}

/** `clean` runs when it is stopped. */
async function startDynamo(
  start: (port: number) => ChildProcess,
  clean: () => void,
): Promise<RunningDynamo> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const child = start(port);
    try {
      return await awaitDynamo(child, `http://127.0.0.1:${port}`, clean);
    } catch (error) {
      if (child.exitCode === null || tries === STARTS_MAX) {
        clean();
        throw error;
      }
    }
  }
}

/** Waits until the process answers; `clean` runs when it is stopped. */
async function awaitDynamo(
  child: ChildProcess,
  endpoint: string,
  clean: () => void,
): Promise<RunningDynamo> {
  const kill = (): void => {
    child.kill('SIGKILL');
    process.off('exit', stop);
  };
  const stop = (): void => {
    kill();
    clean();
  };
  process.on('exit', stop);
  const client = dynamoClientOn(endpoint);
  const endMs = performance.now() + START_MS_MAX;
  for (;;) {
    try {
      await client.send(new ListTablesCommand({}));
      // What answers while ours has ended is somebody else's.
      if (child.exitCode !== null) throw new Error('the emulator has ended');
      break;
    } catch (error) {
      if (performance.now() > endMs || child.exitCode !== null) {
        const { exitCode } = child;
        kill();
        throw new Error(`no emulator at ${endpoint} (exit ${exitCode})`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  client.destroy();
  return { endpoint, client: () => dynamoClientOn(endpoint), stop };
}
