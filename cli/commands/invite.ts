/** `invite`: the line by which a node of another account gets to know a deployed one. */
import { inviteLine } from '../cloud/stack.ts';
import { type CliCommand, textOption } from '../command.ts';

export const invite: CliCommand = {
  examples: ['stackchain invite', 'stackchain invite --stack node1'],
  configure(command) {
    command.option('--stack <name>', 'which node (default: node0)');
  },
  async run({ print, settings }, options) {
    const node = textOption(options, 'stack') ?? 'node0';
    await print(
      await inviteLine({
        node,
        ...(settings.network !== undefined && { networkFile: settings.network }),
      }),
    );
  },
};
