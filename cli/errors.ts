/**
 * How a command fails: exit codes, the sentence for people and the problem object for programs
 * (interfaces sections 1 and 6). Owns the mapping of faults and rejects to them.
 */
import { randomUUID } from 'node:crypto';
import { Fault, type FaultCode } from '../lib/faults.ts';
import type { Reject } from '../lib/types.ts';
import { systemError } from './system-error.ts';

export const EXIT = {
  done: 0,
  /** Refused by a rule or by the state. */
  refused: 1,
  usage: 2,
  /** This machine: data directory, ports, a tool missing. */
  machine: 3,
  /** The other side: not reachable, or answers 5xx. */
  remote: 4,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error object of `/v1`, RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string;
}

interface CliErrorOptions {
  readonly exit: ExitCode;
  readonly code: string;
  /** HTTP's number for the same failure. */
  readonly status?: number;
  readonly problem?: Problem;
  readonly cause?: unknown;
}

/** Ends a command. `message` is what stderr shows, word for word. */
export class CliError extends Error {
  readonly exit: ExitCode;
  readonly problem: Problem;

  constructor(message: string, options: CliErrorOptions) {
    super(message, { cause: options.cause });
    this.name = 'CliError';
    this.exit = options.exit;
    this.problem = options.problem ?? {
      type: 'about:blank',
      title: TITLES[options.exit],
      status: options.status ?? STATUS[options.exit],
      detail: message.replace(/^Error: /, ''),
      code: options.code,
      requestId: randomUUID(),
    };
  }
}

const TITLES: Record<ExitCode, string> = {
  0: 'Done',
  1: 'Refused',
  2: 'Usage',
  3: 'This machine',
  4: 'The other side',
};
const STATUS: Record<ExitCode, number> = { 0: 200, 1: 400, 2: 400, 3: 500, 4: 503 };

export const usage = (message: string): CliError =>
  new CliError(message, { exit: EXIT.usage, code: 'invalid-request' });

export const refused = (message: string, code: string, status = 400): CliError =>
  new CliError(message, { exit: EXIT.refused, code, status });

export const machine = (message: string, code: string, cause?: unknown): CliError =>
  new CliError(message, { exit: EXIT.machine, code, cause });

export const remote = (message: string, cause?: unknown): CliError =>
  new CliError(message, { exit: EXIT.remote, code: 'unavailable', cause });

/** Bitcoin's reason as its sender reads it; the part before the bracket is the code. */
export function rejected(reject: Reject): CliError {
  const text = reject.detail === undefined ? reject.reason : `${reject.reason} (${reject.detail})`;
  return refused(text, reject.reason.split('(')[0] ?? reject.reason);
}

const REMOTE_FAULTS: ReadonlySet<FaultCode> = new Set(['transport']);

/** Every failure as a sentence and an exit code; a bug keeps its message, never its stack. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Fault) {
    return REMOTE_FAULTS.has(error.code)
      ? remote(`Error: ${sentence(message)}`, error)
      : machine(`Error: ${sentence(message)}`, error.code, error);
  }
  const told = systemError(error);
  if (told !== undefined) return machine(`Error: ${sentence(told.sentence)}`, told.code, error);
  return new CliError(`Error: internal error: ${sentence(message)}`, {
    exit: EXIT.refused,
    code: 'internal',
    status: 500,
    cause: error,
  });
}

/** One line that ends like a sentence. */
function sentence(message: string): string {
  const line = message.split('\n')[0]?.trim() ?? '';
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
