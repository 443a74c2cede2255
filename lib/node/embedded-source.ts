/**
 * The miner's WorkSource on a node in the same process: no wire, no token. Owns the waiting for other
 * work; the node's events are hints, the template's id is the truth, for others may write the store.
 */
import { Fault } from '../faults.ts';
import type { Template, WorkSource } from '../mining/types.ts';
import type { Node } from './types.ts';

/**
 * How often a tip that others moved is looked for: one small read, that may show what was a moment ago
 * at half the price, for what is done then is read anew. Work on an old tip is lost, better fees can
 * wait: the mempool is looked at once in so many times.
 */
const LOOK_MS = 333;
const LOOKS_PER_POOL_LOOK = 3;
/** Longest wait; then the same work is answered, with the time of the moment. */
const LOOKS_MAX = 90;
/** While the chain's times are ahead of our clock there is no work. */
const EARLY_MS = 1_000;

export interface EmbeddedSourceOptions {
  readonly node: Pick<Node, 'template' | 'templateId' | 'acceptBlock' | 'on' | 'chain'>;
  /** Resolves after so many milliseconds or when the signal says so. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export function createEmbeddedSource({ node, sleep }: EmbeddedSourceOptions): WorkSource {
  return {
    async template({ knownId, signal } = {}) {
      const known = knownId === undefined ? undefined : { knownId, ...(signal && { signal }) };
      const other = known && (await waitForOther(node, sleep, known));
      return other ?? readyTemplate(node, sleep, signal);
    },

    async submit(block) {
      const outcome = await node.acceptBlock(block, { asked: true });
      switch (outcome.status) {
        case 'tip':
          return null;
        case 'known':
          return 'duplicate';
        case 'orphan':
          return 'prev-blk-not-found';
        case 'rejected':
          return outcome.reject.reason;
        default:
          return 'inconclusive';
      }
    },
  };
}

/** Waits out a clock that is behind the chain. Throws Fault `transport` when not waited for any more. */
async function readyTemplate(
  node: EmbeddedSourceOptions['node'],
  sleep: EmbeddedSourceOptions['sleep'],
  signal: AbortSignal | undefined,
): Promise<Template> {
  for (;;) {
    const template = await node.template();
    if (template.ok) return template.value;
    const { reason, detail, kind } = template.reject;
    if (kind !== 'early') throw new Fault('transport', `no template: ${detail ?? reason}`);
    await sleep(EARLY_MS, signal);
    if (signal?.aborted === true) throw new Fault('transport', `no template yet: ${reason}`);
  }
}

/** A template's id begins with its tip. */
const seemsMoved = async (
  node: EmbeddedSourceOptions['node'],
  knownId: string,
  look: { readonly pool: boolean; readonly recent: boolean },
): Promise<boolean> => {
  const { pool, recent } = look;
  return pool
    ? (await node.templateId({ recent })) !== knownId
    : !knownId.startsWith((await node.chain.tip({ recent })).entry.hash);
};

/** Other work, or undefined after the longest wait. */
async function waitForOther(
  node: EmbeddedSourceOptions['node'],
  sleep: EmbeddedSourceOptions['sleep'],
  { knownId, signal }: { readonly knownId: string; readonly signal?: AbortSignal },
): Promise<Template | undefined> {
  let wake = new AbortController();
  let wasTold = false;
  const stop = node.on((event) => {
    // A transaction can wait for the next look: a busy mempool would make a template for each.
    if (event.type !== 'tip') return;
    wasTold = true;
    wake.abort();
  });
  const end = (): void => wake.abort();
  const isOver = (): boolean => signal?.aborted === true;
  signal?.addEventListener('abort', end);
  try {
    for (let looks = 0; looks < LOOKS_MAX && !isOver(); looks++) {
      // Renewed before the truth is read, so that no event falls between the two.
      wake = new AbortController();
      const pool = looks % LOOKS_PER_POOL_LOOK === 0;
      // Who was told, or just found a block itself, must see it now.
      const recent = looks > 0 && !wasTold;
      wasTold = false;
      if (await seemsMoved(node, knownId, { pool, recent })) {
        const template = await readyTemplate(node, sleep, signal);
        // The same: it was seen as it had been before the work that is known.
        if (template.id !== knownId) return template;
      }
      if (!isOver()) await sleep(LOOK_MS, wake.signal);
    }
  } finally {
    signal?.removeEventListener('abort', end);
    stop();
  }
  return undefined;
}
