/** The command line in this process: what it prints, what it exits with. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { Io } from '../../cli/io.ts';
import { runCli } from '../../cli/program.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Of stdout, without empty ones: what interfaces.md promises. */
  readonly lines: readonly string[];
}

export interface CliRun {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

class Sink extends Writable {
  text = '';
  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    done();
  }
}

export const tempDir = (): string => mkdtempSync(join(tmpdir(), 'stackchain-test-'));

export const linesOf = (text: string): string[] =>
  text.split('\n').filter((line) => line.trim() !== '');

/** A command started, and the way to end it as Ctrl-C does. */
export function startCli(
  args: readonly string[],
  { stdin = '', env = {} }: CliRun = {},
): { readonly done: Promise<CliResult>; readonly stop: () => void; readonly stdout: () => string } {
  const stdout = new Sink();
  const stderr = new Sink();
  const listeners = new Set<() => void>();
  const io: Io = {
    stdin: Readable.from(stdin === '' ? [] : [stdin]),
    stdout,
    stderr,
    env,
    holdSignals: () => undefined,
    onStop(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const done = runCli(args, io).then((code) => ({
    code,
    stdout: stdout.text,
    stderr: stderr.text,
    lines: linesOf(stdout.text),
  }));
  return {
    done,
    stop: () => {
      for (const listener of listeners) listener();
    },
    stdout: () => stdout.text,
  };
}

export const cli = (args: readonly string[], run: CliRun = {}): Promise<CliResult> =>
  startCli(args, run).done;

/** Lines of a command that must end well. */
export async function ok(args: readonly string[], run: CliRun = {}): Promise<readonly string[]> {
  const result = await cli(args, run);
  if (result.code !== 0) throw new Error(`${args.join(' ')}: exit ${result.code} ${result.stderr}`);
  return result.lines;
}
