/**
 * What a command sees of the process around it: streams, environment, signals. Owns no policy but
 * one: results go to stdout, everything else to stderr (interfaces section 1).
 */
import type { Readable, Writable } from 'node:stream';

export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(on: boolean): unknown };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** From now on a signal waits for a listener instead of ending the process. */
  holdSignals(): void;
  /** Calls back on Ctrl-C, SIGTERM and the end of the process that started us; answers how to stop listening. */
  onStop(listener: () => void): () => void;
}

/** Terminal on both sides, and nobody asked for plain text: questions and a live view are welcome. */
export const isInteractive = (io: Io): boolean =>
  io.stdout.isTTY === true && io.stderr.isTTY === true && !io.env['NO_COLOR'];

/** One line on stdout; waits while the reader is slower than we are. */
export async function printLine(io: Io, line: string): Promise<void> {
  if (io.stdout.destroyed || io.stdout.write(`${line}\n`)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      io.stdout.off('drain', done);
      io.stdout.off('close', done);
      io.stdout.off('error', done);
      resolve();
    };
    io.stdout.once('drain', done);
    io.stdout.once('close', done);
    io.stdout.once('error', done);
  });
}
