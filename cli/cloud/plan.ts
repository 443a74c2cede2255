/**
 * What `deploy` is asked to put up: flags, checked before anything is installed, asked or started.
 * Owns the way they reach the CDK's app.
 */
import type { Command } from 'commander';
import { parseStackLine, type StackLine } from '../../functions/stack-line.ts';
import type { ChainParams } from '../../lib/params/index.ts';
import { stacknetBase } from '../../lib/params/index.ts';
import { type Context, textOption } from '../command.ts';
import { usage } from '../errors.ts';
import { hashOfAddress } from '../host/network.ts';
import { wholeNumber } from '../numbers.ts';
import { deployedNetwork, networkContext } from './deployed-network.ts';

const NODES_MAX = 50;
const MINERS_MAX = 20;
const MINER_KINDS = ['fargate', 'fargate-spot', 'lambda', 'off'];

export interface Plan {
  readonly nodes: number;
  readonly miner: string;
  /** Miners a node. */
  readonly miners: number;
  /** Who they pay. */
  readonly address: string | undefined;
  /** `regtest`, or the network file's path. */
  readonly network: string;
  /** Undefined: founded at the first synth. */
  readonly params: ChainParams | undefined;
}

export function addPlanFlags(command: Command): void {
  command
    .option('--nodes <N>', 'how many (default: 3)')
    .option('--num-nodes <N>', 'the same')
    .option('--local', 'on an emulator, until Ctrl-C')
    .option('--miner <kind>', `${MINER_KINDS.join(', ')} (default: fargate)`)
    .option('--miners <N>', 'miners a node (default: 1)')
    .option(
      '--address <A>',
      'whom they pay (default: nobody; Fargate with --local: each its node)',
    );
}

export function readPlan({ settings }: Context, options: Readonly<Record<string, unknown>>): Plan {
  const count = (text: string | undefined, flag: string, preset: string, max: number): number =>
    wholeNumber(text ?? preset, { flag, min: 1, max });
  const nodes = textOption(options, 'nodes') ?? textOption(options, 'numNodes');
  const miner = textOption(options, 'miner') ?? 'fargate';
  if (!MINER_KINDS.includes(miner)) {
    throw usage(`Error: --miner is one of ${MINER_KINDS.join(', ')}.`);
  }
  const address = textOption(options, 'address');
  const params = deployedNetwork(settings.network);
  if (address !== undefined && hashOfAddress(address, params ?? stacknetBase) === undefined) {
    throw usage('Error: Address is not valid');
  }
  return {
    nodes: count(nodes, '--nodes', '3', NODES_MAX),
    miner,
    miners: count(textOption(options, 'miners'), '--miners', '1', MINERS_MAX),
    address,
    network: networkContext(settings.network),
    params,
  };
}

/** Words of `-c`, each `name=value`. */
export const contextOf = (plan: Plan): string[] => [
  `miner=${plan.miner}`,
  `miners=${plan.miners}`,
  ...(plan.address === undefined ? [] : [`address=${plan.address}`]),
];

/** The nodes of other accounts that the network file names; exit 2 where a line is none. */
export const foreignPeersOf = ({ network, params }: Plan): StackLine[] =>
  (params?.peers ?? []).flatMap((text) => {
    if (params === undefined || !text.trimStart().startsWith('{')) return [];
    const parsed = parseStackLine(text, params);
    if (parsed.ok) return [parsed.line];
    throw usage(`Error: a peer's line in ${network} is refused: ${parsed.detail}.`);
  });
