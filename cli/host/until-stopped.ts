/** How a long-running command is told to end: `q`, Ctrl-C, SIGTERM. */
import { readFileSync } from 'node:fs';
import { type Io, isInteractive } from '../io.ts';
import { sleep } from './sleep.ts';

export interface StopRequest {
  readonly signal: AbortSignal;
  /** Resolves when it was asked for. */
  readonly asked: Promise<void>;
  /** Stops listening and gives the terminal back. */
  release(): void;
}

const CTRL_C = '\u0003';
/** Ending takes less than five seconds, whatever hangs. */
const STOP_MS_MAX = 4_000;

export function listenForStop(io: Io): StopRequest {
  const controller = new AbortController();
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const stop = (): void => {
    controller.abort();
    resolve();
  };
  const forget = io.onStop(stop);
  const restore = listenForKey(io, stop);
  return {
    signal: controller.signal,
    asked,
    release() {
      restore();
      forget();
    },
  };
}

/** On a terminal one key is enough; through a pipe it is a line. */
function listenForKey(io: Io, stop: () => void): () => void {
  const { stdin } = io;
  const isTerminal = stdin.isTTY === true;
  if (isTerminal && !(isInteractive(io) && isForeground())) return () => undefined;
  const hear = (chunk: unknown): void => {
    const text = String(chunk);
    const isQuit = isTerminal ? /q/i.test(text) || text.includes(CTRL_C) : /^\s*q\s*$/im.test(text);
    if (isQuit) stop();
  };
  const ignore = (): void => undefined;
  if (isTerminal) stdin.setRawMode?.(true);
  stdin.on('data', hear);
  stdin.on('error', ignore);
  return () => {
    stdin.off('data', hear);
    stdin.off('error', ignore);
    if (isTerminal) stdin.setRawMode?.(false);
    stdin.pause();
  };
}

/** A job in the background that reads from its terminal is stopped by the system. */
function isForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [group, foreground] = [fields[2], fields[5]];
    return group === foreground;
  } catch {
    return true;
  }
}

/** Waits for the work of stopping, but not longer than a user does. */
export const stopInTime = (stopping: Promise<unknown>): Promise<unknown> =>
  Promise.race([stopping, sleep(STOP_MS_MAX)]);
