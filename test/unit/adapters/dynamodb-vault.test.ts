/** Wallets on a table: sealed, replaced only on top of what was read, and no answer lost. */
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTable } from '../../../lib/adapters/dynamodb/table.ts';
import { createDynamoVault, type SecretKey } from '../../../lib/adapters/dynamodb-vault.ts';
import { systemRandom } from '../../../lib/adapters/system-random.ts';
import { createKeystore } from '../../../lib/wallet/keystore.ts';
import { bytes, faultOf, text } from '../../conformance/store/harness.ts';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../../helpers/dynamodb.ts';
import { describeWith } from '../../helpers/tools.ts';

function secretKey(): SecretKey & { forget(): void } {
  let kept: Uint8Array | undefined;
  return {
    read: async () => kept,
    async create() {
      kept ??= systemRandom.bytes(32);
      return kept;
    },
    forget() {
      kept = undefined;
    },
  };
}

describeWith(
  dynoxidePath(),
  { name: 'the vault on DynamoDB', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let running: RunningDynamo;
    let tables = 0;
    beforeAll(async () => {
      running = await startDynoxide(binary);
    });
    afterAll(() => running.stop());

    const open = async (key = secretKey()) => {
      const client = running.client();
      const table = `vault-${process.pid}-${tables++}`;
      await createTable(client, table);
      const options = { client, table, key, random: systemRandom };
      return { vault: createDynamoVault(options), options, key, client, table };
    };

    describe('revisions', () => {
      it('follow one another, each on top of the newest only', async () => {
        const { vault, options } = await open();
        expect([await vault.revision(), await vault.load()]).toEqual([0, undefined]);
        expect(await vault.save(bytes('one'), 0)).toBe(true);
        expect(await createDynamoVault(options).save(bytes('other'), 0)).toBe(false);
        expect(await vault.save(bytes('two'), 1)).toBe(true);
        const loaded = await createDynamoVault(options).load();
        expect([loaded?.revision, text(loaded?.data)]).toEqual([2, 'two']);
      });

      it('of many writers one wins each', async () => {
        const { options } = await open();
        const vaults = Array.from({ length: 8 }, () => createDynamoVault(options));
        const won = await Promise.all(vaults.map((vault, i) => vault.save(bytes(`${i}`), 0)));
        expect(won.filter(Boolean).length).toBe(1);
      });

      it('a save whose answer was lost and that is sent again counts', async () => {
        const { options } = await open();
        const lossy = running.client();
        let isFirst = true;
        lossy.middlewareStack.add(
          (next, context) => async (args) => {
            const answer = await next(args);
            const name = (context as { commandName?: string }).commandName;
            if (name !== 'UpdateItemCommand' || !isFirst) return answer;
            isFirst = false;
            return next(args);
          },
          { step: 'initialize', name: 'twice' },
        );
        const vault = createDynamoVault({ ...options, client: lossy });
        expect(await vault.save(bytes('one'), 0)).toBe(true);
        expect((await vault.load())?.revision).toBe(1);
      });
    });

    it('what lies in the table says nothing, and is not taken when it was changed', async () => {
      const { vault, client, table, key } = await open();
      await vault.save(bytes('a very secret phrase'), 0);
      await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: { pk: { S: 'keystore' }, sk: { S: '-' } },
          UpdateExpression: 'SET r = :r',
          ExpressionAttributeValues: { ':r': { N: '7' } },
        }),
      );
      expect(await faultOf(() => vault.load()), 'an old record under a new number').toBe(
        'keystore',
      );
      key.forget();
      expect(await faultOf(() => vault.load()), 'without its key').toBe('keystore');
    });

    it('is what a keystore needs: addresses of two processes are never the same', async () => {
      const { options } = await open();
      const keystore = () =>
        createKeystore({
          vault: createDynamoVault(options),
          random: systemRandom,
          addressVersion: 0,
          wifVersion: 0x80,
        });
      const stores = await Promise.all([keystore(), keystore()]);
      const made = await Promise.all(
        Array.from({ length: 6 }, (_, i) => stores[i % 2]!.newAddress()),
      );
      expect(new Set(made.map(({ address }) => address)).size).toBe(6);
      expect((await (await keystore()).addresses()).length).toBe(6);
    });
  },
);
