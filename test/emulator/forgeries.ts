/** A thousand messages that nobody honest sends, as bodies of an inbox. */
import { sha256 } from '@noble/hashes/sha2.js';
import { toHex } from '../../lib/codec/index.ts';
import { encodePayload } from '../../lib/gossip/messages.ts';
import type { BlockHash, Txid } from '../../lib/types.ts';
import type { Story } from '../helpers/chain-builder.ts';

const COIN = 100_000_000;
const digest = (text: string): string => toHex(sha256(new TextEncoder().encode(text)));

/** Forged under the name of the story's own neighbour `node1`, of strangers, and of nobody. */
export function forgeries(story: Story): string[] {
  const network = story.params.genesisHash;
  const body = (type: string, payload: unknown, from = 'node1', more: object = {}): string =>
    JSON.stringify({ v: 1, network, from, type, payload, ...more });
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const { raw } = story.tip.block;
  const torn = Uint8Array.from(raw);
  torn[torn.length - 1] = (torn.at(-1) as number) ^ 1;
  const workless = story.build({ unmined: true });
  const stolen = story.spend({
    inputs: [{ coin: `${story.tip.name}:0`, key: 'mallory' }],
    outputs: [{ to: 'mallory', sats: COIN }],
  });
  const hashes = (kind: 'block' | 'tx', i: number) =>
    Array.from({ length: 1000 }, (_, at) => ({
      kind,
      hash: digest(`${kind} ${i} ${at}`) as BlockHash & Txid,
    }));
  const kinds: readonly [count: number, make: (i: number) => string][] = [
    [60, (i) => `no JSON ${i}`],
    [60, (i) => ['null', '[]', '{}', '7', '"text"'][i % 5] as string],
    [60, (i) => body('block', base64(raw), 'node1', { network: digest(`network ${i}`) })],
    [60, (i) => body('block', base64(raw), 'node1', { v: 2 + i })],
    [150, (i) => body('block', base64(workless.raw), `stranger-${i}`)],
    [60, (i) => body('tx', base64(stolen.raw), `stranger-${i}`)],
    [40, () => body('block', base64(raw), 'x'.repeat(500))],
    [80, () => body('block', base64(raw))],
    [60, () => body('tx', base64(stolen.raw))],
    [60, () => body('block', base64(torn))],
    [60, () => body('block', base64(workless.raw))],
    [40, (i) => body('inv', `rubbish ${i}`)],
    [40, (i) => body('inv', encodePayload({ type: 'inv', items: hashes('block', i) }))],
    [40, () => body('version', { name: 5 })],
    [40, (i) => body('headers', base64(raw.subarray(0, i)))],
    [20, () => body('tx', base64(raw))],
    [20, () => body('gift', 'rubbish')],
    [50, () => body('block', 'A'.repeat(200_000))],
  ];
  const made = kinds.flatMap(([count, make]) => Array.from({ length: count }, (_, i) => make(i)));
  // One order, in which all kinds come all the time.
  const order = new Map(made.map((text, i) => [i, digest(`order ${i} ${text.length}`)]));
  return made
    .map((text, i) => ({ text, at: order.get(i) as string }))
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .map(({ text }) => text);
}

/** Whether the inbox's filter lets it through to the function. */
export function isForUs(body: string, network: string): boolean {
  try {
    const value = JSON.parse(body) as { v?: unknown; network?: unknown } | null;
    return value?.v === 1 && value.network === network;
  } catch {
    return false;
  }
}

/** Messages that inboxes handled and failed, by the one line of each call. */
export function inboxLines(logs: string): { readonly records: number; readonly failed: number } {
  let records = 0;
  let failed = 0;
  for (const line of logs.split('\n')) {
    if (!line.includes('"event":"inbox"')) continue;
    const call = JSON.parse(line) as { records: number; failed: number };
    records += call.records;
    failed += call.failed;
  }
  return { records, failed };
}
