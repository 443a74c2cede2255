/** `get-balance`: all coins of an address in the chain, immature ones too. */
import { coinsText } from '../../lib/api/seed-json.ts';
import type { Balance } from '../../lib/wallet/types.ts';
import { type CliCommand, textOption } from '../command.ts';
import { usage } from '../errors.ts';
import { withChain } from '../host/connect.ts';
import { expectedForm, scriptOfAddress } from '../host/network.ts';

const notValid = (): Error => usage("Error: Can't get balance of invalid address.");

export const getBalance: CliCommand = {
  examples: ['stackchain get-balance --address A', 'stackchain get-balance --address A --json'],
  configure(command) {
    command.requiredOption('--address <A>', 'any address of this network');
  },
  async run({ settings, print }, options) {
    const address = textOption(options, 'address') ?? '';
    const form = expectedForm(settings);
    if (form !== undefined && scriptOfAddress(address, form) === undefined) throw notValid();
    const balance = await withChain(settings, async ({ client, params }) => {
      if (scriptOfAddress(address, params) === undefined) throw notValid();
      return client.call<Balance>(`/v1/addresses/${address}`);
    });
    const text = `Balance of '${address}': ${coinsText(balance.confirmedSats)}`;
    await print(settings.json ? JSON.stringify(balance) : text);
  },
};
