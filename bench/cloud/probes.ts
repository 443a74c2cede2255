/** The probes of a cloud: started, told to find and watched. Owns their processes. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type CloudNode, type LocalCloud, minerEnvironment } from '../../cli/cloud/local-cloud.ts';
import type { BlockHash } from '../../lib/types.ts';
import type { Find, Order, Report } from './messages.ts';
import { endChild } from './open.ts';

const PROBE = fileURLToPath(new URL('probe.ts', import.meta.url));
const WAIT_MS_MAX = 60_000;

export interface Probe {
  readonly name: string;
  tell(order: Order): void;
  /** When its miner had work on this block. */
  workOn(hash: BlockHash): Promise<number>;
  /** Resolves with the next report, sent from now on, that fits. */
  await<K extends Report['kind']>(
    kind: K,
    fits?: (report: Extract<Report, { kind: K }>) => boolean,
  ): Promise<Extract<Report, { kind: K }>>;
  stop(): Promise<void>;
}

export async function startProbe(cloud: LocalCloud, node: CloudNode): Promise<Probe> {
  const child = fork(PROBE, [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: {
      ...cloud.env,
      ...(await minerEnvironment(node, cloud.env)),
      STACKCHAIN_FUNCTION: 'miner',
    },
  });
  const works = new Map<BlockHash, number>();
  child.on('message', (report: Report) => {
    if (report.kind === 'work') works.set(report.prevHash, report.at);
  });
  const probe: Probe = {
    name: node.name,
    async workOn(hash) {
      const known = works.get(hash);
      if (known !== undefined) return known;
      return (await probe.await('work', ({ prevHash }) => prevHash === hash)).at;
    },
    tell: (order) => child.send(order),
    await: (kind, fits) => nextReport(node.name, child, kind, fits),
    stop: () => endChild(child),
  };
  await probe.await('ready');
  return probe;
}

function nextReport<K extends Report['kind']>(
  name: string,
  child: ChildProcess,
  kind: K,
  fits: (report: Extract<Report, { kind: K }>) => boolean = () => true,
): Promise<Extract<Report, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      child.off('message', hear);
      child.off('exit', died);
    };
    const fail = (reason: string): void => {
      end();
      reject(new Error(`${name}: ${reason}`));
    };
    const died = (): void => fail('its probe ended');
    const timer = setTimeout(() => fail(`no ${kind} in ${WAIT_MS_MAX} ms`), WAIT_MS_MAX);
    const hear = (report: Report): void => {
      if (report.kind === 'failed') fail(report.reason);
      else if (report.kind === kind && fits(report as never)) {
        end();
        resolve(report as never);
      }
    };
    child.on('message', hear);
    child.once('exit', died);
  });
}

export interface Passage {
  readonly find: Find;
  /** When each other stack's miner had work on the block. */
  readonly workAt: readonly number[];
  /** When the block was each other stack's tip, if that was watched. */
  readonly tipAt: readonly number[];
}

/** One stack finds a block; resolves when all others' miners work on it. */
export async function passBlock(
  probes: readonly Probe[],
  finder: number,
  watched: boolean,
): Promise<Passage> {
  const others = probes.filter((_, i) => i !== finder);
  const found = probes[finder] as Probe;
  if (watched) {
    const watching = others.map((probe) => probe.await('watching'));
    for (const probe of others) probe.tell({ kind: 'watch' });
    await Promise.all(watching);
  }
  const tips = Promise.all(watched ? others.map((probe) => probe.await('tip')) : []);
  const finding = found.await('found');
  found.tell({ kind: 'find' });
  const [find, reached] = await Promise.all([finding, tips]);
  // The finder's too: the next block is to stand on this one whoever finds it.
  const workAt = await Promise.all([...others, found].map((probe) => probe.workOn(find.hash)));
  return { find, workAt: workAt.slice(0, -1), tipAt: reached.map(({ at }) => at) };
}
