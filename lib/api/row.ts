/**
 * A row of `/v1`: what it takes, what it answers, and who may call it. Owns the description; mount.ts
 * serves it, openapi.ts documents it, both from the same schemas.
 */
import type { z } from '@hono/zod-openapi';
import type { Node } from '../node/types.ts';
import type { BodyBudget } from './request.ts';
import type { AppOptions } from './types.ts';

/** What the parts of the app share. */
export interface Api {
  readonly options: AppOptions;
  readonly node: Node;
  readonly budget: BodyBudget;
}

export interface Call<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly request: Request;
  readonly clientKey: string;
}

/** JSON unless it is bytes or text. `null` has no body. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface AnswerSpec {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Default application/json. */
  readonly mediaType?: string;
}

export interface RowSpec<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> {
  readonly method: 'get' | 'post' | 'delete';
  /** With `{name}` for a parameter. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  /** Marked T: needs the token, is closed to pages of other origins. */
  readonly token?: true;
  /** Marked I: takes Idempotency-Key. */
  readonly idempotent?: true;
  /** A POST that pages of other origins may send, as they may read. */
  readonly open?: true;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly bodyBytesMax?: number;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  /** Codes that this row answers besides those that all do. */
  readonly problems?: readonly number[];
  handle(api: Api, call: Call<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer>;
}

/** A row whose schemas were bound to its handler: what is mounted. */
export interface Row {
  readonly method: 'get' | 'post' | 'delete';
  readonly path: string;
  readonly token: boolean;
  /** Whether pages of other origins may have the answer. */
  readonly cors: boolean;
  readonly spec: RowSpec<z.ZodObject, z.ZodObject, z.ZodType>;
}

export function defineRow<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  spec: RowSpec<P, Q, B>,
): Row {
  const token = spec.token === true;
  return {
    method: spec.method,
    path: spec.path,
    token,
    cors: !token && (spec.method === 'get' || spec.open === true),
    // The mount below parses with these very schemas before it calls the handler.
    spec: spec as unknown as Row['spec'],
  };
}
