/** `import-key`: takes a private key (WIF) from stdin into the wallets here. */
import type { CliCommand } from '../command.ts';
import { rejected, usage } from '../errors.ts';
import { withKeystore } from '../host/wallet.ts';
import { readLine } from '../read-line.ts';

export const importKey: CliCommand = {
  examples: ['stackchain import-key < key.txt'],
  configure() {},
  async run(context) {
    const { io, settings, print } = context;
    const wif = await readLine(io, 'The private key (WIF)', { secret: true });
    const imported = await withKeystore(context, (keystore) => keystore.importWif(wif));
    if (!imported.ok) {
      if (imported.reject.reason !== 'invalid-wif') throw rejected(imported.reject);
      throw usage('Error: Key is not valid');
    }
    const address = imported.value;
    await print(settings.json ? JSON.stringify({ address }) : `Imported address: ${address}`);
  },
};
