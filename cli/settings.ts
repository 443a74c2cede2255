/**
 * The flags that every command has, with their environment variables and defaults (interfaces
 * section 1). A flag beats the environment, the environment beats the default.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { usage } from './errors.ts';

export interface CommonFlags {
  readonly dataDir?: string;
  readonly network?: string;
  readonly node?: string;
  readonly tokenFile?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface Settings {
  /** As named by the user: where `network` keeps node0/, node1/ and so on. */
  readonly baseDir: string;
  /** The directory that a command acts on: baseDir, or node0/ of a network's. */
  readonly dataDir: string;
  /** `stacknet`, `regtest` or a file's path. */
  readonly network: string | undefined;
  readonly nodeUrl: string | undefined;
  /** Absent: the data directory's `.cookie`. */
  readonly token: string | undefined;
  readonly passphrase: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Flags that take the next word: what stands before a command's name is read with these. */
export const VALUE_FLAGS: readonly string[] = [
  '--data-dir',
  '--network',
  '--node',
  '--token-file',
  '--passphrase-file',
];

const TOKEN_BYTES_MAX = 1024;
const PASSPHRASE_BYTES_MAX = 4096;

export function addCommonFlags(command: Command): Command {
  return command
    .addOption(new Option('--data-dir <dir>', 'the data directory (default: ~/.stackchain)'))
    .addOption(
      new Option('--network <name>', 'stacknet, regtest or a file (default: the directory tells)'),
    )
    .addOption(new Option('--node <url>', 'the node to ask (default: the one that runs here)'))
    .addOption(new Option('--token-file <file>', 'holds the token (default: .cookie)'))
    .addOption(new Option('--passphrase-file <file>', 'its first line opens the wallets'))
    .addOption(new Option('--json', 'answer in JSON'))
    .addOption(new Option('-q, --quiet', 'no notices on stderr'));
}

/** The URL without slashes at its end, or a usage error. */
export function checkUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw usage(`Error: '${text}' is not a URL.`);
  }
  if (
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.search !== '' ||
    url.hash !== ''
  )
    throw usage(`Error: '${text}' is not an http or https URL.`);
  return url.href.replace(/\/+$/, '');
}

function firstLine(path: string, bytesMax: number): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw usage(`Error: the file ${path} cannot be read.`);
  }
  const line = text.split(/\r?\n/, 1)[0] ?? '';
  if (line === '' || line.length > bytesMax)
    throw usage(`Error: the file ${path} holds no secret.`);
  return line;
}

/** The bearer token in a cookie file's line, or the line itself. */
export const tokenOfLine = (line: string): string => line.trim().replace(/^__cookie__:/, '');

/** A directory of `network` is no data directory itself: its first node's is meant. */
function actualDir(baseDir: string): string {
  const isNodes = existsSync(join(baseDir, 'node0')) && !existsSync(join(baseDir, 'network.json'));
  return isNodes ? join(baseDir, 'node0') : baseDir;
}

export function readSettings(
  flags: CommonFlags,
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  /** An empty variable counts as none. */
  const from = (name: string): string | undefined => env[name] || undefined;
  const home = env['HOME'] || homedir();
  // A variable of a script that was not set: resolved, it would be the directory it runs in.
  if (flags.dataDir === '') throw usage('Error: --data-dir takes a directory.');
  const baseDir = resolve(
    flags.dataDir ?? from('STACKCHAIN_DATA_DIR') ?? join(home, '.stackchain'),
  );
  const url = flags.node ?? from('STACKCHAIN_NODE');
  return {
    baseDir,
    dataDir: actualDir(baseDir),
    network: flags.network ?? from('STACKCHAIN_NETWORK'),
    nodeUrl: url === undefined ? undefined : checkUrl(url),
    token:
      flags.tokenFile === undefined
        ? from('STACKCHAIN_TOKEN')
        : tokenOfLine(firstLine(flags.tokenFile, TOKEN_BYTES_MAX)),
    passphrase:
      flags.passphraseFile === undefined
        ? from('STACKCHAIN_PASSPHRASE')
        : firstLine(flags.passphraseFile, PASSPHRASE_BYTES_MAX),
    json: flags.json === true,
    quiet: flags.quiet === true,
  };
}
