/**
 * A month's bill from what a stack uses, what its template holds and list prices. Owns the arithmetic;
 * measures nothing and knows no price.
 */
import type { MinerKind } from '../../infra/node-stack.ts';
import type { MeasuredUse } from '../../test/helpers/stack-use.ts';
import type { BoardCounts, Counts } from './counts.ts';

export interface Price {
  readonly usd: number;
  /** So many of the unit. */
  readonly per: number;
  readonly unit: string;
  readonly page: string;
  readonly source: string;
  readonly asOf: string;
}
export type Prices = Readonly<Record<string, Price>>;

/** What was not measured: nobody ran it on AWS. */
export interface Assumed {
  /** Mean seconds that a call is billed for. */
  readonly callSeconds: Readonly<Record<string, number>>;
  /** Lambda's own three lines of a call, ours, and its metrics. */
  readonly logBytesPerCall: number;
  readonly accessLogBytes: number;
  readonly minerLogBytesPerMinute: number;
  /** Lambda asks an idle queue by so many connections, each so many seconds. */
  readonly queuePollers: number;
  readonly queuePollSeconds: number;
  readonly ec2DiskGb: number;
}

export interface Use {
  readonly measured: MeasuredUse;
  readonly assumed: Assumed;
}

/** What happens in the month. */
export interface Month {
  readonly blocks: number;
  readonly payments: number;
  /** False: only what the events add, nothing that passes with time. */
  readonly time: boolean;
}

export const HOURS = 730;
const SECONDS = HOURS * 3600;
const GB = 1e9;
/** A queue's requests of a batch that is handled: received, deleted. */
const REQUESTS_PER_BATCH = 2;

/** Rows of the table, in its order; what bills by time has `*` in the README. */
export const LINES = [
  'DynamoDB units',
  'DynamoDB storage, backups',
  'Lambda',
  'SQS',
  'HTTP API',
  'Logs',
  'Metrics of its own',
  'Alarms',
  'Fargate task',
  'Public IPv4 address',
] as const;
export type Line = (typeof LINES)[number];
export type Bill = Readonly<Record<Line, number>>;

/** Metrics that only a miner sends, and those that only a fault does. */
const MINER_METRICS: readonly string[] = ['BlocksFound', 'BlocksStale', 'HashRate'];
const FAULT_METRICS: readonly string[] = ['SendsFailed'];

export interface Stack {
  readonly counts: Counts;
  readonly board: BoardCounts;
  readonly miner: MinerKind;
}

interface Calls {
  readonly tick: number;
  readonly public: number;
  readonly inbox: number;
  readonly mine: number;
}

function callsOf({ measured }: Use, { counts }: Stack, month: Month): Calls {
  const ticks = month.time ? SECONDS / counts.tickSeconds : 0;
  const of = (field: 'publicCalls' | 'inboxCalls'): number =>
    ticks * measured.idleTick[field] +
    month.blocks * measured.emptyBlock[field] +
    month.payments * measured.payment[field];
  return {
    tick: ticks,
    public: of('publicCalls'),
    inbox: of('inboxCalls'),
    // A call a block, and one an hour.
    mine: counts.memoryGb['mine'] !== undefined ? month.blocks + (month.time ? HOURS : 0) : 0,
  };
}

/** Read units of the miner itself: whether there is other work, and the work. */
function minerReads({ measured }: Use, stack: Stack, month: Month): number {
  const { task } = stack.counts;
  const waits = task !== undefined && month.time ? SECONDS : 0;
  const works = stack.miner === 'off' ? 0 : month.blocks;
  return (task?.count ?? 1) * (waits * measured.minerSecond + works * measured.minerWork);
}

/** Write units of the miner itself: that it mines, every minute. */
function minerWrites({ measured }: Use, { counts: { task } }: Stack, month: Month): number {
  return month.time ? (task?.count ?? 0) * HOURS * 60 * measured.minerMinute : 0;
}

export function billOf(prices: Prices, use: Use, stack: Stack, month: Month): Bill {
  const { measured, assumed } = use;
  const { counts, board, miner } = stack;
  const pay = (name: string, amount: number): number => {
    const price = prices[name];
    if (price === undefined) throw new Error(`no price of ${name}`);
    return (price.usd * amount) / price.per;
  };
  const calls = callsOf(use, stack, month);
  const total = (field: 'write' | 'read' | 'sends'): number =>
    calls.tick * measured.idleTick[field] +
    month.blocks * measured.emptyBlock[field] +
    month.payments * measured.payment[field];
  const gbSeconds = Object.entries(calls).reduce((sum, [name, count]) => {
    const { [name]: memory = 0 } = counts.memoryGb;
    return sum + count * memory * (assumed.callSeconds[name] ?? 0);
  }, 0);
  const callCount = calls.tick + calls.public + calls.inbox + calls.mine;
  const polls = month.time
    ? (counts.queuesWithReader * assumed.queuePollers * SECONDS) / assumed.queuePollSeconds
    : 0;
  const grouped = total('sends') + REQUESTS_PER_BATCH * calls.inbox;
  const stored = month.blocks * measured.blockBytes + month.payments * measured.paymentBytes;
  const { task } = counts;
  const taskHours = month.time ? HOURS * (task?.count ?? 0) : 0;
  const share = task?.spot ? pay('fargate-spot-share', 1) : 1;
  const metrics = board.customMetrics.filter(
    (name) => !FAULT_METRICS.includes(name) && (miner !== 'off' || !MINER_METRICS.includes(name)),
  );
  const isAwake = month.time && month.blocks > 0;
  return {
    'DynamoDB units':
      pay('dynamodb-write', total('write') + minerWrites(use, stack, month)) +
      pay('dynamodb-read', total('read') + minerReads(use, stack, month)),
    'DynamoDB storage, backups':
      pay('dynamodb-storage', stored / GB) + pay('dynamodb-pitr', stored / GB),
    Lambda: pay('lambda-arm-gb-second', gbSeconds) + pay('lambda-request', callCount),
    SQS: pay('sqs-request', polls + grouped) + pay('sqs-fair-queue', grouped),
    'HTTP API': pay('http-api-request', calls.public),
    Logs:
      pay('logs-ingest', (callCount * assumed.logBytesPerCall) / GB) +
      pay('logs-ingest', (taskHours * 60 * assumed.minerLogBytesPerMinute) / GB) +
      pay('logs-ingest-infrequent', (calls.public * assumed.accessLogBytes) / GB),
    'Metrics of its own': isAwake ? pay('custom-metric', metrics.length) : 0,
    Alarms: month.time ? pay('alarm-metric', counts.alarmMetrics) : 0,
    'Fargate task':
      share *
      (pay('fargate-arm-vcpu', taskHours * (task?.vcpu ?? 0)) +
        pay('fargate-arm-gb', taskHours * (task?.memoryGb ?? 0))),
    'Public IPv4 address': task?.publicAddress ? pay('public-ipv4', taskHours) : 0,
  };
}

export const sumOf = (bill: Bill): number => LINES.reduce((sum, line) => sum + bill[line], 0);

/** The small machine that runs all day, whatever happens on it. */
export function instanceBill(prices: Prices, { assumed }: Use): number {
  const { [`ec2-t4g-small`]: ec2, 'ebs-gp3': disk, 'public-ipv4': address } = prices;
  if (ec2 === undefined || disk === undefined || address === undefined) throw new Error('no price');
  return HOURS * (ec2.usd + address.usd) + assumed.ec2DiskGb * disk.usd;
}
