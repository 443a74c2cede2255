/**
 * One request's handling: who sent it, what is said back, what follows at its end. Owns the bounds of
 * an answer; lives as long as the call.
 */
import type { Txid } from '../types.ts';
import { LIMITS } from './limits.ts';
import { bytesOf, type Message } from './messages.ts';
import type { PeerRow, SessionRow } from './peers.ts';

export interface Identity {
  /** Who is held to account. */
  readonly scoreKey: string;
  /** What is not told what it told us: an address, else the id of a session. */
  readonly origin: string;
  readonly name: string;
  readonly loopback: boolean;
  /** The id and the row of the session under which it writes, if it has one. */
  readonly session?: SessionRow;
  readonly sessionName?: string;
  /** The peer whose reply this is, or whose queue it came from. */
  readonly peer?: PeerRow;
  readonly reply: boolean;
}

export interface Turn {
  readonly identity: Identity;
  /** What we asked for in this very exchange. */
  readonly asked: ReadonlySet<string>;
  readonly headersAsked: boolean;
  readonly replies: Message[];
  bytes: number;
  /** Things named by getdata that may still be looked up. */
  lookUps: number;
  /** Things named by inv that may still be looked up. */
  invLookUps: number;
  wantsBodies: boolean;
  /** Whether we are far behind our best header; looked up once. */
  isBehind?: boolean;
  readonly accepted: Txid[];
  /** What is to be written to the peer's row at the end. */
  news: Partial<PeerRow>;
  /** The sender is to blame: the rest of what it sent is not looked at. */
  stopped: boolean;
  /** Refuses the whole request. */
  refusal?: { readonly code: 'wrong-network' | 'invalid-request'; readonly detail: string };
}

export const newTurn = (
  identity: Identity,
  asked: { readonly hashes?: ReadonlySet<string>; readonly headers?: boolean } = {},
): Turn => ({
  identity,
  asked: asked.hashes ?? new Set(),
  headersAsked: asked.headers ?? false,
  replies: [],
  bytes: 0,
  lookUps: LIMITS.invMax,
  invLookUps: LIMITS.invMax,
  wantsBodies: false,
  accepted: [],
  news: {},
  stopped: false,
});

/** Room for at least one more block. */
export const hasRoom = (turn: Turn): boolean => turn.bytes < LIMITS.replyBytesMax;

/** Says it, if the answer still holds it. */
export function say(turn: Turn, message: Message): boolean {
  const bytes = bytesOf(message);
  if (turn.bytes + bytes > LIMITS.replyBytesMax && turn.replies.length > 0) return false;
  turn.bytes += bytes;
  turn.replies.push(message);
  return true;
}
