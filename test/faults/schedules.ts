/**
 * Several writers on one table, one request at a time: who goes next, what is lost, comes twice, comes
 * late or dies is drawn from a seed, so a run that fails can be run again. Owns the order of requests;
 * what the writers do is theirs.
 */
import { Fault } from '../../lib/faults.ts';
import type { Fate, Send } from './store-world.ts';
import {
  halfOf,
  isEventual,
  lost,
  neverWritten,
  throttled,
  throttledStatements,
} from './weather.ts';

interface Parked {
  readonly writer: number;
  readonly name: string;
  readonly input: object;
  readonly send: Send;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface Director {
  readonly random: () => number;
  /** The fate of a writer's requests. */
  fate(writer: number): Fate;
  /** Lets requests through until no writer waits for one. `each` runs after every one. */
  run(each: () => Promise<void>): Promise<void>;
  /** From here on nothing goes wrong. */
  calm(): void;
  /** Nothing of this writer goes out any more; what is under way may still arrive. */
  kill(writer: number): void;
  /** Requests that were sent and not seen to arrive arrive now. */
  deliverLate(): Promise<void>;
  /** What was under way is too old for the service to take. */
  dropLate(): void;
  readonly counts: Record<string, number>;
}

/** Writes of head and transactions are few, and all hangs on them. */
const isDecisive = ({ name, input }: Parked): boolean =>
  name === 'TransactWriteItemsCommand' ||
  (name === 'UpdateItemCommand' && JSON.stringify(input).includes(' head'));

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const TURNS = 4;

export function createDirector(random: () => number): Director {
  const parked: Parked[] = [];
  const late: Send[] = [];
  const dead = new Set<number>();
  const counts: Record<string, number> = {};
  let isCalm = false;
  const note = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const pick = <T>(list: T[]): T => list.splice(Math.floor(random() * list.length), 1)[0] as T;

  /** What an unlucky request meets; undefined: it is sent. */
  const mishap = async ({ name, input, send }: Parked): Promise<unknown> => {
    const kind = Math.floor(random() * 7);
    note(`mishap ${kind}`);
    if (kind === 0) throw lost();
    if (kind === 1) {
      await send().catch(() => undefined);
      throw lost();
    }
    if (kind === 2) throw throttled();
    if (kind === 3) {
      late.push(send);
      return send();
    }
    if (kind === 4) {
      // No answer in time, and it arrives after all.
      late.push(send);
      throw lost();
    }
    if (name === 'BatchGetItemCommand') return halfOf(input as never, send);
    if (name === 'BatchExecuteStatementCommand') {
      return throttledStatements(input as never, send, random);
    }
    return send();
  };
  const deliver = async (request: Parked): Promise<void> => {
    try {
      if (!isCalm && isEventual(request.name, request.input))
        return request.resolve(neverWritten(await request.send()));
      const isUnlucky = !isCalm && random() < (isDecisive(request) ? 0.4 : 0.12);
      request.resolve(await (isUnlucky ? mishap(request) : request.send()));
    } catch (error) {
      request.reject(error);
    }
  };
  /** All that runs has come to its next request, or to its end. */
  const settled = async (): Promise<void> => {
    for (let turns = 0; turns < TURNS; turns++) await turn();
  };

  return {
    random,
    counts,
    fate:
      (writer) =>
      ({ name, input, send }) =>
        new Promise((resolve, reject) => {
          if (dead.has(writer)) return reject(new Fault('store-io', 'the process died'));
          parked.push({ writer, name, input, send, resolve, reject });
        }),
    async run(each) {
      for (await settled(); parked.length > 0; await settled()) {
        await deliver(pick(parked));
        if (late.length > 0 && random() < 0.1) await pick(late)().catch(() => undefined);
        await each();
      }
    },
    calm() {
      isCalm = true;
    },
    kill(writer) {
      note('deaths');
      dead.add(writer);
      for (const request of parked.filter((each) => each.writer === writer)) {
        parked.splice(parked.indexOf(request), 1);
        if (random() < 0.5) late.push(request.send);
        request.reject(new Fault('store-io', 'the process died'));
      }
    },
    async deliverLate() {
      while (late.length > 0) await pick(late)().catch(() => undefined);
    },
    dropLate() {
      late.length = 0;
    },
  };
}
