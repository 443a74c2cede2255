/** `status`: the node, or the chain in the directory while no node runs. */
import type { MiningStatus, NodeStatus } from '../../lib/node/types.ts';
import type { CliCommand } from '../command.ts';
import { withChain } from '../host/connect.ts';
import { rateText, table } from '../table.ts';

type Status = NodeStatus & { readonly mining: MiningStatus };

const timeText = (seconds: number): string => new Date(seconds * 1000).toISOString();

function rows(status: Status, where: string): string[][] {
  const { mining, mempool } = status;
  const behind = status.syncing ? `syncing, headers to ${status.headers}` : 'up to date';
  const miner = mining.active
    ? `${rateText(mining.hashRate)} to ${mining.address ?? 'nobody'}`
    : 'off';
  return [
    ['node', `${status.name} ${status.version} (${where})`],
    ['network', `${status.network}, genesis ${status.genesis}`],
    ['height', `${status.height}, ${behind}`],
    ['tip', `${status.tip} of ${timeText(status.tipTime)}`],
    [
      'difficulty',
      `${status.difficulty} (bits ${status.bits}), work ${BigInt(`0x${status.chainwork}`)}`,
    ],
    ['mempool', `${mempool.count} transactions, ${mempool.bytes} bytes`],
    ['peers', String(status.peers)],
    ['mining', miner],
  ];
}

export const status: CliCommand = {
  examples: ['stackchain status', 'stackchain status --json --node http://127.0.0.1:8401'],
  configure() {},
  async run({ settings, print }) {
    const { answer, where } = await withChain(settings, async ({ client, isRunning }) => ({
      answer: await client.call<Status>('/v1/node'),
      where: isRunning ? client.name : 'not running',
    }));
    const lines = settings.json ? [JSON.stringify(answer)] : table(rows(answer, where));
    for (const line of lines) await print(line);
  },
};
