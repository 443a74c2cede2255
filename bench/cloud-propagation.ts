/**
 * From a block found in one stack to the others' miners working on it, in an emulated cloud: real
 * stacks, real functions and queues, each stack's miner in a process of its own (bench/cloud/probe.ts;
 * without its search, so that two cores can hold eight). The figures are the emulator's, not AWS's.
 *
 *   npx node bench/cloud-propagation.ts [--stacks 3,8] [--blocks 30] [--watched 10] [--json]
 *
 * Needs Python 3.10 with venv, or AWS_ENDPOINT_URL. About four minutes on two cores.
 */
import { parseArgs } from 'node:util';
import type { CloudNode, LocalCloud } from '../cli/cloud/local-cloud.ts';
import { easyNetwork } from '../test/helpers/chain-builder.ts';
import { type Handled, handledBy } from './cloud/handled.ts';
import { note, sleep, withCloud } from './cloud/open.ts';
import { type Passage, type Probe, passBlock, startProbe } from './cloud/probes.ts';
import { loadText, median, printTable, quantile, type Row, round, worst } from './figures.ts';

const { values } = parseArgs({
  options: {
    stacks: { type: 'string', default: '3,8' },
    blocks: { type: 'string', default: '30' },
    watched: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});
const AIM_MS = 750;
const SPACING_MS = 15_000;
/** So that a handler has ended, and the miners' looks are anywhere in their half second. */
const REST_MS = 900;
const REST_MORE_MS = 500;

async function pass(
  probes: readonly Probe[],
  blocks: number,
  watched: boolean,
): Promise<Passage[]> {
  const passages: Passage[] = [];
  for (let i = 0; i < blocks; i++) {
    await sleep(REST_MS + REST_MORE_MS * Math.random());
    passages.push(await passBlock(probes, i % probes.length, watched));
    if (i % 10 === 9) note(`${i + 1} of ${blocks} blocks`);
  }
  return passages;
}

/** Share of blocks that come too late, if n equal miners find one each `spacingMs` in all. */
const staleRate = (meanMs: number, stacks: number, spacingMs: number): number =>
  1 - Math.exp(-(((stacks - 1) / stacks) * meanMs) / spacingMs);

function delayRow(stacks: number, passages: readonly Passage[]): Row {
  const each = passages.flatMap(({ find, workAt }) => workAt.map((at) => at - find.foundAt));
  const all = passages.map(({ find, workAt }) => worst(workAt) - find.foundAt);
  const mean = each.reduce((sum, ms) => sum + ms, 0) / each.length;
  return {
    stacks,
    blocks: passages.length,
    'a miner, median ms': round(median(each)),
    'all miners, median ms': round(median(all)),
    'p90 ms': round(quantile(all, 0.9)),
    'worst ms': round(worst(all)),
    [`median of ${AIM_MS}`]: round(median(all) / AIM_MS, 2),
    [`stale at ${SPACING_MS / 1000} s, computed`]: `${round(100 * staleRate(mean, stacks, SPACING_MS), 2)} %`,
  };
}

/** Where the time goes: medians, of the slowest peer of each block. */
function partRows(passages: readonly Passage[], handled: readonly Handled[]): Row[] {
  const times = passages.map(({ find, workAt, tipAt }) => {
    const started = handled
      .filter(({ from, to }) => from > find.foundAt && to < find.foundAt + 10_000)
      .filter(({ from }) => from < worst(tipAt))
      .map(({ from }) => from);
    const { foundAt, tipAt: ownTip, toldAt, sentAt } = find;
    return [foundAt, ownTip, toldAt, sentAt, worst(started), worst(tipAt), worst(workAt)];
  });
  const names = [
    'found, to tip in its own table',
    'to the first send begun',
    'to the last send answered',
    'to the last inbox function started',
    'to tip in the last table',
    'to work of the last miner',
  ];
  return names.map((name, i) => ({
    part: name,
    'median ms': round(median(times.map((row) => (row[i + 1] ?? 0) - (row[i] ?? 0)))),
  }));
}

async function measure(cloud: LocalCloud, nodes: readonly CloudNode[]): Promise<Row[][]> {
  const probes: Probe[] = [];
  try {
    for (const node of nodes) probes.push(await startProbe(cloud, node));
    note(`warming up ${nodes.length} stacks`);
    // Each stack finds one: from then on every inbox function is warm.
    await pass(probes, nodes.length, false);
    const passages = await pass(probes, Number(values.blocks), false);
    const watched = await pass(probes, Number(values.watched), true);
    await sleep(REST_MS);
    const handled = await handledBy(cloud, nodes);
    return [[delayRow(nodes.length, passages)], partRows(watched, handled)];
  } finally {
    await Promise.all(probes.map((probe) => probe.stop()));
  }
}

const counts = String(values.stacks).split(',').map(Number);
const params = easyNetwork({ time: Math.floor(Date.now() / 1000) - 50_000 });
const delays: Row[] = [];
const parts: Record<string, Row[]> = {};
for (const nodes of counts) {
  // A cloud of its own each: a stack that joins a chain would first have to catch up.
  await withCloud({ nodes, params }, async (cloud) => {
    const [delay = [], part = []] = await measure(cloud, cloud.nodes);
    delays.push(...delay);
    parts[nodes] = part;
  });
}
if (values.json) {
  const line = { bench: 'cloud-propagation', emulator: true, load: loadText(), delays, parts };
  console.log(JSON.stringify(line));
} else {
  console.log(`emulator's figures, ${loadText()}`);
  printTable(delays);
  for (const [count, rows] of Object.entries(parts)) {
    console.log(`\nwhere it goes, ${count} stacks, with tables looked at each 10 ms`);
    printTable(rows);
  }
}
