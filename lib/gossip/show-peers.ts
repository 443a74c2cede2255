/** What `GET /v1/peers` shows. Reads only; nothing is decided by it. */
import { type Kind, kindOf } from './address.ts';
import {
  type AnnouncedRow,
  announcedKey,
  type Claim,
  listPeers,
  listSessions,
  NO_CLAIM,
  type PeerRow,
  type SessionRow,
  urlScoreKey,
} from './peers.ts';
import { idOf, type RowTools, readOne } from './rows.ts';
import { isBanned, listScores, type ScoreRow } from './scores.ts';
import type { PeerInfo } from './types.ts';

type Shown = Claim & { readonly id: string; readonly lastSeen: number };

const infoOf = (
  row: Shown,
  place: { readonly address: string; readonly transport: Kind },
  score: ScoreRow | undefined,
): PeerInfo => ({
  id: row.id,
  address: place.address,
  transport: place.transport,
  height: row.height,
  tip: row.tip,
  score: score?.points ?? 0,
  banned: isBanned(score),
  lastSeen: row.lastSeen,
});

const transportOf = (scoreKey: string): Kind => {
  if (scoreKey.startsWith('sqs:')) return 'sqs';
  return scoreKey.startsWith('url:') && kindOf(scoreKey.slice(4)) === 'local' ? 'local' : 'http';
};

/**
 * What a peer is known to have: what it answered, what it said when it called us, what it took from
 * us without a fault.
 */
function freshest(
  row: PeerRow,
  sessions: readonly SessionRow[],
  announced: AnnouncedRow | undefined,
): PeerRow {
  const said = sessions.filter(({ claimedUrl }) => claimedUrl === row.url);
  const isTold =
    announced !== undefined &&
    row.kind !== 'sqs' &&
    row.failures === 0 &&
    row.lastSeen > 0 &&
    row.lastHandshake <= announced.at;
  const told = isTold ? [{ ...announced, lastSeen: announced.at }] : [];
  const newer = [...said, ...told].filter(({ work }) => work > row.work);
  const [best] = newer.sort((a, b) => (a.work > b.work ? -1 : 1));
  if (best === undefined) return row;
  const { height, tip, lastSeen } = best;
  return { ...row, height, tip, lastSeen: Math.max(lastSeen, row.lastSeen) };
}

/** One peer that we call. */
export async function showPeer(tools: RowTools, row: PeerRow): Promise<PeerInfo> {
  const all = await showPeers(tools);
  const shown = all.find(({ id }) => id === row.id);
  return shown ?? infoOf(row, { address: row.address, transport: row.kind }, undefined);
}

/** Peers by address, then who calls us, then who was blamed and is neither. */
export async function showPeers(tools: RowTools): Promise<PeerInfo[]> {
  const [peers, sessions, scores, announced] = await Promise.all([
    listPeers(tools),
    listSessions(tools),
    listScores(tools),
    readOne<AnnouncedRow>(tools, announcedKey),
  ]);
  const byKey = new Map(scores.map((row) => [row.key, row]));
  const shown = new Set<string>();
  const scoreOf = (key: string): ScoreRow | undefined => {
    shown.add(key);
    return byKey.get(key);
  };
  const called = new Map(peers.map((row) => [row.url, urlScoreKey(row.url)]));
  return [
    ...peers.map((row) =>
      infoOf(
        freshest(row, sessions, announced),
        { address: row.address, transport: row.kind },
        scoreOf(urlScoreKey(row.url)),
      ),
    ),
    ...sessions.flatMap((row) => {
      const score = scoreOf(row.scoreKey);
      // One that we call as well is one peer, not two, unless it is to blame for what it posted.
      const urlKey = called.get(row.claimedUrl);
      if (urlKey !== undefined && (score === undefined || row.scoreKey === urlKey)) return [];
      return [infoOf(row, { address: '', transport: transportOf(row.scoreKey) }, score)];
    }),
    ...scores
      .filter((row) => !shown.has(row.key))
      .map((row) =>
        infoOf(
          // As a peer it was never seen, and it counts as none; the id lets it off.
          { ...NO_CLAIM, id: idOf(row.key), lastSeen: 0 },
          { address: '', transport: transportOf(row.key) },
          row,
        ),
      ),
  ];
}
