/** `generate`: mines blocks now, on the running node or on the chain here. */
import { type CliCommand, type Context, textOption } from '../command.ts';
import { usage } from '../errors.ts';
import type { Client } from '../host/client.ts';
import { withChain } from '../host/connect.ts';
import { expectedForm, scriptOfAddress } from '../host/network.ts';
import { wholeNumber } from '../numbers.ts';

const COUNT_MAX = 1_000_000;
/** `/v1/mine` takes a thousand at most. */
const BATCH_MAX = 1000;
/** A batch grows until it takes about this long, so that there is news of the progress. */
const BATCH_MS = 1_000;
/** A block of stacknet takes 15 s on average, now and then ten times as long; fetch waits 300 s. */
const BATCH_TIMEOUT_MS = 290_000;

const notValid = (): Error => usage('Error: Address is not valid');

interface Mined {
  readonly hashes: readonly string[];
}

/** Mines by batches as long as `count` wants, printing hashes as they come. */
async function mine(
  context: Context,
  client: Client,
  job: { readonly count: number; readonly address: string },
): Promise<void> {
  const { count, address } = job;
  let batch = 1;
  for (let done = 0; done < count; ) {
    const blocks = Math.min(batch, count - done);
    const startedAt = performance.now();
    const { hashes } = await client.call<Mined>('/v1/mine', {
      method: 'POST',
      body: { blocks, address },
      authorized: true,
      timeoutMs: BATCH_TIMEOUT_MS,
    });
    for (const hash of hashes) {
      await context.print(context.settings.json ? JSON.stringify({ hash }) : hash);
    }
    done += blocks;
    const tookMs = performance.now() - startedAt;
    if (tookMs < BATCH_MS / 2) batch = Math.min(batch * 2, BATCH_MAX);
    if (tookMs > BATCH_MS && done < count) context.note(`${done} of ${count} blocks`);
  }
}

export const generate: CliCommand = {
  examples: ['stackchain generate 1 --address A', 'stackchain generate 101 --address A -q'],
  configure(command) {
    command
      .argument('<N>', 'how many blocks')
      .requiredOption('--address <A>', 'who gets the rewards');
  },
  async run(context, options, args) {
    const count = wholeNumber(args[0] ?? '', { flag: 'generate', min: 1, max: COUNT_MAX });
    const address = textOption(options, 'address') ?? '';
    const form = expectedForm(context.settings);
    if (form !== undefined && scriptOfAddress(address, form) === undefined) throw notValid();
    await withChain(context.settings, async ({ client, params }) => {
      if (scriptOfAddress(address, params) === undefined) throw notValid();
      await mine(context, client, { count, address });
    });
  },
};
