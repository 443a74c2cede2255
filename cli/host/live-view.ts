/**
 * What `network` and `up` show on stderr while they run: on a terminal one table that is drawn anew, else a
 * line a block. Owns nothing of the nodes.
 */
import { createLogUpdate } from 'log-update';
import type { NodeStatus } from '../../lib/node/types.ts';
import { type Io, isInteractive } from '../io.ts';
import { rateText, table } from '../table.ts';
import type { RunningNode } from './running-node.ts';
import { sleep } from './sleep.ts';

const DRAW_MS = 500;
const HASH_SHOWN = 12;

export interface View {
  /** A line that stays: above the table, or just the next. */
  line(text: string): void;
  /** `Warning: …`, also where the view is quiet. */
  warn(text: string): void;
  /** Draws until the signal says so. */
  run(nodes: readonly RunningNode[], signal: AbortSignal): Promise<void>;
}

export function createView(io: Io, options: { readonly quiet: boolean }): View {
  if (!isInteractive(io) || options.quiet) return createPlainView(io, options);
  const update = createLogUpdate(io.stderr as NodeJS.WriteStream, { showCursor: true });
  const line = (text: string): void => {
    update.clear();
    io.stderr.write(`${text}\n`);
  };
  return {
    line,
    warn: (text) => line(`Warning: ${text}`),
    async run(nodes, signal) {
      while (!signal.aborted) {
        const states = await statesOf(nodes);
        if (!signal.aborted) update(`\n${tableOf(states).join('\n')}\n\nq or Ctrl-C ends it.`);
        await sleep(DRAW_MS, signal);
      }
      update.done();
    },
  };
}

function createPlainView(io: Io, { quiet }: { readonly quiet: boolean }): View {
  const line = (text: string): void => {
    if (!quiet) io.stderr.write(`${text}\n`);
  };
  return {
    line,
    warn: (text) => {
      io.stderr.write(`Warning: ${text}\n`);
    },
    async run(nodes, signal) {
      const heights = new Map<string, string>();
      while (!signal.aborted) {
        for (const state of await statesOf(nodes)) {
          const { name, status } = state;
          if (heights.get(name) !== status.tip) line(stateLine(state));
          heights.set(name, status.tip);
        }
        await sleep(DRAW_MS, signal);
      }
    },
  };
}

interface State {
  readonly name: string;
  readonly status: NodeStatus;
  readonly mining: string;
}

/** A node that is just closing has no state any more. */
async function statesOf(nodes: readonly RunningNode[]): Promise<State[]> {
  const states = await Promise.all(
    nodes.map(async (node) => {
      const status = await node.node.status().catch(() => undefined);
      if (status === undefined) return undefined;
      const { active, hashRate } = node.mining();
      return { name: node.name, status, mining: active ? rateText(hashRate) : 'off' };
    }),
  );
  return states.filter((state) => state !== undefined);
}

const stateLine = ({ name, status, mining }: State): string =>
  `${name} height ${status.height} tip ${status.tip.slice(0, HASH_SHOWN)} ` +
  `mempool ${status.mempool.count} peers ${status.peers} mining ${mining}`;

const HEAD = ['node', 'height', 'tip', 'last block', 'mining', 'mempool', 'peers'];

function tableOf(states: readonly State[]): string[] {
  const now = Date.now() / 1000;
  return table([
    HEAD,
    ...states.map(({ name, status, mining }) => [
      name,
      status.syncing ? `${status.height} of ${status.headers}` : String(status.height),
      // A hash begins with as many zeros as there was work: its end tells blocks apart.
      `…${status.tip.slice(-HASH_SHOWN)}`,
      `${Math.max(0, Math.round(now - status.tipTime))} s ago`,
      mining,
      `${status.mempool.count} tx`,
      String(status.peers),
    ]),
  ]);
}
