/** `restore`: makes the addresses of a phrase again. */
import { type CliCommand, textOption } from '../command.ts';
import { refused, rejected, usage } from '../errors.ts';
import { withKeystore } from '../host/wallet.ts';
import { wholeNumber } from '../numbers.ts';
import { readLine } from '../read-line.ts';

/** BIP44's gap: a wallet looks at so many addresses before it believes that no more were used. */
const COUNT_DEFAULT = '20';
const COUNT_MAX = 10_000;

export const restore: CliCommand = {
  examples: ['stackchain restore --count 3 < phrase.txt'],
  configure(command) {
    command.option('--count <N>', 'how many addresses', COUNT_DEFAULT);
  },
  async run(context, options) {
    const { io, settings, print } = context;
    const text = textOption(options, 'count') ?? COUNT_DEFAULT;
    const count = wholeNumber(text, { flag: '--count', min: 1, max: COUNT_MAX });
    const phrase = await readLine(io, 'The phrase', { secret: true });
    const restored = await withKeystore(context, (keystore) => keystore.restore(phrase, count));
    if (!restored.ok) {
      const { reason } = restored.reject;
      if (reason === 'conflict') {
        throw refused('Error: the wallets here have another phrase.', 'conflict', 409);
      }
      if (/phrase|mnemonic/.test(reason)) throw usage('Error: Phrase is not valid');
      throw rejected(restored.reject);
    }
    for (const address of restored.value) {
      await print(settings.json ? JSON.stringify({ address }) : address);
    }
  },
};
