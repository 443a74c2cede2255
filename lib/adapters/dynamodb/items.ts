/**
 * The items of the DynamoDB store and what a row shows at a version (docs/storage.md). Owns names
 * and expressions; sends nothing. One table, keys `pk` and `sk`, both strings.
 *
 *   row       d, v     present value and the commit that wrote it; d absent: deleted
 *             p, pv    value before (NULL: none) and its commit (0: never)
 *             x        time to live, only on deleted rows, claims alone and loose rows that expire
 *             c        claim
 *             l, n, e  loose value, nonce, expiry
 *             i        log rows only: the attempt that made the commit
 *   head      ver, h   version and head value; while an intent is open also
 *             in, iid, since, chunks, rows
 *   intent    data, created: a part of the deflated change list; one index row each in ` intents`
 *
 * A name of our own begins with a space, which no caller's key may hold. One key serves either the
 * chain (with claims) or loose rows: what both share is right, but a day after a row left the chain
 * its time to live ends the loose row as well.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { Fault } from '../../faults.ts';
import type { CellState, ChainRow, Condition, LooseRow, RowKey } from '../../ports/store.ts';
import type { Cells } from '../kv/support.ts';

export type Item = Record<string, AttributeValue>;

export const HEAD_KEY: Item = { pk: { S: ' head' }, sk: { S: '-' } };
export const INTENT_INDEX = ' intents';
export const chunkKey = (iid: string, index: number): Item => ({
  pk: { S: ` I#${iid}` },
  sk: { S: String(index).padStart(4, '0') },
});
export const intentIndexKey = (iid: string): Item => ({ pk: { S: INTENT_INDEX }, sk: { S: iid } });
export const itemKey = (key: RowKey): Item => ({ pk: { S: key.pk }, sk: { S: key.sk } });

export const numberOf = (value: AttributeValue | undefined): number | undefined =>
  value?.N === undefined ? undefined : Number(value.N);

export interface OpenIntent {
  readonly iid: string;
  readonly version: number;
  readonly sinceMs: number;
  readonly chunks: number;
  readonly rows: number;
}

export interface Head {
  readonly version: number;
  readonly value: Uint8Array | undefined;
  readonly open: OpenIntent | undefined;
}

export function readHead(item: Item | undefined): Head {
  const next = numberOf(item?.['in']);
  return {
    version: numberOf(item?.['ver']) ?? 0,
    value: plain(item?.['h']?.B),
    open:
      next === undefined
        ? undefined
        : {
            iid: item?.['iid']?.S ?? '',
            version: next,
            sinceMs: numberOf(item?.['since']) ?? 0,
            chunks: numberOf(item?.['chunks']) ?? 0,
            rows: numberOf(item?.['rows']) ?? 0,
          },
  };
}

/** The SDK answers Buffers; callers get plain arrays, which compare alike on every adapter. */
const plain = (bytes: Uint8Array | undefined): Uint8Array | undefined =>
  bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);

/** A row's chain and claim cells as of a version. Throws `snapshot-too-old` if it moved on twice. */
export function cellAt(item: Item | undefined, version: number): CellState {
  const claim = item?.['c']?.S;
  const withClaim = claim === undefined ? {} : { claim };
  const written = numberOf(item?.['v']);
  if (written === undefined) return { version: 0, ...withClaim };
  if (written <= version) return cell(item?.['d']?.B, written, withClaim);
  const before = numberOf(item?.['pv']) ?? 0;
  if (before <= version) return cell(item?.['p']?.B, before, withClaim);
  throw new Fault('snapshot-too-old', `version ${version} cannot be read any more`);
}

function cell(
  value: Uint8Array | undefined,
  version: number,
  claim: { claim?: string },
): CellState {
  const bytes = plain(value);
  return { version, ...(bytes && { value: bytes }), ...claim };
}

export function rowAt(key: RowKey, item: Item | undefined, version: number): ChainRow | undefined {
  const { value, ...rest } = cellAt(item, version);
  return value && { pk: key.pk, sk: key.sk, value, ...rest };
}

export function looseOf(key: RowKey, item: Item | undefined): LooseRow | undefined {
  const value = plain(item?.['l']?.B);
  if (value === undefined) return undefined;
  const nonce = item?.['n']?.S;
  const expiresAt = numberOf(item?.['e']);
  return {
    pk: key.pk,
    sk: key.sk,
    value,
    ...(nonce !== undefined && { nonce }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

/** The cells as a condition sees them: as they stand, whatever head says. */
export function cellsOf(item: Item | undefined): Cells {
  return {
    loose: item?.['l'] && { nonce: item['n']?.S },
    version: item?.['d'] && numberOf(item['v']),
    inChain: item?.['v'] !== undefined,
    claim: item?.['c']?.S,
  };
}

/** Expression of an update or a condition with its values. */
export interface Expression {
  readonly text: string;
  readonly values: Item;
}

/** Empty text: no condition. */
export function conditionText(condition: Condition | undefined): Expression {
  const parts: string[] = [];
  const values: Item = {};
  const { row, nonce, version, neverInChain, claim } = condition ?? {};
  if (row !== undefined)
    parts.push(row === 'absent' ? 'attribute_not_exists(l)' : 'attribute_exists(l)');
  if (nonce !== undefined) {
    parts.push('n = :ifn');
    values[':ifn'] = { S: nonce };
  }
  if (version !== undefined) {
    parts.push('attribute_exists(d) AND v = :ifv');
    values[':ifv'] = { N: String(version) };
  }
  if (neverInChain !== undefined) parts.push('attribute_not_exists(v)');
  if (claim === null) parts.push('attribute_not_exists(c)');
  if (claim !== undefined && claim !== null) {
    parts.push('c = :ifc');
    values[':ifc'] = { S: claim };
  }
  return { text: parts.join(' AND '), values };
}

/** A loose row alone in its item: the item may go with it. */
export const NO_OTHER_CELL = 'attribute_not_exists(v) AND attribute_not_exists(c)';

/** Strictly below: applied twice with `<=`, the second time would overwrite the value before. */
export const STAMP_CONDITION = 'attribute_not_exists(v) OR v < :n';

/** What turns a row into its state at `version`, keeping the state before (step 4). */
export function stampUpdate(
  value: Uint8Array | undefined,
  stamp: { readonly version: number; readonly tombstoneUntil: number },
): Expression {
  const values: Item = {
    ':null': { NULL: true },
    ':zero': { N: '0' },
    ':n': { N: String(stamp.version) },
  };
  const before = 'SET p = if_not_exists(d, :null), pv = if_not_exists(v, :zero), v = :n';
  if (value === undefined) {
    values[':x'] = { N: String(stamp.tombstoneUntil) };
    return { text: `${before}, x = :x REMOVE d`, values };
  }
  values[':d'] = { B: value };
  return { text: `${before}, d = :d REMOVE x`, values };
}
