/** The shape of one command and what it is given to work with. */
import type { Command } from 'commander';
import type { Io } from './io.ts';
import type { Settings } from './settings.ts';

export interface Context {
  readonly io: Io;
  readonly settings: Settings;
  /** A result: one line on stdout. */
  print(line: string): Promise<void>;
  /** A notice on stderr; silent with -q and with --json. */
  note(line: string): void;
  /** `Warning: …` on stderr, with -q too. */
  warn(line: string): void;
}

/** A command as the list knows it, before it is loaded. */
export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Runs until it is told to end, which is then no failure. */
  readonly staysUp?: true;
  load(): Promise<CliCommand>;
}

export interface CliCommand {
  /** Flags, arguments, description. */
  configure(command: Command): void;
  /** Lines below the help, each one a command to try. */
  readonly examples: readonly string[];
  run(
    context: Context,
    options: Readonly<Record<string, unknown>>,
    args: readonly string[],
  ): Promise<void>;
}

/** An option that commander holds as text. */
export const textOption = (
  options: Readonly<Record<string, unknown>>,
  name: string,
): string | undefined => {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
};
