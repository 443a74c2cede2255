/** The miner's command line and environment, checked. A flag beats the environment. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { parseAddress } from '../lib/codec/address.ts';
import { p2pkhScript } from '../lib/script/p2pkh.ts';
import type { RpcSourceOptions } from './rpc-source.ts';

interface CommonOptions {
  readonly threads: number;
  /** Whether to try the engine of lib/adapters/wide-kernel.ts. */
  readonly wide: boolean;
}

export interface RemoteOptions extends CommonOptions {
  readonly kind: 'remote';
  readonly source: RpcSourceOptions;
  readonly payTo: Uint8Array;
}

/** Hosts the node itself, on the table and queues that the environment names. */
export interface StoreOptions extends CommonOptions {
  readonly kind: 'store';
  /** Absent: the reward is left unclaimed. */
  readonly payTo?: Uint8Array;
}

export type MinerSettings = RemoteOptions | StoreOptions;

/** What is wrong with what was given; `exitCode` 0 after help. */
export class UsageError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

const THREADS_MAX = 1024;

function urlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError('not an http or https URL.');
  }
  // fetch refuses them, and a URL is shown in lines and logs.
  if (url.username !== '' || url.password !== '') {
    throw new InvalidArgumentError('give user and password by -u and -p, not in the URL.');
  }
  return url.href;
}

function scriptOf(text: string): Uint8Array {
  const address = parseAddress(text);
  if (!address.ok) throw new InvalidArgumentError('not a valid address.');
  return p2pkhScript(address.value.hash160);
}

function threadsOf(text: string): number {
  const threads = Number(text);
  if (/^\d{1,4}$/.test(text) && threads >= 1 && threads <= THREADS_MAX) return threads;
  throw new InvalidArgumentError(`not a number of 1 to ${THREADS_MAX}.`);
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new InvalidArgumentError('cannot be read.');
  }
}

const program = (env: Readonly<Record<string, string | undefined>>): Command => {
  const command = new Command('stackchain-miner')
    .description('Mines on a node by getblocktemplate and submitblock.')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .option('-o, --url <URL>', 'mines on this node (STACKCHAIN_NODE)', urlOf)
    .option('--store', "hosts the node itself, on the stack's table and queues")
    .option('-a, --address <A>', 'who is paid (STACKCHAIN_MINING_ADDRESS)', scriptOf)
    .option(
      '-t, --threads <N>',
      'default: all that the machine runs at once (STACKCHAIN_THREADS)',
      threadsOf,
    )
    .option('--no-wide', 'does without the engine that needs an experimental flag of V8')
    .option('-u, --user <USER>', 'for Basic auth (STACKCHAIN_RPC_USER)')
    .option('-p, --password <PASSWORD>', 'for Basic auth (STACKCHAIN_RPC_PASSWORD)')
    .option('--password-file <FILE>', 'holds the password', fileText)
    .option('--token-file <FILE>', 'holds the bearer token (STACKCHAIN_TOKEN: the token)', fileText)
    .addHelpText(
      'after',
      '\nExample:\n  stackchain-miner -o http://127.0.0.1:8400 -a ADDRESS --token-file .cookie\n',
    );
  const fromEnv: readonly (readonly [string, string, (text: string) => unknown])[] = [
    ['url', 'STACKCHAIN_NODE', urlOf],
    ['address', 'STACKCHAIN_MINING_ADDRESS', scriptOf],
    ['threads', 'STACKCHAIN_THREADS', threadsOf],
  ];
  for (const [option, name, read] of fromEnv) {
    const text = env[name];
    if (text === undefined || text === '') continue;
    try {
      command.setOptionValueWithSource(option, read(text), 'env');
    } catch (error) {
      throw new UsageError(`Error: ${name} is ${(error as Error).message}`);
    }
  }
  return command;
};

interface Given {
  readonly url?: string;
  readonly store?: boolean;
  readonly address?: Uint8Array;
  readonly threads?: number;
  readonly wide: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly tokenFile?: string;
}

/** `argv` without the program's name. Throws UsageError. */
export function readOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): MinerSettings {
  const command = program(env);
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(error.message, error.exitCode === 0 ? 0 : 2);
  }
  const given = command.opts<Given>();
  const { url, address, wide, threads = availableParallelism() } = given;
  if (given.store === true) {
    return { kind: 'store', threads, wide, ...(address !== undefined && { payTo: address }) };
  }
  if (url === undefined) throw new UsageError('Error: name a node with -o URL, or use --store.');
  if (address === undefined) throw new UsageError('Error: name who is paid with -a ADDRESS.');
  return { kind: 'remote', threads, wide, payTo: address, source: sourceOf(url, given, env) };
}

function sourceOf(
  url: string,
  given: Given,
  env: Readonly<Record<string, string | undefined>>,
): RpcSourceOptions {
  const user = given.user ?? env['STACKCHAIN_RPC_USER'];
  const password = given.password ?? given.passwordFile ?? env['STACKCHAIN_RPC_PASSWORD'] ?? '';
  // As a data directory keeps it, or bare.
  const token = (given.tokenFile ?? env['STACKCHAIN_TOKEN'])?.replace(/^__cookie__:/, '');
  if (user !== undefined) return { url, credentials: { user, password } };
  return token === undefined ? { url } : { url, credentials: { token } };
}
