/** The examples of docs/storage.md are what the code reads and writes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../lib/codec/hex.ts';
import type { BlockEntry } from '../../../lib/consensus/types.ts';
import type { RowKey } from '../../../lib/ports/store.ts';
import { logKey } from '../../../lib/ports/store.ts';
import { scriptHash } from '../../../lib/script/p2pkh.ts';
import * as layout from '../../../lib/store/layout.ts';
import { toOutpointKey } from '../../../lib/types.ts';

interface Example {
  readonly name: string;
  readonly pk: string;
  readonly sk: string;
  readonly value: Uint8Array;
  readonly means: unknown;
}

function readExamples(): Map<string, Example> {
  const page = readFileSync(new URL('../../../docs/storage.md', import.meta.url), 'utf8');
  const examples = [...page.matchAll(/```row (\w+)\n([\s\S]*?)```/g)].map(([, name, text]) => {
    const parts = /^pk {4}(\S+)\nsk {4}(\S+)\nvalue ([\s0-9a-f]+)\nmeans (.*)\n$/.exec(text!);
    if (parts === null) throw new Error(`the example ${name} is not in form`);
    const value = fromHex(parts[3]!.replace(/\s/g, ''))!;
    return { name: name!, pk: parts[1]!, sk: parts[2]!, value, means: JSON.parse(parts[4]!) };
  });
  return new Map(examples.map((example) => [example.name, example]));
}

const examples = readExamples();
const get = (name: string): Example => {
  const found = examples.get(name);
  if (found === undefined) throw new Error(`docs/storage.md has no example ${name}`);
  return found;
};

const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, part) =>
      typeof part === 'bigint' ? part.toString() : part instanceof Uint8Array ? toHex(part) : part,
    ),
  );
const ofEntry = ({ hash, height, chainwork, times, windowStartTime }: BlockEntry) => ({
  hash,
  height,
  chainwork: chainwork.toString(16),
  times,
  windowStartTime,
});
const ofBlock = (value: Uint8Array) => {
  const { entry, bodyBytes, txCount, bodyHead } = layout.decodeBlockRow(value);
  return { entry: ofEntry(entry), bodyBytes, txCount, bodyHead: bodyHead.length };
};

const coin = () => layout.decodeCoin(get('coin').value);
const coinScript = () => scriptHash(coin().scriptPubKey);
const block = () => layout.decodeBlockRow(get('block').value);
const history = () => layout.decodeHistory(get('history').value);

/** What each value means, the bytes written again, and the key that the code makes. */
const RECORDS: Record<string, (example: Example) => [unknown, Uint8Array, RowKey]> = {
  head: ({ value }) => {
    const entry = layout.decodeHead(value);
    return [ofEntry(entry), layout.encodeHead(entry), { pk: 'head', sk: '-' }];
  },
  log: ({ value }) => {
    const move = layout.decodeLog(value);
    return [move, layout.encodeLog(move), logKey(2)];
  },
  height: ({ value }) => {
    const row = layout.decodeHeightRow(value);
    return [row, layout.encodeHeightRow(row), layout.heightKey(1)];
  },
  coin: ({ value, sk }) => {
    const { txid, vout } = layout.parseCoinKey(sk);
    const key = layout.coinKey(coinScript(), toOutpointKey(txid, vout));
    return [coin(), layout.encodeCoin(layout.decodeCoin(value)), key];
  },
  history: () => {
    const key = { pk: layout.addressPartition(coinScript()), sk: layout.HISTORY_FIRST };
    return [history(), layout.encodeHistory(history()), key];
  },
  later: ({ value }) => {
    const row = layout.decodeHistory(value);
    const sk = layout.historySortKey(row.height, row.position);
    return [row, layout.encodeHistory(row), { pk: layout.addressPartition(coinScript()), sk }];
  },
  outspend: ({ value }) => {
    const row = layout.decodeOutspend(value);
    const key = layout.outspendKey(toOutpointKey(history().txid, 0));
    return [row, layout.encodeOutspend(row), key];
  },
  transaction: ({ value }) => {
    const row = layout.decodeTxRow(value);
    return [row, layout.encodeTxRow(row), layout.txKey(history().txid)];
  },
  block: ({ value }) => {
    const { entry, bodyHead, txCount } = block();
    const again = layout.encodeBlockRow(entry, { raw: bodyHead, txCount });
    return [ofBlock(value), again, layout.blockKey(entry.hash)];
  },
  header: ({ value }) => {
    const { entry } = layout.decodeBlockRow(value);
    return [ofBlock(value), layout.encodeHeaderRow(entry), layout.headerKey(entry.hash)];
  },
  undo: ({ value }) => {
    const coins = layout.decodeUndo(value, [coin().scriptPubKey]);
    return [coins, layout.encodeUndo(coins), layout.undoChunkKey(block().entry.hash, 0)];
  },
  off: ({ value, sk }) => {
    const row = layout.decodeOff(sk, value);
    const key = { pk: layout.OFF_BODIES, sk: layout.offSortKey(row.chainwork, row.hash) };
    return [row, layout.encodeOff(row), key];
  },
  verdict: ({ value }) => {
    const reason = layout.decodeText(value);
    return [reason, layout.encodeText(reason), { pk: layout.INVALID, sk: block().entry.hash }];
  },
  orphan: ({ value }) => {
    const row = layout.decodeOrphan(value);
    return [row, layout.encodeOrphan(row), { pk: layout.ORPHANS, sk: block().entry.hash }];
  },
  pending: ({ value }) => {
    const row = layout.decodePending(value);
    return [row, layout.encodePending(row), layout.PENDING_KEY];
  },
};

describe('docs/storage.md', () => {
  it('has an example of every record and no other', () => {
    expect([...examples.keys()].sort()).toEqual(Object.keys(RECORDS).sort());
  });

  it.each(Object.keys(RECORDS))('%s: the value, what it means, its key', (name) => {
    const example = get(name);
    const [means, again, key] = RECORDS[name]!(example);
    expect(plain(means)).toEqual(example.means);
    expect(toHex(again)).toBe(toHex(example.value));
    expect(key).toEqual({ pk: example.pk, sk: example.sk });
  });

  it('every encoder and decoder of the layout has its record', () => {
    const names = Object.keys(layout).filter((name) => /^(encode|decode)/.test(name));
    const shown = ['Head', 'Log', 'HeightRow', 'Coin', 'History', 'Outspend', 'TxRow', 'BlockRow'];
    const others = ['HeaderRow', 'Undo', 'Off', 'Text', 'Orphan', 'Pending'];
    const known = new Set([...shown, ...others]);
    expect(names.filter((name) => !known.has(name.replace(/^(encode|decode)/, '')))).toEqual([]);
  });
});
