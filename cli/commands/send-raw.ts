/** `send-raw`: hands a signed transaction over as it is. */
import type { CliCommand } from '../command.ts';
import { CliError, EXIT, usage } from '../errors.ts';
import { withChain } from '../host/connect.ts';
import { readLine } from '../read-line.ts';

export const sendRaw: CliCommand = {
  examples: ['stackchain send-raw < signed.hex'],
  configure() {},
  async run({ io, settings, print }) {
    const hex = (await readLine(io, 'The transaction (hex)')).toLowerCase();
    if (!/^([0-9a-f]{2})+$/.test(hex)) throw usage('Error: the transaction is not hex.');
    const { txid } = await withChain(settings, ({ client }) =>
      client
        .call<{ txid: string }>('/v1/transactions', { method: 'POST', body: { hex } })
        .catch(reasonAlone),
    );
    await print(settings.json ? JSON.stringify({ txid }) : txid);
  },
};

/** A reject is shown as Bitcoin names it, without a sentence around it. */
function reasonAlone(error: unknown): never {
  if (!(error instanceof CliError) || error.problem.status !== 400) throw error;
  const { problem } = error;
  throw new CliError(problem.code, { exit: EXIT.refused, code: problem.code, problem });
}
