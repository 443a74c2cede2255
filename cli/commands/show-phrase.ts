/** `show-phrase`: the words that restore every address of the directory. */
import type { CliCommand } from '../command.ts';
import { refused } from '../errors.ts';
import { withKeystore } from '../host/wallet.ts';

export const showPhrase: CliCommand = {
  examples: ['stackchain show-phrase   # on paper, not in a file'],
  configure() {},
  async run(context) {
    const { settings, print } = context;
    const phrase = await withKeystore(context, (keystore) => keystore.phrase());
    if (phrase === undefined) {
      throw refused('Error: there is no phrase yet: the first wallet makes it.', 'not-found', 404);
    }
    await print(settings.json ? JSON.stringify({ phrase }) : phrase);
  },
};
