/** `init-blockchain`: founds a network whose block 0 pays an address. */
import { rmSync } from 'node:fs';
import { Fault } from '../../lib/faults.ts';
import { type CliCommand, type Context, textOption } from '../command.ts';
import { refused, usage } from '../errors.ts';
import { withOwnChain } from '../host/connect.ts';
import { networkPath } from '../host/data-dir.ts';
import { addressForm, chosenNetwork, hashOfAddress, networkOfDir } from '../host/network.ts';
import { found, parseGenesisBits, settle } from '../host/prepare.ts';

async function run(context: Context, options: Readonly<Record<string, unknown>>): Promise<void> {
  const { settings, print, note } = context;
  const bitsText = textOption(options, 'genesisBits');
  const bits = bitsText === undefined ? undefined : parseGenesisBits(bitsText);
  const payTo = hashOfAddress(textOption(options, 'address'), addressForm(settings));
  if (payTo === undefined) throw usage('Error: Address is not valid');
  if (networkOfDir(settings.dataDir) !== undefined) {
    throw refused('Error: Blockchain already exists', 'conflict', 409);
  }
  const choice = chosenNetwork(settings);
  if (choice?.kind === 'fixed') note(`The first block of ${choice.params.name} pays nobody here.`);
  else note('Mining the first block ...');
  const params =
    choice?.kind === 'fixed'
      ? choice.params
      : await found({ payTo, ...(bits !== undefined && { bits }) });
  settle(settings.dataDir, params);
  try {
    // Puts block 0 in place, so that the directory is whole when we say so.
    await withOwnChain(settings, async () => undefined);
  } catch (error) {
    // Somebody took away the network file of the chain that lies here: ours must not take its place.
    if (error instanceof Fault && error.code === 'store-foreign') {
      rmSync(networkPath(settings.dataDir));
    }
    throw error;
  }
  note(`Genesis block hash: ${params.genesisHash}`);
  await print(settings.json ? JSON.stringify({ genesis: params.genesisHash }) : 'Done');
}

export const initBlockchain: CliCommand = {
  examples: [
    'stackchain init-blockchain --address A',
    'stackchain init-blockchain --address A --genesis-bits 1d7fffff   # 32 times harder',
  ],
  configure(command) {
    command
      .requiredOption('--address <A>', 'who is paid by block 0')
      .option('--genesis-bits <HEX>', 'difficulty of the first blocks (default: 1e0fffff)');
  },
  run,
};
