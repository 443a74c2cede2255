/** `invite`: the line by which a node of another account gets to know a deployed one. */
import { regionFrom } from '../cloud/checks.ts';
import { inviteLine } from '../cloud/stack.ts';
import { type CliCommand, textOption } from '../command.ts';

export const invite: CliCommand = {
  examples: ['stackchain invite', 'stackchain invite --stack node1'],
  configure(command) {
    command.option('--stack <name>', 'which node (default: node0)');
  },
  async run({ io, print, settings }, options) {
    const node = textOption(options, 'stack') ?? 'node0';
    const stack = { node, network: settings.network };
    await print(await inviteLine(stack, await regionFrom(io.env)));
  },
};
