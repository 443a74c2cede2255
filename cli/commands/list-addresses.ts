/** `list-addresses`: the addresses of the directory's wallets, newest first. */
import type { CliCommand } from '../command.ts';
import { withKeystore } from '../host/wallet.ts';

export const listAddresses: CliCommand = {
  examples: ['stackchain list-addresses'],
  configure() {},
  async run(context) {
    const { settings, print } = context;
    const addresses = await withKeystore(context, (keystore) => keystore.addresses());
    for (const address of addresses) {
      await print(settings.json ? JSON.stringify({ address }) : address);
    }
  },
};
