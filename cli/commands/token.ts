/** `token`: makes a token for the API of a deployed node and shows it, this once. */
import { regionFrom } from '../cloud/checks.ts';
import { newToken } from '../cloud/stack.ts';
import { type CliCommand, textOption } from '../command.ts';

export const token: CliCommand = {
  examples: ['stackchain token', 'stackchain token --stack node1'],
  configure(command) {
    command.option('--stack <name>', 'which node (default: node0)');
  },
  async run({ io, print, settings }, options) {
    const node = textOption(options, 'stack') ?? 'node0';
    const stack = { node, network: settings.network };
    const made = await newToken(stack, await regionFrom(io.env));
    await print(settings.json ? JSON.stringify({ node, token: made }) : made);
  },
};
