/** The fake chain behind getblocktemplate and submitblock, for a miner that is a process. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bytes } from '../../helpers/vectors.ts';
import type { FakeSource } from './fake-source.ts';

export async function serveSource(
  source: FakeSource,
): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method, params } = JSON.parse(Buffer.concat(chunks).toString());
    const isTemplate = method === 'getblocktemplate';
    const known = isTemplate ? params[0].longpollid : undefined;
    const result = isTemplate
      ? json(await source.template(known === undefined ? {} : { knownId: known }))
      : await source.submit(bytes(params[0]));
    response.end(JSON.stringify({ result, error: null, id: 0 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function json(template: Awaited<ReturnType<FakeSource['template']>>): object {
  return {
    version: template.version,
    previousblockhash: template.prevHash,
    transactions: [],
    coinbaseaux: { flags: `08${template.coinbaseFlags}` },
    coinbasevalue: template.coinbaseValue,
    longpollid: template.id,
    target: template.target.toString(16).padStart(64, '0'),
    mintime: template.minTime,
    curtime: template.curTime,
    bits: template.bits.toString(16),
    height: template.height,
  };
}
