/**
 * Blocks on command: `generate`, generatetoaddress, POST /v1/mine, and a payment where nobody else
 * mines. In place where a block costs next to nothing (regtest), else on threads.
 */

import { availableParallelism } from 'node:os';
import { setImmediate as breathe } from 'node:timers/promises';
import { loadEngine } from '../lib/adapters/engine.ts';
import { work } from '../lib/consensus/pow.ts';
import { assembleBlock, miningJob, workUnit } from '../lib/mining/assemble.ts';
import type { Template } from '../lib/mining/types.ts';
import { createEmbeddedSource } from '../lib/node/embedded-source.ts';
import type { Node } from '../lib/node/types.ts';
import type { Engine } from '../lib/ports/engine.ts';
import { silentTelemetry, type Telemetry } from '../lib/ports/telemetry.ts';
import { refuse } from '../lib/rejects.ts';
import { type BlockHash, type Verdict, valid } from '../lib/types.ts';
import { EXTRA_NONCE_BYTES } from './hash-pool.ts';
import { createLimitedSource } from './limited-source.ts';
import { createMiner } from './miner.ts';
import { pause } from './pause.ts';

/** What of a node is needed. */
export type GeneratingNode = Pick<
  Node,
  'template' | 'templateId' | 'acceptBlock' | 'on' | 'chain' | 'clock' | 'random'
>;

export interface GenerateOptions {
  readonly node: GeneratingNode;
  readonly count: number;
  /** scriptPubKey of the rewards: P2PKH. */
  readonly payTo: Uint8Array;
  /** Default: as many as the machine runs at once. 0: in place, whatever it costs. */
  readonly threads?: number;
  readonly telemetry?: Telemetry;
  /** Ends it early: what was mined until then stays, and the verdict is a reject. */
  readonly signal?: AbortSignal;
  readonly onBlock?: (hash: BlockHash, done: number) => void;
}

/** Fewer expected hashes than this are searched in place: some forty milliseconds. */
const IN_PLACE_HASHES = 65_536n;
const CHUNK = 65_536;
const NONCES = 2 ** 32;
/** Others may move the tip while a block is made: rarely twice. */
const TRIES_MAX = 100;

/**
 * Mines `count` blocks on the node's best chain and answers their hashes, oldest first. Rejects: what
 * the node's template rejects with (`clock`), what it says against a block, `rejected` when ended.
 */
export async function generateBlocks(
  options: GenerateOptions,
): Promise<Verdict<readonly BlockHash[]>> {
  const { node, count, threads = availableParallelism() } = options;
  if (count < 1) return valid([]);
  const first = await node.template();
  if (!first.ok) return first;
  const hashes = work(first.value.bits);
  return threads === 0 || hashes <= IN_PLACE_HASHES
    ? generateInPlace(options)
    : generateOnThreads(options, threads);
}

async function generateInPlace(options: GenerateOptions): Promise<Verdict<readonly BlockHash[]>> {
  const { node, count, payTo, signal, onBlock } = options;
  const engine = await loadEngine();
  const hashes: BlockHash[] = [];
  for (let tries = 0; hashes.length < count; tries++) {
    // A store in memory never waits: without this no timer and no signal would be heard.
    await breathe();
    if (signal?.aborted === true || tries >= TRIES_MAX) return ended(hashes, count);
    const template = await node.template();
    if (!template.ok) return template;
    const seed = node.random.bytes(EXTRA_NONCE_BYTES);
    const block = await searchInPlace(engine, template.value, { payTo, seed, signal });
    if (block === undefined) return ended(hashes, count);
    const outcome = await node.acceptBlock(block, { asked: true });
    if (outcome.status === 'rejected') return { ok: false, reject: outcome.reject };
    if (outcome.status !== 'tip') continue;
    hashes.push(outcome.hash);
    tries = -1;
    onBlock?.(outcome.hash, hashes.length);
  }
  return valid(hashes);
}

/** The block that was found; undefined when ended. Lets others run between the chunks. */
async function searchInPlace(
  engine: Engine,
  template: Template,
  of: {
    readonly payTo: Uint8Array;
    readonly seed: Uint8Array;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Uint8Array | undefined> {
  const { payTo, signal } = of;
  const job = miningJob(template, { payTo, extraNonceBytes: EXTRA_NONCE_BYTES });
  const extraNonce = new Uint8Array(of.seed);
  for (;;) {
    const { header, target } = workUnit(job, extraNonce);
    for (let start = 0; start < NONCES; start += CHUNK) {
      const nonce = engine.search(header, target, start, CHUNK);
      if (nonce >= 0) return assembleBlock(template, { payTo, extraNonce, nonce }).raw;
      await breathe();
      if (signal?.aborted === true) return undefined;
    }
    extraNonce[0] = (extraNonce[0] as number) + 1;
  }
}

function generateOnThreads(
  options: GenerateOptions,
  threads: number,
): Promise<Verdict<readonly BlockHash[]>> {
  const { node, count, payTo, signal, onBlock, telemetry = silentTelemetry } = options;
  const { clock, random } = node;
  const hashes: BlockHash[] = [];
  return new Promise((resolve, reject) => {
    const finish = (verdict: Verdict<readonly BlockHash[]>): void => {
      signal?.removeEventListener('abort', abort);
      miner.stop().then(() => resolve(verdict), reject);
    };
    const abort = (): void => finish(ended(hashes, count));
    const miner = createMiner({
      source: createLimitedSource(createEmbeddedSource({ node, sleep: pause }), count),
      payTo,
      threads,
      clock,
      random,
      telemetry,
      onFound: ({ hash }) => {
        hashes.push(hash);
        onBlock?.(hash, hashes.length);
        if (hashes.length === count) finish(valid(hashes));
      },
      onLost: (_, reason, isWrong) => {
        if (isWrong) finish(refuse('rejected', reason));
      },
    });
    signal?.addEventListener('abort', abort);
    if (signal?.aborted === true) abort();
    else miner.start();
  });
}

const ended = (hashes: readonly BlockHash[], count: number): Verdict<never> =>
  refuse('rejected', `ended after ${hashes.length} of ${count} blocks`);
