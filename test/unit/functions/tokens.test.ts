import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTokenCheck, rotateToken } from '../../../functions/tokens.ts';
import { createTable } from '../../../lib/adapters/dynamodb/table.ts';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../../helpers/dynamodb.ts';
import { describeWith } from '../../helpers/tools.ts';

const binary = dynoxidePath();

describeWith(
  binary,
  { name: 'tokens of the API', missing: 'npm has no build of dynoxide for this platform' },
  () => {
    let dynamo: RunningDynamo;
    beforeAll(async () => {
      dynamo = await startDynoxide(binary as string);
    });
    afterAll(() => dynamo?.stop());

    const open = async (table: string) => {
      const client = dynamo.client();
      await createTable(client, table);
      let reads = 0;
      client.middlewareStack.add(
        (next, context) => (args) => {
          if (context['commandName'] === 'GetItemCommand') reads++;
          return next(args);
        },
        { step: 'initialize' },
      );
      const clock = { ms: 1_000_000 };
      const tokens = createTokenCheck({ client, table, nowMs: () => clock.ms });
      const make = async (): Promise<string> => {
        const before = reads;
        const token = await rotateToken(client, table);
        reads = before;
        return token;
      };
      return { tokens, clock, make, reads: () => reads };
    };

    it('none opens anything before one is made, nor does what is no token', async () => {
      const { tokens } = await open('none');
      expect(await tokens.isValid('00'.repeat(32))).toBe(false);
      expect(await tokens.isValid('')).toBe(false);
    });

    it('a new one opens at once, though the others were read just before', async () => {
      const { tokens, clock, make } = await open('fresh');
      const first = await make();
      expect(await tokens.isValid(first)).toBe(true);
      clock.ms += 1000;
      const second = await make();
      expect(await tokens.isValid(second)).toBe(true);
      expect(await tokens.isValid(first)).toBe(true);
    });

    it('the one before the last closes within a minute', async () => {
      const { tokens, clock, make } = await open('old');
      const first = await make();
      expect(await tokens.isValid(first)).toBe(true);
      await make();
      await make();
      expect(await tokens.isValid(first)).toBe(true);
      clock.ms += 60_001;
      expect(await tokens.isValid(first)).toBe(false);
    });

    it('guesses cost five reads a second at most, and what is known none', async () => {
      const { tokens, clock, make, reads } = await open('guesses');
      const token = await make();
      for (let i = 0; i < 100; i++) {
        clock.ms += 10;
        expect(await tokens.isValid(i.toString(16).padStart(64, '0'))).toBe(false);
      }
      expect(reads()).toBeLessThanOrEqual(6);
      const before = reads();
      for (let i = 0; i < 100; i++) expect(await tokens.isValid(token)).toBe(true);
      expect(reads()).toBe(before);
    });
  },
);
