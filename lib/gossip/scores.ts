/**
 * Blame: who is held to account for what (design section 5), points, bans, and the hourly buckets
 * of what nobody asked for. Owns score and bucket rows, not the peers' list.
 */
import type { RowKey } from '../ports/store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Reject } from '../types.ts';
import { addressBlock, isLoopback } from './address.ts';
import { LIMITS } from './limits.ts';
import { idOf, listRows, ROWS, type RowTools, updateRow } from './rows.ts';
import type { Sender } from './types.ts';

const SECONDS_PER_HOUR = 3600;

export interface ScoreRow {
  /** What the sender cannot choose, in words: `url:…`, `ip:…`, `session:…`, `from:…`, `sqs:…`. */
  readonly key: string;
  readonly points: number;
  readonly reason: string;
  /** Unix seconds of the last offence. */
  readonly at: number;
}

/**
 * The score's key. Replies to our own requests: the address we called. Posted: the connection's
 * address; but on loopback, where all share one, the session id that we gave the sender (nobody can
 * guess another's), and for who never shook hands the name that it gives itself.
 */
export function scoreKeyOf(
  sender: Sender,
  from: { readonly name: string; readonly sessionId?: string },
): string {
  if (sender.reply === true || sender.transport === 'local') return `url:${sender.key}`;
  if (sender.transport === 'sqs') return `sqs:${sender.key}`;
  if (!isLoopback(sender.key)) return `ip:${addressBlock(sender.key)}`;
  return from.sessionId === undefined ? `from:${from.name}` : `session:${from.sessionId}`;
}

export const scoreRowKey = (scoreKey: string): RowKey => ({ pk: ROWS.scores, sk: idOf(scoreKey) });
export const isBanned = (row: ScoreRow | undefined): boolean =>
  row !== undefined && row.points >= LIMITS.banPoints;

/** Adds points; at 100 the sender is refused for 24 hours from now. */
export async function addPoints(
  tools: RowTools & { readonly telemetry: Telemetry },
  scoreKey: string,
  offence: { readonly points: number; readonly reason: string },
): Promise<ScoreRow | undefined> {
  const at = tools.now();
  const row = await updateRow<ScoreRow>(tools, scoreRowKey(scoreKey), (now) => ({
    value: {
      key: scoreKey,
      points: Math.min(LIMITS.banPoints, (now?.points ?? 0) + offence.points),
      reason: offence.reason,
      at,
    },
    expiresAt: at + LIMITS.banSeconds,
  }));
  tools.telemetry.log(isBanned(row) ? 'warn' : 'info', 'peer misbehaved', {
    peer: scoreKey,
    reason: offence.reason,
    points: row?.points ?? 0,
  });
  return row;
}

export const listScores = (tools: RowTools): Promise<ScoreRow[]> =>
  listRows<ScoreRow>(tools, ROWS.scores, { limit: LIMITS.sessionsMax });

/** Rules that depend on the tip: an honest sender may stand on another one. */
const BLAMELESS_FOR_TX: ReadonlySet<string> = new Set([
  'bad-txns-inputs-missingorspent',
  'bad-txns-premature-spend-of-coinbase',
  'bad-txns-nonfinal',
  'non-final',
  'non-BIP68-final',
]);
/** What an operator did here by hand is no fault of a peer's. */
const BY_HAND: ReadonlySet<string> = new Set(['rejected', 'checkpoint mismatch']);

export function pointsForBlock(reject: Reject): number {
  if (reject.kind !== 'consensus' && reject.kind !== 'mutated') return 0;
  if (BY_HAND.has(reject.reason) || BY_HAND.has(reject.detail ?? '')) return 0;
  return LIMITS.banPoints;
}

export const pointsForTx = (reject: Reject): number =>
  reject.kind === 'consensus' && !BLAMELESS_FOR_TX.has(reject.reason) ? LIMITS.banPoints : 0;

interface BucketRow {
  readonly headers: number;
  readonly bodies: number;
  readonly at: number;
}

const CAPACITY = { headers: LIMITS.headersPerHour, bodies: LIMITS.bodiesPerHour } as const;

function refill(row: BucketRow | undefined, now: number): BucketRow {
  if (row === undefined) return { ...CAPACITY, at: now };
  const share = Math.max(0, now - row.at) / SECONDS_PER_HOUR;
  return {
    headers: Math.min(CAPACITY.headers, row.headers + share * CAPACITY.headers),
    bodies: Math.min(CAPACITY.bodies, row.bodies + share * CAPACITY.bodies),
    at: now,
  };
}

/** Takes from the sender's bucket; false: it does not hold so much, and nothing was taken. */
export async function takeUnasked(
  tools: RowTools,
  scoreKey: string,
  want: { readonly kind: 'headers' | 'bodies'; readonly count: number },
): Promise<boolean> {
  let taken = false;
  const now = tools.now();
  await updateRow<BucketRow>(tools, { pk: ROWS.buckets, sk: idOf(scoreKey) }, (row) => {
    const full = refill(row, now);
    taken = full[want.kind] >= want.count;
    if (!taken) return undefined;
    return {
      value: { ...full, [want.kind]: full[want.kind] - want.count },
      expiresAt: now + SECONDS_PER_HOUR,
    };
  });
  return taken;
}
