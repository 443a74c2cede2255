/** `destroy`: takes the stacks down again. Wallets stay unless told otherwise. */
import { runCdk } from '../cloud/cdk.ts';
import { cleanEnv, endpointEnv } from '../cloud/emulator.ts';
import { type CliCommand, textOption } from '../command.ts';
import { usage } from '../errors.ts';
import { wholeNumber } from '../numbers.ts';

const NODES_MAX = 50;

export const destroy: CliCommand = {
  examples: ['stackchain destroy --nodes 3', 'stackchain destroy --local'],
  configure(command) {
    command
      .option('--nodes <N>', 'how many were deployed (default: 3)')
      .option('--num-nodes <N>', 'the same')
      .option('--local', 'on the emulator of AWS_ENDPOINT_URL')
      .option('--delete-data', 'remove the wallets too');
  },
  async run(context, options) {
    const { env } = context.io;
    const text = textOption(options, 'nodes') ?? textOption(options, 'numNodes') ?? '3';
    const nodes = wholeNumber(text, { flag: '--nodes', min: 1, max: NODES_MAX });
    const endpoint = env['AWS_ENDPOINT_URL'];
    if (options['local'] === true && !endpoint) {
      throw usage(
        'Error: an emulator that `deploy --local` started ended with it; set AWS_ENDPOINT_URL for another.',
      );
    }
    const isEmulated = options['local'] === true && endpoint !== undefined;
    const deletes = options['deleteData'] === true;
    const contexts = [`nodes=${nodes}`, ...(isEmulated ? [`emulator=${endpoint}`] : [])];
    const target = isEmulated ? { ...cleanEnv(), ...endpointEnv(endpoint) } : env;
    const note = (line: string): void => context.note(line);
    const flags = [...contexts, ...(deletes ? ['dev=true'] : [])].flatMap((pair) => ['-c', pair]);
    // What is to go must first be allowed to go.
    if (deletes) {
      await runCdk(['deploy', '--all', '--require-approval', 'never', ...flags], {
        env: target,
        note,
      });
    }
    await runCdk(['destroy', '--all', '--force', ...flags], { env: target, note });
    context.note(
      deletes ? 'Wallets and their key are gone.' : 'Wallet tables and their keys are kept.',
    );
  },
};
