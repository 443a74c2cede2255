/** One part of the housekeeping that fails must not keep the others from theirs. */
import { expect, it } from 'vitest';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import { systemClock } from '../../../lib/adapters/system-clock.ts';
import { systemRandom } from '../../../lib/adapters/system-random.ts';
import { createVerifier } from '../../../lib/adapters/verifier.ts';
import { createNode } from '../../../lib/node/create-node.ts';
import { regtest } from '../../../lib/params/index.ts';
import type { Transport } from '../../../lib/ports/transport.ts';

it('a damaged row of the mempool does not keep the node from its peers', async () => {
  const store = createMemoryStore();
  let asked = 0;
  const transport: Transport = {
    kind: 'local',
    async send() {
      asked++;
      return [];
    },
  };
  const node = await createNode({
    params: regtest,
    store,
    clock: systemClock,
    random: systemRandom,
    verifier: createVerifier(),
    transports: [transport],
    peers: ['neighbour'],
  });
  await store.put([{ pk: 'M#0', sk: '0'.repeat(64), value: Uint8Array.of(1), nonce: 'n' }]);
  await expect(node.tick()).rejects.toThrow();
  expect(asked).toBeGreaterThan(0);
  await node.close();
});
