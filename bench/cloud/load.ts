/** A steady load: requests begun on schedule, whether or not the ones before were answered. */
import { quantile, round } from '../figures.ts';
import { sleep } from './open.ts';

const REQUEST_MS_MAX = 20_000;
/** Not more at a time: the machine that measures is to stay able to. */
const OPEN_MAX = 400;

export interface Step {
  readonly rate: number;
  readonly sent: number;
  /** Answers by status; `0`: none in time. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly p50: number;
  readonly p99: number;
  /** Requests that were not begun, for too many were open. */
  readonly held: number;
}

/** Posts one body after the other for so long; `next` answers the body, undefined when none is left. */
export async function loadStep(
  url: string,
  options: { readonly rate: number; readonly seconds: number; next(): string | undefined },
): Promise<Step> {
  const { rate, seconds, next } = options;
  const times: number[] = [];
  const statuses: Record<string, number> = {};
  const open = new Set<Promise<void>>();
  let [sent, held] = [0, 0];
  const post = async (body: string): Promise<void> => {
    const from = performance.now();
    const status = await statusOf(url, body);
    times.push(performance.now() - from);
    statuses[status] = (statuses[status] ?? 0) + 1;
  };
  const startMs = performance.now();
  for (let i = 0; i < rate * seconds; i++) {
    const dueMs = startMs + (i * 1000) / rate - performance.now();
    if (dueMs > 0) await sleep(dueMs);
    if (open.size >= OPEN_MAX) {
      held++;
      continue;
    }
    const body = next();
    if (body === undefined) break;
    sent++;
    const task = post(body).finally(() => open.delete(task));
    open.add(task);
  }
  await Promise.all(open);
  const [p50, p99] = [0.5, 0.99].map((share) => round(quantile(times, share))) as [number, number];
  return { rate, sent, statuses, p50, p99, held };
}

async function statusOf(url: string, body: string): Promise<number> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}
