/**
 * Catching up, second half: bodies of the best header chain in windows, fetched from several peers at
 * once while the window before is connected. Owns who is asked for what and blame for bad bodies;
 * the chain decides what to fetch (missingBodies) and connects a window in one commit.
 */
import { decodeHeader } from '../codec/index.ts';
import type { BlockHash } from '../types.ts';
import type { GossipContext } from './context.ts';
import { request } from './exchange.ts';
import { LIMITS } from './limits.ts';
import { type PeerRow, urlScoreKey } from './peers.ts';
import { addPoints, pointsForBlock } from './scores.ts';

export type BodiesEnd =
  /** Nothing is missing. */
  | 'done'
  /** Time is up. */
  | 'more'
  /** Nobody gives what comes next. */
  | 'stalled';

interface Fetched {
  readonly raw: Uint8Array;
  readonly peer: PeerRow;
}

const HEADER_BYTES = 80;

class BodyFetcher {
  readonly #ctx: GossipContext;
  readonly #peers: PeerRow[];
  readonly #ready = new Map<BlockHash, Fetched>();
  /** What a peer was asked for and did not give, by peer. */
  readonly #lacks = new Map<string, Set<BlockHash>>();
  /** Bodies that one answer is expected to hold: an answer that was cut off tells. */
  #perAsk: number = LIMITS.fetchBlocks;

  constructor(ctx: GossipContext, peers: readonly PeerRow[]) {
    this.#ctx = ctx;
    this.#peers = [...peers];
  }

  get hasPeers(): boolean {
    return this.#peers.length > 0;
  }

  #bytes(): number {
    let bytes = 0;
    for (const { raw } of this.#ready.values()) bytes += raw.length;
    return bytes;
  }

  drop(peer: PeerRow): void {
    const index = this.#peers.indexOf(peer);
    if (index >= 0) this.#peers.splice(index, 1);
    for (const [hash, fetched] of this.#ready) {
      if (fetched.peer === peer) this.#ready.delete(hash);
    }
  }

  #isLacking(peer: PeerRow, hash: BlockHash): boolean {
    return this.#lacks.get(peer.id)?.has(hash) === true;
  }

  /** Who may have what comes next is asked first. */
  #byUse(next: BlockHash): PeerRow[] {
    return [...this.#peers].sort(
      (a, b) => Number(this.#isLacking(a, next)) - Number(this.#isLacking(b, next)),
    );
  }

  /** Fetches what is not here, lowest first, one share a peer. */
  async fill(wanted: readonly BlockHash[]): Promise<void> {
    // What a former branch wanted would never be taken.
    const still = new Set(wanted);
    for (const hash of this.#ready.keys()) if (!still.has(hash)) this.#ready.delete(hash);
    const missing = wanted.filter((hash) => !this.#ready.has(hash));
    const [next] = missing;
    if (next === undefined) return;
    const isFull = this.#bytes() >= LIMITS.windowBytes;
    // What comes first is fetched in any case, or what is here could never be connected.
    if (isFull && next !== wanted[0]) return;
    const jobs: { peer: PeerRow; hashes: BlockHash[] }[] = [];
    const taken = new Set<BlockHash>();
    for (const peer of this.#byUse(next)) {
      if (jobs.length === (isFull ? 1 : LIMITS.fetchPeers)) break;
      const open = missing.filter((hash) => !taken.has(hash) && !this.#isLacking(peer, hash));
      const hashes = open.slice(0, isFull ? 1 : this.#perAsk);
      for (const hash of hashes) taken.add(hash);
      if (hashes.length > 0) jobs.push({ peer, hashes });
    }
    await Promise.all(jobs.map((job) => this.#ask(job.peer, job.hashes)));
  }

  async #ask(peer: PeerRow, hashes: readonly BlockHash[]): Promise<void> {
    const items = hashes.map((hash) => ({ kind: 'block', hash }) as const);
    const answer = await request(this.#ctx, peer, [{ type: 'getdata', items }]);
    if (!answer.ok) {
      this.drop(peer);
      return;
    }
    const asked = new Set(hashes);
    let count = 0;
    for (const reply of answer.messages) {
      if (reply.type !== 'block') continue;
      const header = decodeHeader(reply.raw.subarray(0, HEADER_BYTES));
      if (!header.ok || !asked.delete(header.value.hash)) continue;
      this.#ready.set(header.value.hash, { raw: reply.raw, peer });
      count += 1;
    }
    if (count === 0) {
      const lacks = this.#lacks.get(peer.id) ?? new Set();
      for (const hash of hashes) lacks.add(hash);
      this.#lacks.set(peer.id, lacks);
    } else if (count < hashes.length) this.#perAsk = Math.max(1, count);
    else this.#perAsk = Math.min(LIMITS.fetchBlocks, 2 * this.#perAsk);
  }

  /** Whether somebody is left who was not asked for it. */
  mayCome(hash: BlockHash): boolean {
    return this.#peers.some((peer) => !this.#isLacking(peer, hash));
  }

  /** The bodies at the beginning of `wanted` that are here, one window at most. */
  take(wanted: readonly BlockHash[]): Fetched[] {
    const window: Fetched[] = [];
    let bytes = 0;
    for (const hash of wanted) {
      const fetched = this.#ready.get(hash);
      if (fetched === undefined || (bytes > 0 && bytes + fetched.raw.length > LIMITS.windowBytes)) {
        break;
      }
      this.#ready.delete(hash);
      window.push(fetched);
      bytes += fetched.raw.length;
    }
    return window;
  }
}

/** Connects a window; undefined: all of it stands, else the peer that gave a bad body, or nobody. */
async function connect(
  ctx: GossipContext,
  window: readonly Fetched[],
): Promise<{ readonly guilty?: PeerRow } | undefined> {
  const outcomes = await ctx.acceptBlocks(window.map(({ raw }) => raw));
  const index = outcomes.findIndex(({ status }) => status === 'rejected');
  const outcome = outcomes[index];
  if (outcome?.status !== 'rejected') return undefined;
  const peer = window[index]?.peer;
  const { reject } = outcome;
  const points = pointsForBlock(reject);
  if (peer === undefined || points === 0) return {};
  await addPoints(ctx, urlScoreKey(peer.url), { points, reason: reject.reason });
  return { guilty: peer };
}

export async function fetchBodies(
  ctx: GossipContext,
  peers: readonly PeerRow[],
  until: {
    readonly deadlineMs: number;
    readonly renew: () => Promise<boolean>;
  },
): Promise<BodiesEnd> {
  const fetcher = new BodyFetcher(ctx, peers);
  for (;;) {
    const wanted = await ctx.chain.missingBodies(LIMITS.windowBlocks);
    const [next] = wanted;
    if (next === undefined) return 'done';
    if (ctx.clock.nowMs() >= until.deadlineMs || !(await until.renew())) return 'more';
    let window = fetcher.take(wanted);
    if (window.length === 0) {
      if (!fetcher.mayCome(next)) return 'stalled';
      await fetcher.fill(wanted);
      window = fetcher.take(wanted);
      if (window.length === 0) continue;
    }
    // The next bodies travel while these are connected.
    const ahead = fetcher.fill(wanted.slice(window.length));
    // Awaited below in any case: until then a failure is nobody's.
    ahead.catch(() => undefined);
    const failure = await connect(ctx, window).finally(() => ahead);
    if (failure?.guilty !== undefined) fetcher.drop(failure.guilty);
    else if (failure !== undefined) return 'stalled';
  }
}
