/**
 * `Idempotency-Key`: the same key and body get the first answer again, so that a client whose
 * connection broke may ask once more without paying twice. Owns the rows `I` of the store.
 *
 * A row is put before the work begins. If the process dies in between, the row stays without an
 * answer and the key is refused until it expires: not to pay at all beats paying twice.
 */

import { toHex } from '../codec/index.ts';
import { sha256 } from '../crypto/hash.ts';
import type { Node } from '../node/types.ts';
import { nowSeconds } from '../ports/clock.ts';
import type { RowKey } from '../ports/store.ts';
import { invalidRequest, Problem } from './problem.ts';

/** A day: longer than any client tries again. */
export const IDEMPOTENCY_SECONDS = 24 * 3600;
const KEY_FORM = /^[\x21-\x7e]{1,255}$/;

/** What is kept of an answer. Rows that take the header answer small JSON. */
export interface KeptAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

interface Kept {
  readonly bodyHash: string;
  readonly answer?: KeptAnswer;
}

const encoder = new TextEncoder();
const hashText = (bytes: Uint8Array): string => toHex(sha256(bytes));
const encode = (kept: Kept): Uint8Array => encoder.encode(JSON.stringify(kept));
const decode = (value: Uint8Array): Kept => JSON.parse(new TextDecoder().decode(value)) as Kept;

/** Runs `work` once per (call, key); answers again what it answered first. */
export async function once(
  node: Pick<Node, 'store' | 'clock' | 'random'>,
  request: { readonly call: string; readonly key: string; readonly body: Uint8Array },
  work: () => Promise<KeptAnswer>,
): Promise<KeptAnswer & { readonly replayed: boolean }> {
  if (!KEY_FORM.test(request.key)) {
    throw invalidRequest('Idempotency-Key must be 1 to 255 printable characters');
  }
  const row: RowKey = { pk: 'I', sk: hashText(encoder.encode(`${request.call}\n${request.key}`)) };
  const bodyHash = hashText(request.body);
  const nonce = toHex(node.random.bytes(8));
  const expiresAt = nowSeconds(node.clock) + IDEMPOTENCY_SECONDS;
  const first = await begin(node, { row, bodyHash, nonce, expiresAt });
  if (first !== undefined) return { ...first, replayed: true };
  const answer = await work();
  await node.store.transact([
    { op: 'put', ...row, value: encode({ bodyHash, answer }), nonce, expiresAt, if: { nonce } },
  ]);
  return { ...answer, replayed: false };
}

interface Begin {
  readonly row: RowKey;
  readonly bodyHash: string;
  readonly nonce: string;
  readonly expiresAt: number;
}

/** Takes the key, or answers what it was answered before. Throws Problem `conflict`. */
async function begin(
  node: Pick<Node, 'store' | 'clock'>,
  { row, bodyHash, nonce, expiresAt }: Begin,
): Promise<KeptAnswer | undefined> {
  const value = encode({ bodyHash });
  const put = { op: 'put', ...row, value, nonce, expiresAt } as const;
  for (let attempt = 0; attempt < 3; attempt++) {
    const taken = await node.store.transact([{ ...put, if: { row: 'absent' } }]);
    if (taken.ok) return undefined;
    const [found] = await node.store.read([row]);
    if (found === undefined) continue;
    if ((found.expiresAt ?? 0) > nowSeconds(node.clock))
      return answerOf(decode(found.value), bodyHash);
    // Expired, and not yet swept.
    const condition =
      found.nonce === undefined ? { row: 'present' as const } : { nonce: found.nonce };
    const replaced = await node.store.transact([{ ...put, if: condition }]);
    if (replaced.ok) return undefined;
  }
  throw new Problem('conflict', 'another request with this Idempotency-Key is under way');
}

function answerOf(kept: Kept, bodyHash: string): KeptAnswer {
  if (kept.bodyHash !== bodyHash) {
    throw new Problem('conflict', 'this Idempotency-Key was used with another body');
  }
  if (kept.answer === undefined) {
    throw new Problem(
      'conflict',
      'a request with this Idempotency-Key was begun; its result is not known (yet)',
    );
  }
  return kept.answer;
}
