/**
 * A stack's miner without its search: the same host, node and WorkSource as miner/embedded.ts, on the
 * stack's own table and queues. It says when it has work on which block, and finds one when told to
 * (the network's target is met by every other hash). So many miners fit on two cores.
 */
import { getHost } from '../../functions/host.ts';
import { assembleBlock } from '../../lib/mining/assemble.ts';
import { EXTRA_NONCE_BYTES } from '../../lib/mining/coinbase.ts';
import type { Template } from '../../lib/mining/types.ts';
import { createEmbeddedSource } from '../../lib/node/embedded-source.ts';
import { opReturnScript } from '../../lib/script/op-return.ts';
import type { Block } from '../../lib/types.ts';
import { pause } from '../../miner/pause.ts';
import { nowMs, type Order, type Report } from './messages.ts';

const NOBODY = opReturnScript(new TextEncoder().encode('bench'));
const WATCH_MS = 10;
const WATCH_MS_MAX = 20_000;

const say = (report: Report): void => {
  process.send?.(report);
};

const { node, sqs, random } = await getHost();
const source = createEmbeddedSource({ node, sleep: pause });
let template: Template = await source.template();
const sends = { first: Number.NaN, last: Number.NaN };
sqs.middlewareStack.add(
  (next) => async (args) => {
    if (Number.isNaN(sends.first)) sends.first = nowMs();
    const answer = await next(args);
    sends.last = nowMs();
    return answer;
  },
  { step: 'initialize', name: 'watch' },
);

async function follow(): Promise<never> {
  for (;;) {
    const next = await source.template({ knownId: template.id });
    if (next.prevHash !== template.prevHash) {
      say({ kind: 'work', prevHash: next.prevHash, at: nowMs() });
    }
    template = next;
  }
}

function search(): Block {
  const extraNonce = random.bytes(EXTRA_NONCE_BYTES);
  for (let nonce = 0; ; nonce++) {
    const block = assembleBlock(template, { payTo: NOBODY, extraNonce, nonce });
    if (BigInt(`0x${block.header.hash}`) <= template.target) return block;
  }
}

async function find(): Promise<void> {
  const { raw, header } = search();
  sends.first = Number.NaN;
  let tipAt = Number.NaN;
  const stop = node.on(({ type }) => {
    if (type === 'tip') tipAt = nowMs();
  });
  const foundAt = nowMs();
  const reason = await source.submit(raw);
  stop();
  if (reason !== null) return say({ kind: 'failed', reason });
  const { hash } = header;
  say({ kind: 'found', hash, foundAt, tipAt, toldAt: sends.first, sentAt: sends.last });
}

async function watch(): Promise<void> {
  const before = (await node.chain.tip()).entry.hash;
  say({ kind: 'watching' });
  for (let waited = 0; waited < WATCH_MS_MAX; waited += WATCH_MS) {
    const { hash } = (await node.chain.tip()).entry;
    if (hash !== before) return say({ kind: 'tip', hash, at: nowMs() });
    await pause(WATCH_MS);
  }
}

const obey = (order: Order): Promise<void> | void => {
  if (order.kind === 'find') return find();
  if (order.kind === 'watch') return watch();
  process.exit(0);
};
process.on('message', (order: Order) => {
  Promise.resolve(obey(order)).catch((error: unknown) => {
    say({ kind: 'failed', reason: String(error) });
  });
});
process.on('disconnect', () => process.exit(0));
say({ kind: 'ready' });
await follow();
