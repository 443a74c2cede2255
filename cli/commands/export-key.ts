/** `export-key`: the private key of one address, for another wallet. */
import { type CliCommand, textOption } from '../command.ts';
import { refused, usage } from '../errors.ts';
import { addressForms, scriptOfAddress } from '../host/network.ts';
import { withKeystore } from '../host/wallet.ts';

export const exportKey: CliCommand = {
  examples: ['stackchain export-key --address A'],
  configure(command) {
    command.requiredOption('--address <A>', 'an address of list-addresses');
  },
  async run(context, options) {
    const { settings, print } = context;
    const address = textOption(options, 'address') ?? '';
    const forms = addressForms(settings);
    if (forms.every((form) => !form || scriptOfAddress(address, form) === undefined)) {
      throw usage('Error: Address is not valid');
    }
    const wif = await withKeystore(context, (keystore) => keystore.exportWif(address));
    if (wif === undefined) throw refused(`Error: no key for ${address} here.`, 'not-found', 404);
    await print(settings.json ? JSON.stringify({ address, wif }) : wif);
  },
};
