/** `print-blockchain`: the blocks, newest first, in the seed's JSON. */
import type { SeedBlock } from '../../lib/api/seed-json.ts';
import { type CliCommand, textOption } from '../command.ts';
import { usage } from '../errors.ts';
import type { Client } from '../host/client.ts';
import { withChain } from '../host/connect.ts';
import { wholeNumber } from '../numbers.ts';

const PAGE = 100;
const LIMIT_MAX = 1_000_000_000;

interface Page {
  readonly items: readonly SeedBlock[];
  readonly next: string | null;
}

/** Newest first, a page at a time. */
async function* blocks(client: Client, limit: number): AsyncGenerator<SeedBlock> {
  let left = limit;
  let cursor = '';
  while (left > 0) {
    const at = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await client.call<Page>(`/v1/blocks?limit=${Math.min(PAGE, left)}${at}`);
    yield* page.items;
    left -= page.items.length;
    if (page.next === null || page.items.length === 0) return;
    cursor = page.next;
  }
}

function blockText(block: SeedBlock, form: { full: boolean; json: boolean }): string {
  if (form.full) return JSON.stringify(block, null, form.json ? 0 : 2);
  return form.json ? JSON.stringify({ hash: block.hash }) : block.hash;
}

export const printBlockchain: CliCommand = {
  examples: ['stackchain print-blockchain --limit 2', 'stackchain print-blockchain --full n'],
  configure(command) {
    command
      .option('--full <y|n>', 'n: only hashes, a line each', 'y')
      .option('--limit <N>', 'the newest N only');
  },
  async run({ io, settings, print }, options) {
    const full = (textOption(options, 'full') ?? 'y').toLowerCase();
    if (!/^(y|n|yes|no)$/.test(full)) throw usage('Error: --full takes y or n.');
    const text = textOption(options, 'limit');
    const limit =
      text === undefined
        ? LIMIT_MAX
        : wholeNumber(text, { flag: '--limit', min: 1, max: LIMIT_MAX });
    await withChain(settings, async ({ client }) => {
      for await (const block of blocks(client, limit)) {
        if (io.stdout.destroyed) return;
        await print(blockText(block, { full: full.startsWith('y'), json: settings.json }));
      }
    });
  },
};
