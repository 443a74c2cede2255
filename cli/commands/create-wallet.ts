/** `create-wallet`: the next address of the directory's phrase, which the first one makes. */
import type { CliCommand } from '../command.ts';
import { withKeystore } from '../host/wallet.ts';

export const createWallet: CliCommand = {
  examples: ['stackchain create-wallet', 'stackchain show-phrase   # write it down'],
  configure() {},
  async run(context) {
    const { settings, print } = context;
    const made = await withKeystore(context, (keystore) => keystore.newAddress());
    await print(settings.json ? JSON.stringify(made) : `New address: ${made.address}`);
  },
};
