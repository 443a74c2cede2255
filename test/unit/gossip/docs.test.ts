/** The examples of docs/gossip.md are what a node takes. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { checkEnvelopes } from '../../../lib/gossip/envelope.ts';
import { LIMITS } from '../../../lib/gossip/limits.ts';
import { decodeMessage } from '../../../lib/gossip/messages.ts';
import { ROWS } from '../../../lib/gossip/rows.ts';
import { regtest } from '../../../lib/params/index.ts';

const text = readFileSync(new URL('../../../docs/gossip.md', import.meta.url), 'utf8');

it('examples decode', () => {
  const values = [...text.matchAll(/```json\n(.*)\n```/g)].map(
    ([, json = '']) => JSON.parse(json) as unknown,
  );
  const messages = values.flatMap((value) => {
    const checked = checkEnvelopes([value], regtest.genesisHash);
    if (!checked.ok) throw new Error(checked.detail);
    return checked.envelopes.map(({ type, payload }) => decodeMessage(type, payload));
  });
  expect(messages).toMatchObject([
    {
      ok: true,
      message: { type: 'inv', items: [{ kind: 'block', hash: regtest.genesisHash }] },
    },
    { ok: true, message: { type: 'version', name: 'laptop', height: 0 } },
  ]);
});

it('names every partition, and the bounds that it gives', () => {
  for (const pk of Object.values(ROWS)) expect(text).toContain(`\`${pk}\``);
  expect([LIMITS.headersPerHour, LIMITS.bodiesPerHour, LIMITS.pushBytesMax]).toEqual([
    2000, 64, 40_000,
  ]);
});
