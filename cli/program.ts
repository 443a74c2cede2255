/**
 * From words to a command that ran: parsing (commander), names by prefix, help, and what is said
 * when a command fails. Owns the exit code; each command is in its own file.
 */
import { Command, CommanderError } from 'commander';
import type { CliCommand, CommandEntry, Context } from './command.ts';
import { matchCommand } from './command-names.ts';
import { COMMANDS } from './commands/index.ts';
import { type CliError, toCliError, usage } from './errors.ts';
import { type Io, printLine } from './io.ts';
import { addCommonFlags, type CommonFlags, readSettings, VALUE_FLAGS } from './settings.ts';
import { packageVersion } from './version.ts';

export const ADDRESS_WARNING =
  "Addresses of a stacknet look like Bitcoin's, but they are not on Bitcoin's network: never send\n" +
  'bitcoins to one. They would be lost.';

/** Runs one command line (without node and script) and answers the exit code. Never throws. */
export async function runCli(
  argv: readonly string[],
  io: Io,
  commands: readonly CommandEntry[] = COMMANDS,
): Promise<number> {
  try {
    const words = normalise(argv, [...commands.map((command) => command.name), 'help']);
    if (words.length === 0) throw usage("Error: no command given; try 'stackchain --help'.");
    const program = await createProgram(io, commands, words[0]);
    await program.parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return fail(io, argv, error);
  }
}

function fail(io: Io, argv: readonly string[], error: unknown): number {
  const failure =
    error instanceof CommanderError
      ? usage(error.message.replace(/^error: /, 'Error: ').split('\n')[0] ?? '')
      : toCliError(error);
  io.stderr.write(`${failureText(failure, argv.includes('--json'))}\n`);
  if (io.env['STACKCHAIN_DEBUG'] && error instanceof Error) io.stderr.write(`${error.stack}\n`);
  return failure.exit;
}

const failureText = (failure: CliError, json: boolean): string =>
  json ? JSON.stringify(failure.problem) : failure.message;

/** Common flags before the command's name move behind it, and the name is spelt out. */
function normalise(argv: readonly string[], names: readonly string[]): string[] {
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (!word.startsWith('-') || word === '-' || word === '--') break;
    if (VALUE_FLAGS.includes(word)) at++;
  }
  const word = argv[at];
  if (word === undefined) return argv.filter((flag) => /^(-h|--help|-V|--version)$/.test(flag));
  const match = matchCommand(word, names);
  if (!match.ok) throw usage(unknownCommand(word, match.candidates));
  const before = argv.slice(0, at);
  const after = argv.slice(at + 1);
  if (match.name !== 'help') return [match.name, ...before, ...after];
  const [topic, ...rest] = after;
  return topic === undefined ? ['--help'] : [...normalise([topic, ...rest], names), '--help'];
}

function unknownCommand(word: string, candidates: readonly string[]): string {
  if (candidates.length === 0) {
    return `Error: unknown command '${word}'; 'stackchain --help' lists them all.`;
  }
  return `Error: '${word}' may mean ${candidates.join(' or ')}.`;
}

/** Only the command that is called is loaded; of the others help needs a line. */
async function createProgram(
  io: Io,
  commands: readonly CommandEntry[],
  called: string | undefined,
): Promise<Command> {
  const program = new Command('stackchain')
    .description("A proof-of-work network by Bitcoin's rules: nodes, wallets, miners.")
    .version(packageVersion(), '-V, --version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .addHelpText('after', programHelp());
  harness(program, io);
  for (const entry of commands) {
    const command = new Command(entry.name).summary(entry.summary).description(entry.summary);
    // Before its libraries are loaded: whoever ends it early has not made it fail either.
    if (entry.name === called && entry.staysUp === true) io.holdSignals();
    if (entry.name === called) wrap(command, await entry.load(), io);
    program.addCommand(command);
  }
  return program;
}

const programHelp = (): string => `
Command names may be shortened (s is send) and their case does not matter.
Every command takes --data-dir, --network, --node, --token-file, --passphrase-file, --json and -q.

Examples:
  stackchain network                     three nodes on this machine, two of them mining
  stackchain create-wallet               a new address
  stackchain init-blockchain --address A a chain of your own
  stackchain help send                   more on one command

${ADDRESS_WARNING}`;

/** Nothing of commander's reaches a stream or ends the process by itself. */
function harness(command: Command, io: Io): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: () => undefined,
    getOutHasColors: () => false,
  });
}

function wrap(command: Command, spec: CliCommand, io: Io): void {
  command
    .version(packageVersion(), '-V, --version')
    .helpOption('-h, --help', 'show help')
    .allowExcessArguments(false);
  harness(command, io);
  spec.configure(command);
  addCommonFlags(command);
  const examples = spec.examples.map((line) => `  ${line}`).join('\n');
  command.addHelpText('after', `\nExamples:\n${examples}\n\n${ADDRESS_WARNING}`);
  command.action(async () => {
    const options = command.opts();
    await spec.run(createContext(io, options), options, command.args);
  });
}

function createContext(io: Io, flags: CommonFlags): Context {
  const settings = readSettings(flags, io.env);
  return {
    io,
    settings,
    print: (line) => printLine(io, line),
    note: (line) => {
      // With --json stderr is for a program too: one problem object or nothing.
      if (!settings.quiet && !settings.json) io.stderr.write(`${line}\n`);
    },
    warn: (line) => {
      io.stderr.write(`Warning: ${line}\n`);
    },
  };
}
