/**
 * Pages of a list (interfaces section 6). Owns limits and the form of cursors: opaque to callers,
 * bound to the list that made them, harmless when forged (a cursor is only a place to start from).
 */
import { invalidRequest } from './problem.ts';

export const PAGE_ITEMS_MAX = 100;
export const PAGE_ITEMS_DEFAULT = 25;
export const CURSOR_CHARS_MAX = 200;

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** A cursor of the list `kind` that goes on after `place`. */
export const toCursor = (kind: string, place: string): string =>
  btoa(`${kind}:${place}`).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** The place that a cursor names, undefined without one. Throws Problem `invalid-request`. */
export function fromCursor(kind: string, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const text = decoded(cursor);
  if (!text.startsWith(`${kind}:`)) throw invalidRequest('the cursor is not one of this list');
  return text.slice(kind.length + 1);
}

function decoded(cursor: string): string {
  try {
    return atob(cursor.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    throw invalidRequest('the cursor is not one of this list');
  }
}

/** A page of a list that is whole in memory, by the names of its items. */
export function pageOf<T>(
  kind: string,
  all: readonly T[],
  options: { limit: number; cursor: string | undefined; nameOf: (item: T) => string },
): Page<T> {
  const { limit, cursor, nameOf } = options;
  const after = fromCursor(kind, cursor);
  // An item that has gone since: the list starts again rather than fail.
  const start = after === undefined ? 0 : all.findIndex((item) => nameOf(item) === after) + 1;
  const items = all.slice(start, start + limit);
  const last = items.at(-1);
  const more = start + items.length < all.length && last !== undefined;
  return { items, next: more ? toCursor(kind, nameOf(last)) : null };
}
