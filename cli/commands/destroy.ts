/** `destroy`: takes the stacks down again. Wallets stay unless told otherwise. */
import { type AwsConfig, regionFrom } from '../cloud/checks.ts';
import { deleteStacks, deleteWallets, listWallets, type Wallets } from '../cloud/deployed.ts';
import { deployedNetwork } from '../cloud/deployed-network.ts';
import { EMULATOR_ACCOUNT, EMULATOR_REGION, probeEmulator } from '../cloud/emulator.ts';
import { type CliCommand, type Context, textOption } from '../command.ts';
import { usage } from '../errors.ts';
import { wholeNumber } from '../numbers.ts';
import { checkUrl } from '../settings.ts';

const NODES_MAX = 50;

/** Which nodes go: one, the first N, or all that are there. */
function chosenNodes(options: Readonly<Record<string, unknown>>): readonly string[] | 'all' {
  const one = textOption(options, 'stack');
  const text = textOption(options, 'nodes') ?? textOption(options, 'numNodes');
  if (one !== undefined) {
    if (text !== undefined) throw usage('Error: either --stack or --nodes says which nodes go.');
    if (!/^node\d+$/.test(one)) throw usage('Error: --stack takes a name like node0.');
    return [one];
  }
  if (text === undefined) return 'all';
  const count = wholeNumber(text, { flag: '--nodes', min: 1, max: NODES_MAX });
  return Array.from({ length: count }, (_, i) => `node${i}`);
}

async function configOf(
  env: Readonly<Record<string, string | undefined>>,
  isLocal: boolean,
): Promise<AwsConfig> {
  if (!isLocal) return { region: await regionFrom(env) };
  const endpoint = env['AWS_ENDPOINT_URL'];
  if (!endpoint) {
    throw usage(
      'Error: an emulator that `deploy --local` started ended with it; set AWS_ENDPOINT_URL for another.',
    );
  }
  const checked = checkUrl(endpoint);
  await probeEmulator(checked);
  return {
    region: EMULATOR_REGION,
    endpoint: checked,
    credentials: { accessKeyId: EMULATOR_ACCOUNT, secretAccessKey: 'test' },
  };
}

/** What became of the wallets, said. */
async function sayWallets(
  { note }: Context,
  wallets: readonly Wallets[],
  isDeleted: boolean,
): Promise<void> {
  for (const { node, table, key } of wallets) {
    note(`${isDeleted ? 'Deleted' : 'Kept'}: the wallets of ${node} (table ${table}, key ${key}).`);
  }
  if (wallets.length === 0) note('There are no wallets.');
  else if (!isDeleted) {
    note('The next deploy takes them up again; `stackchain destroy --delete-data` deletes them.');
  }
}

export const destroy: CliCommand = {
  examples: [
    'stackchain destroy',
    'stackchain destroy --stack node1',
    'stackchain destroy --delete-data',
  ],
  configure(command) {
    command
      .option('--nodes <N>', 'only the first N (default: all that are there)')
      .option('--num-nodes <N>', 'the same')
      .option('--stack <name>', 'only this node')
      .option('--local', 'on the emulator of AWS_ENDPOINT_URL')
      .option('--delete-data', 'delete the wallets and their keys too');
  },
  async run(context, options) {
    const { settings } = context;
    const nodes = chosenNodes(options);
    const config = await configOf(context.io.env, options['local'] === true);
    const deletes = options['deleteData'] === true;
    const network = deployedNetwork(settings.network)?.name;
    if (deletes && network === undefined) {
      throw usage('Error: whose wallets? --network names the network file that was deployed.');
    }
    const gone = await deleteStacks(config, nodes, (line) => context.note(line));
    const wallets = await listWallets(config, nodes, network);
    if (deletes) await deleteWallets(config, wallets);
    if (settings.json) {
      const kept = deletes ? [] : wallets.map(({ table }) => table);
      await context.print(JSON.stringify({ event: 'destroyed', nodes: gone, kept }));
    }
    context.note(gone.length === 0 ? 'No stack was there.' : `Gone: ${gone.join(', ')}.`);
    await sayWallets(context, wallets, deletes);
  },
};
