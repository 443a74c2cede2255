/** `token`: makes a token for the API of a deployed node and shows it, this once. */
import { newToken } from '../cloud/stack.ts';
import { type CliCommand, textOption } from '../command.ts';

export const token: CliCommand = {
  examples: ['stackchain token', 'stackchain token --stack node1'],
  configure(command) {
    command.option('--stack <name>', 'which node (default: node0)');
  },
  async run({ print, settings }, options) {
    const node = textOption(options, 'stack') ?? 'node0';
    const made = await newToken({
      node,
      ...(settings.network !== undefined && { networkFile: settings.network }),
    });
    await print(settings.json ? JSON.stringify({ node, token: made }) : made);
  },
};
