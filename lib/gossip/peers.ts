/**
 * The peers' list: those we can call (by address) and the sessions of those that call us. Owns both
 * kinds of rows; sends nothing.
 */
import { toHex } from '../codec/hex.ts';
import type { RowKey } from '../ports/store.ts';
import { type Kind, kindOf } from './address.ts';
import { LIMITS } from './limits.ts';
import { encodeJson, idOf, listRows, ROWS, type RowTools, readRows, updateRow } from './rows.ts';
import { type ScoreRow, scoreRowKey } from './scores.ts';

/** How far a peer says it is. Nobody's word counts for more than the question whether to ask. */
export interface Claim {
  readonly name: string;
  readonly height: number;
  readonly tip: string;
  /** Chain work, 64 hex digits: compares as text. */
  readonly work: string;
}

export interface PeerRow extends Claim {
  readonly id: string;
  /** Where messages go. */
  readonly address: string;
  readonly kind: Kind;
  /** Where it is asked, and answers at once: its URL. */
  readonly url: string;
  readonly origin: 'configured' | 'added' | 'learned';
  /** The id under which we write to it. */
  readonly session: string;
  /** It sends us what is new by itself; otherwise we ask. */
  readonly push: boolean;
  /** Unix seconds, 0: never. */
  readonly lastSeen: number;
  readonly lastHandshake: number;
  /** In a row. */
  readonly failures: number;
  /** Not called before. */
  readonly nextAt: number;
  /** Where we are in its feed of transactions. */
  readonly cursor: string;
}

/** Somebody that shook hands by calling us. */
export interface SessionRow extends Claim {
  /** Made from the session id, which is a secret between the two. */
  readonly id: string;
  readonly scoreKey: string;
  /** The URL that it claims to be reached at, or ''. Only ever used to spare it its own news. */
  readonly claimedUrl: string;
  readonly lastSeen: number;
}

export const NO_CLAIM: Claim = { name: '', height: 0, tip: '', work: '0'.repeat(64) };
const SESSION_BYTES = 16;
const SESSION_ID = /^[0-9a-f]{32}$/;

export const peerKey = (id: string): RowKey => ({ pk: ROWS.peers, sk: id });
/** The tip that was announced last, to all that were in reach. */
export interface AnnouncedRow {
  readonly tip: string;
  readonly height: number;
  readonly work: string;
  /** Unix seconds, when the sends were done. */
  readonly at: number;
}

export const announcedKey: RowKey = { pk: ROWS.self, sk: 'announced' };

/** What a peer that we call is held to account by. */
export const urlScoreKey = (url: string): string => `url:${url}`;

/** Where a peer is: `address` is told (a queue, or the URL), `url` is asked. */
export interface Place {
  readonly address: string;
  readonly url: string;
  readonly name: string;
}

export function newPeer(place: Place, origin: PeerRow['origin'], now: number): PeerRow {
  const { address, url, name } = place;
  return {
    ...NO_CLAIM,
    name,
    id: idOf(address),
    address,
    kind: kindOf(address),
    url,
    origin,
    session: '',
    push: false,
    lastSeen: 0,
    lastHandshake: 0,
    failures: 0,
    nextAt: now,
    cursor: '',
  };
}

export const listPeers = (tools: RowTools): Promise<PeerRow[]> =>
  listRows<PeerRow>(tools, ROWS.peers, { limit: LIMITS.peersMax });

/** Changes a peer's row; one that was removed meanwhile stays removed. */
export const updatePeer = (
  tools: RowTools,
  id: string,
  change: (peer: PeerRow) => Partial<PeerRow>,
): Promise<PeerRow | undefined> =>
  updateRow<PeerRow>(tools, peerKey(id), (now) =>
    now === undefined ? undefined : { value: { ...now, ...change(now) } },
  );

/** Adds a peer, or gives a learned one the operator's word. */
export async function putPeer(
  tools: RowTools,
  place: Place,
  origin: PeerRow['origin'],
): Promise<PeerRow | undefined> {
  return updateRow<PeerRow>(tools, peerKey(idOf(place.address)), (now) => {
    if (now === undefined) return { value: newPeer(place, origin, tools.now()) };
    if (origin === 'learned' || (now.origin === origin && now.url === place.url)) return undefined;
    return { value: { ...now, url: place.url, origin, failures: 0, nextAt: tools.now() } };
  });
}

/**
 * Makes the rows agree with the configuration: what left it is forgotten, and so is what was learned
 * of a peer that now has a queue: it would be told everything twice.
 */
export async function configurePeers(tools: RowTools, places: readonly Place[]): Promise<void> {
  const wanted = new Set(places.map((place) => idOf(place.address)));
  const urls = new Set(places.map((place) => place.url));
  const rows = await listPeers(tools);
  const gone = rows.filter(
    (row) =>
      !wanted.has(row.id) &&
      (row.origin === 'configured' || (row.origin === 'learned' && urls.has(row.url))),
  );
  if (gone.length > 0) {
    const left = gone.filter((row) => !urls.has(row.url));
    await tools.store.remove([
      ...gone.map((row) => peerKey(row.id)),
      ...(await sessionsAt(
        tools,
        left.map(({ url }) => url),
      )),
    ]);
  }
  for (const place of places) await putPeer(tools, place, 'configured');
  // A start is a new chance for all: what was out of reach may be back.
  for (const row of rows.filter((row) => row.failures > 0 && wanted.has(row.id))) {
    await updatePeer(tools, row.id, () => ({ failures: 0, nextAt: tools.now() }));
  }
}

/** Learns addresses from strangers, up to a bound; known ones are left as they are. */
export async function learnPeers(tools: RowTools, urls: readonly string[]): Promise<void> {
  const known = await listPeers(tools);
  // One with a queue has its queue for an address, and is asked at its URL.
  const places = new Set(known.flatMap((row) => [row.address, row.url]));
  const learned = known.filter((row) => row.origin === 'learned').length;
  let room = Math.min(LIMITS.learnedMax - learned, LIMITS.peersMax - known.length);
  for (const url of urls) {
    if (room <= 0) return;
    if (places.has(url)) continue;
    places.add(url);
    room -= 1;
    await putPeer(tools, { address: url, url, name: '' }, 'learned');
  }
}

export async function peerAnswered(
  tools: RowTools,
  peer: PeerRow,
  news: Partial<PeerRow>,
): Promise<PeerRow | undefined> {
  return updatePeer(tools, peer.id, () => ({ ...news, lastSeen: tools.now(), failures: 0 }));
}

/** Exponential backoff; a learned peer that never answers is forgotten. */
export async function peerFailed(
  tools: RowTools,
  peer: PeerRow,
  options: { readonly refused?: boolean } = {},
): Promise<void> {
  const row = await updatePeer(tools, peer.id, (now) => {
    const wait = options.refused ? LIMITS.backoffSecondsMax : 2 ** Math.min(now.failures, 10);
    return {
      failures: now.failures + 1,
      nextAt: tools.now() + Math.min(LIMITS.backoffSecondsMax, wait),
    };
  });
  if (row?.origin === 'learned' && row.failures >= LIMITS.learnedFailuresMax) {
    await tools.store.remove([peerKey(row.id)]);
  }
}

/* Sessions */

const sessionKey = (id: string): RowKey => ({ pk: ROWS.sessions, sk: id });

/** The row key of the session that `from` names, if it may be one. */
export const sessionIdOf = (from: string): string | undefined =>
  SESSION_ID.test(from) ? idOf(`session ${from}`) : undefined;

export const newSessionName = (tools: RowTools): string => toHex(tools.random.bytes(SESSION_BYTES));

/** The session and the scores that judge a sender, in one read. */
export async function readSender(
  tools: RowTools,
  sessionId: string | undefined,
  scoreKeys: readonly string[],
): Promise<{ session: SessionRow | undefined; scores: (ScoreRow | undefined)[] }> {
  const keys = scoreKeys.map(scoreRowKey);
  const [session, ...scores] = await readRows<unknown>(tools, [
    sessionKey(sessionId ?? '-'),
    ...keys,
  ]);
  return {
    session: session as SessionRow | undefined,
    scores: scores as (ScoreRow | undefined)[],
  };
}

export async function putSession(tools: RowTools, row: SessionRow): Promise<void> {
  const value = encodeJson(row);
  const expiresAt = tools.now() + LIMITS.sessionSeconds;
  await tools.store.put([{ ...sessionKey(row.id), value, expiresAt }]);
}

export const listSessions = (tools: RowTools): Promise<SessionRow[]> =>
  listRows<SessionRow>(tools, ROWS.sessions, { limit: 2 * LIMITS.sessionsMax });

/** What peers at these URLs said when they called us: without it they count no more (show-peers.ts). */
async function sessionsAt(tools: RowTools, urls: readonly string[]): Promise<RowKey[]> {
  if (urls.length === 0) return [];
  const sessions = await listSessions(tools);
  return sessions
    .filter(({ claimedUrl }) => urls.includes(claimedUrl))
    .map(({ id }) => sessionKey(id));
}

/** Of the new sessions one in so many has the list looked through: reading it all each time is dear. */
const SESSIONS_PER_LOOK = 16;

/** Keeps the list bounded, give or take a few looks: who was silent longest is forgotten. */
export async function makeRoomForSession(tools: RowTools): Promise<void> {
  const [dice = 0] = tools.random.bytes(1);
  if (dice % SESSIONS_PER_LOOK !== 0) return;
  const rows = await listSessions(tools);
  if (rows.length < LIMITS.sessionsMax) return;
  const oldest = [...rows].sort((a, b) => a.lastSeen - b.lastSeen);
  const gone = oldest.slice(0, rows.length - LIMITS.sessionsMax + 1);
  await tools.store.remove(gone.map((row) => sessionKey(row.id)));
}

/** Forgets a peer, a session or a score, and what it was blamed for: the operator's will. */
export async function removeById(tools: RowTools, id: string): Promise<boolean> {
  const [peer, session, score] = await readRows<unknown>(tools, [
    peerKey(id),
    sessionKey(id),
    { pk: ROWS.scores, sk: id },
  ]);
  const keys: RowKey[] = [];
  if (peer !== undefined) {
    const { url } = peer as PeerRow;
    keys.push(peerKey(id), scoreRowKey(urlScoreKey(url)), ...(await sessionsAt(tools, [url])));
  }
  if (session !== undefined) {
    keys.push(sessionKey(id), scoreRowKey((session as SessionRow).scoreKey));
  }
  if (score !== undefined) keys.push({ pk: ROWS.scores, sk: id });
  if (keys.length > 0) await tools.store.remove(keys);
  return keys.length > 0;
}
