/**
 * What HTTP itself refuses, before the app sees a request. Owns that such a caller is told the same way
 * as every other: a sentence and a code that stays.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { invalidRequest, Problem, problemBody, problemResponse } from '../../lib/api/problem.ts';

/** Node's own limit, for the request's first line and its headers together. */
export const HEADER_BYTES_MAX = 16_384;

/** A request line or a Host that names no URL; the app answers its own errors itself. */
export function refusal(error: unknown): Response {
  const isCallers = (error as Error | undefined)?.name === 'RequestError';
  const problem = isCallers
    ? invalidRequest('the request’s target or Host is not valid')
    : new Problem('internal', 'something is wrong with this node');
  return problemResponse(problem, randomUUID());
}

function problemOf(code: string | undefined): Problem {
  if (code !== 'HPE_HEADER_OVERFLOW') return invalidRequest('this is no HTTP request');
  return invalidRequest(`request line and headers may have at most ${HEADER_BYTES_MAX} bytes`);
}

const UNCLEAR = '400 Bad Request';
const SLOW = '408 Request Timeout';

/** A caller whose answer has begun gets no second one into it. */
const isAnswered = (socket: Socket): boolean =>
  (socket as { _httpMessage?: { headersSent: boolean } })._httpMessage?.headersSent === true;

/** Answers what Node's parser gave up on, and closes. */
export function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswered(socket)) {
    socket.destroy();
    return;
  }
  // A browser that opens connections in advance knows the bare 408 for no answer to what it asks.
  const isSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const body = isSlow ? '' : JSON.stringify(problemBody(problemOf(error.code), randomUUID()));
  const head = [
    `HTTP/1.1 ${isSlow ? SLOW : UNCLEAR}`,
    'Connection: close',
    ...(isSlow ? [] : ['Content-Type: application/problem+json']),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
