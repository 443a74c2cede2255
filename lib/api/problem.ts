/**
 * What goes wrong in a request, as RFC 9457 problem+json with a stable `code` (interfaces section
 * 6). Owns the codes and their statuses. A Problem is thrown within lib/api only; rules of the chain
 * come as Rejects and are turned into one here.
 */
import { reasonCode } from '../rejects.ts';
import type { Reject } from '../types.ts';

/** Every code that is not one of Bitcoin's reject reasons. */
export const PROBLEM_STATUS = {
  'invalid-request': 400,
  unauthorized: 401,
  'forbidden-host': 403,
  'wrong-network': 403,
  banned: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  conflict: 409,
  'too-large': 413,
  'unsupported-media-type': 415,
  'insufficient-funds': 422,
  'rate-limited': 429,
  internal: 500,
  unavailable: 503,
} as const;

export type ProblemCode = keyof typeof PROBLEM_STATUS;

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

export class Problem extends Error {
  readonly status: number;
  /** A ProblemCode, or a reject reason without its bracket. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: string,
    detail: string,
    options: { status?: number; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.status = options.status ?? PROBLEM_STATUS[code as ProblemCode] ?? 400;
    this.headers = options.headers ?? {};
  }
}

export const invalidRequest = (detail: string): Problem => new Problem('invalid-request', detail);
export const notFound = (detail: string): Problem => new Problem('not-found', detail);
export const unavailable = (detail: string): Problem => new Problem('unavailable', detail);

/** Our way of refusing more work than memory allows; API Gateway's own throttle says less. */
export const rateLimited = (detail: string, retryAfterSeconds = 1): Problem =>
  new Problem('rate-limited', detail, {
    headers: { 'Retry-After': String(retryAfterSeconds) },
  });

/** A broken rule as a problem: 400 and the reason, but for the few that have a status of their own. */
export function rejectProblem(reject: Reject): Problem {
  const code = reasonCode(reject.reason);
  const named = code in PROBLEM_STATUS;
  const detail = reject.detail ?? `refused: ${reject.reason}`;
  return new Problem(code, detail, named ? {} : { status: 400 });
}

export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string;
}

export const problemBody = (problem: Problem, requestId: string): ProblemBody => ({
  type: 'about:blank',
  title: TITLES[problem.status] ?? 'Error',
  status: problem.status,
  detail: problem.message,
  code: problem.code,
  requestId,
});

export function problemResponse(problem: Problem, requestId: string): Response {
  return new Response(JSON.stringify(problemBody(problem, requestId)), {
    status: problem.status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      ...problem.headers,
    },
  });
}
