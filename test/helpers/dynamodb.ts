/** Emulators of DynamoDB for tests: dynoxide (from npm) or the one that an endpoint names. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { createDynamoClient } from '../../lib/adapters/dynamodb-store.ts';

const START_MS_MAX = 20_000;

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

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

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
  const port = await freePort();
  const child = spawn(own, ['serve', '--port', String(port)], { stdio: 'ignore' });
  return awaitDynamo(child, `http://127.0.0.1:${port}`, () =>
    rmSync(dir, { recursive: true, force: true }),
  );
}

/** Folder with DynamoDB Local's jars, undefined where nobody fetched it (test/tools). */
export function dynamoLocalDir(): string | undefined {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  const dir = join(root, 'node_modules', '.cache', 'stackchain', 'dynamodb-local-2.6.1');
  return existsSync(join(dir, 'DynamoDBLocal-2.6.1.jar')) ? dir : undefined;
}

export async function startDynamoLocal(dir: string): Promise<RunningDynamo> {
  const port = await freePort();
  const main = 'com.amazonaws.services.dynamodbv2.local.main.ServerRunner';
  const child = spawn(
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
  );
  return awaitDynamo(child, `http://127.0.0.1:${port}`, () => undefined);
}

/** Waits until the process answers; `clean` runs when it is stopped. */
export async function awaitDynamo(
  child: ChildProcess,
  endpoint: string,
  clean: () => void,
): Promise<RunningDynamo> {
  const stop = (): void => {
    child.kill('SIGKILL');
    process.off('exit', stop);
    clean();
  };
  process.on('exit', stop);
  const client = dynamoClientOn(endpoint);
  for (let waited = 0; ; waited += 50) {
    try {
      await client.send(new ListTablesCommand({}));
      break;
    } catch (error) {
      if (waited > START_MS_MAX || child.exitCode !== null) {
        stop();
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return { endpoint, client: () => dynamoClientOn(endpoint), stop };
}
