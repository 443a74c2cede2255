/** Cost is a feature: write units of a transaction's whole life and of an empty block have a ceiling. */
import { describe, expect, it } from 'vitest';
import { measureLife } from '../helpers/dynamo-life.ts';
import { dynoxidePath, startDynoxide } from '../helpers/dynamodb.ts';
import { describeWith } from '../helpers/tools.ts';

describeWith(
  dynoxidePath(),
  { name: 'write units on dynoxide', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    describe('of the life', () => {
      it('of a 1-in-2-out transaction 18 at most, of an empty block 16', async () => {
        const running = await startDynoxide(binary);
        const client = running.client();
        try {
          const life = await measureLife(client);
          expect(life.oneIn.write).toBeGreaterThan(5);
          expect(life.oneIn.write).toBeLessThanOrEqual(18);
          expect(life.emptyBlock.write).toBeLessThanOrEqual(16);
        } finally {
          client.destroy();
          running.stop();
        }
      });
    });
  },
);
