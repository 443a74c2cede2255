/** Answers that no block to come can change: how they say so, and whether the asker has one already. */
export const IMMUTABLE = 'public, max-age=31536000, immutable';

/** If-None-Match (RFC 9110): the weak comparison, for nothing here is served in parts. */
export function isKnown(request: Request, etag: string): boolean {
  const known = request.headers.get('if-none-match')?.split(',') ?? [];
  return known.some((one) => ['*', etag, `W/${etag}`].includes(one.trim()));
}
