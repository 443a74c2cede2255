/**
 * Sends commands with a deadline. Owns retrying and the rule that nothing of an attempt is sent
 * after its deadline: clean-up of old versions relies on it (docs/storage.md, "Commits on DynamoDB").
 * The client itself must not retry (`maxAttempts: 1`), for it would sign anew without asking.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Fault } from '../../faults.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Random } from '../../ports/random.ts';

/** An attempt to commit, or to finish one, sends nothing after so long. */
export const ATTEMPT_MS_MAX = 10 * 60_000;
/** Reads and loose writes are given up after so long. */
export const PLAIN_MS_MAX = 30_000;
const BACKOFF_MS_FIRST = 10;
const BACKOFF_MS_MAX = 1000;

const PASSING = new Set([
  'TransactionConflictException',
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'InternalServerError',
  'InternalServerErrorException',
  'ServiceUnavailable',
  'TransactionInProgressException',
  'TimeoutError',
  'LimitExceededException',
  'ReplicatedWriteConflictException',
]);

export interface DynamoPorts {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly sleep: (ms: number) => Promise<void>;
  /** Wall time, which the signer uses. */
  readonly wallMs: () => number;
}

export interface AwsError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly Item?: Record<string, never>;
  readonly CancellationReasons?: readonly {
    readonly Code?: string;
    readonly Item?: Record<string, never>;
  }[];
}

/** Whether the same request may succeed later; also when nobody knows whether it did. */
export function mayPass(error: unknown): boolean {
  const { name = '', code, $metadata, CancellationReasons: reasons } = error as AwsError;
  if (error instanceof Fault) return false;
  if (name === 'TransactionCanceledException') {
    return (
      reasons?.some(
        ({ Code }) =>
          Code === 'TransactionConflict' ||
          Code === 'ThrottlingError' ||
          Code === 'ProvisionedThroughputExceeded',
      ) === true && !reasons.some(({ Code }) => Code === 'ConditionalCheckFailed')
    );
  }
  if (PASSING.has(name)) return true;
  // A broken connection, or a fault of the service: whether the request took effect is unknown.
  return (
    ($metadata?.httpStatusCode ?? 0) >= 500 ||
    (code !== undefined && $metadata === undefined) ||
    ($metadata?.httpStatusCode === undefined && name === 'Error')
  );
}

/** Commands under one deadline. */
export class Attempt {
  readonly ports: DynamoPorts;
  readonly #deadlineMs: number;
  readonly #wallDeadlineMs: number;
  readonly #late: Fault['code'];

  constructor(
    ports: DynamoPorts,
    options: { readonly msMax: number; readonly late: Fault['code'] },
  ) {
    this.ports = ports;
    this.#deadlineMs = ports.clock.nowMs() + options.msMax;
    this.#wallDeadlineMs = ports.wallMs() + options.msMax;
    this.#late = options.late;
  }

  /** Sends until it is answered for good. Throws what the service says, or the fault of lateness. */
  async send<T>(makeCommand: () => DynamoCommand): Promise<T> {
    for (let tries = 0; ; tries++) {
      this.check();
      try {
        return await this.sendOnce<T>(makeCommand());
      } catch (error) {
        if (!mayPass(error)) throw error;
        await this.pause(tries);
      }
    }
  }

  sendOnce<T>(command: DynamoCommand): Promise<T> {
    // The step after signing: a process may sleep at any point before this one.
    command.middlewareStack.add(
      ((next: (args: SignedArgs) => unknown) => (args: SignedArgs) => {
        this.check();
        if (signedAtMs(args.request.headers) > this.#wallDeadlineMs) throw this.#lateness();
        return next(args);
      }) as never,
      { step: 'deserialize', priority: 'low', name: 'deadlineMiddleware' },
    );
    return this.ports.client.send(command as never) as Promise<T>;
  }

  check(): void {
    if (this.ports.clock.nowMs() > this.#deadlineMs || this.ports.wallMs() > this.#wallDeadlineMs) {
      throw this.#lateness();
    }
  }

  /** Full jitter: writers that collided do not collide again. */
  async pause(tries: number): Promise<void> {
    const ceiling = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_FIRST * 2 ** Math.min(tries, 10));
    const [byte = 0] = this.ports.random.bytes(1);
    await this.ports.sleep(1 + (ceiling * byte) / 256);
  }

  #lateness(): Fault {
    return new Fault(this.#late, 'the table did not answer in time');
  }
}

export interface DynamoCommand {
  readonly middlewareStack: { add(middleware: never, options: object): void };
}

interface SignedArgs {
  readonly request: { readonly headers: Record<string, string> };
}

/** The date that AWS holds the signature against, 0 if there is none. */
function signedAtMs(headers: Record<string, string>): number {
  const name = Object.keys(headers).find((key) => key.toLowerCase() === 'x-amz-date');
  const text = name && headers[name];
  const parts = text && /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!parts) return 0;
  const [, year, month, day, hour, minute, second] = parts.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Runs tasks over a list, so many at once; the first failure stops the rest. */
export async function inParallel<T>(
  list: readonly T[],
  atOnce: number,
  task: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    for (let i = next++; i < list.length && !failed; i = next++) {
      try {
        await task(list[i] as T, i);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, work));
}

/** Turns what the SDK throws into a Fault of ours. */
export async function faulted<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof Fault || (error as Error).message?.startsWith('assertion failed'))
      throw error;
    throw new Fault('store-io', `the table cannot be used: ${(error as Error).name}`, {
      cause: error,
    });
  }
}
