/** The command `stackchain` as a process. Owns streams, signals and the exit code, nothing else. */
import { fstatSync } from 'node:fs';
import { toCliError } from './errors.ts';
import type { Io } from './io.ts';
import { runCli } from './program.ts';

/** A second Ctrl-C within this time is the same one, forwarded by the process that started us. */
const SAME_SIGNAL_MS = 1_000;
const PARENT_LOOK_MS = 250;

const listeners = new Set<() => void>();
let askedAt: number | undefined;
let isHolding = false;

function stop(): void {
  const now = performance.now();
  // Asked again, and not by an echo: whoever asks does not want to wait.
  if (askedAt !== undefined && now - askedAt > SAME_SIGNAL_MS) process.exit(130);
  if (askedAt !== undefined) return;
  askedAt = now;
  for (const listener of listeners) listener();
}

function holdSignals(): void {
  if (isHolding) return;
  isHolding = true;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  process.on('disconnect', stop);
  // Listening for the end of our starter must not keep us alive.
  process.channel?.unref();
  watchNpm();
}

function onStop(listener: () => void): () => void {
  holdSignals();
  listeners.add(listener);
  if (askedAt !== undefined) listener();
  return () => listeners.delete(listener);
}

/**
 * npm and npx start a shell that starts us, and pass a signal on to that shell alone, which dies of
 * it and leaves us behind: its end is the signal then.
 */
function watchNpm(): void {
  if (process.env['npm_command'] === undefined) return;
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(look);
    stop();
  }, PARENT_LOOK_MS);
  look.unref();
}

const io: Io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  holdSignals,
  onStop,
};

/** `2>&1 |`: who reads notices reads the results too. */
function isOnePipe(): boolean {
  try {
    const [out, err] = [fstatSync(1), fstatSync(2)];
    return out.ino === err.ino && out.dev === err.dev;
  } catch {
    return false;
  }
}

// `stackchain print-blockchain | head`: the reader has seen enough, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
// Notices that cannot be written, to a full disk say, end no node and change no exit code. But a node
// whose every reader has gone ends, as by Ctrl-C, or a shell would wait for its pipeline for ever.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' && askedAt === undefined && isOnePipe()) stop();
});

/** A bug of ours: said in a sentence, for its trace helps no user. STACKCHAIN_DEBUG shows it. */
function crash(error: unknown): void {
  const { exit, message } = toCliError(error);
  process.stderr.write(`${message}\n`);
  if (process.env['STACKCHAIN_DEBUG'] && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  process.exit(exit);
}
process.on('uncaughtException', crash);
process.on('unhandledRejection', crash);

const code = await runCli(process.argv.slice(2), io);
// Pipes are written asynchronously: what was said must be out before the process ends, and it must
// end although sockets or threads of a library may still be around.
await Promise.all(
  [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
  ),
);
process.exit(code);
