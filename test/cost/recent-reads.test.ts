/**
 * Which reads are eventually consistent, at half the price: those of a miner that waits, and none by
 * which anything is decided. On DynamoDB's emulator, with such reads answered late.
 */
import { expect, it } from 'vitest';
import { createTable } from '../../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../../lib/adapters/dynamodb-store.ts';
import { systemRandom } from '../../lib/adapters/system-random.ts';
import { createEmbeddedSource } from '../../lib/node/embedded-source.ts';
import { takeMiningLease } from '../../lib/node/mining-lease.ts';
import { isEventual, seeded, withStaleReads } from '../faults/weather.ts';
import { dynoxidePath, startDynoxide } from '../helpers/dynamodb.ts';
import { type OpenStore, StackNet } from '../helpers/stack-net.ts';
import { describeWith } from '../helpers/tools.ts';

interface Asked {
  readonly Key?: { readonly pk: { readonly S: string } };
  readonly ExpressionAttributeValues?: { readonly ':pk': { readonly S: string } };
}

const partitionOf = (input: object): string => {
  const { Key, ExpressionAttributeValues: values } = input as Asked;
  return Key?.pk.S ?? values?.[':pk'].S ?? '';
};

describeWith(
  dynoxidePath(),
  { name: 'recent reads', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    it('only a waiting miner asks for them, of the head and the feed', async () => {
      const running = await startDynoxide(binary);
      const eventual: string[] = [];
      const open: OpenStore = async (name, clock) => {
        const client = withStaleReads(running.client(), seeded(7));
        client.middlewareStack.add(
          (next, { commandName = '' }: { commandName?: string }) =>
            (args) => {
              if (isEventual(commandName, args.input)) eventual.push(partitionOf(args.input));
              return next(args);
            },
          { step: 'initialize', name: 'eventual' },
        );
        await createTable(client, name);
        const store = createDynamoStore({ client, table: name, clock });
        return { store, take: () => ({ write: 0, read: 0 }), bytes: async () => 0 };
      };
      const net = new StackNet(open);
      try {
        await net.open(2);
        const coinbase = (await net.mine(0, 60, 'rich')).txs[0];
        if (coinbase === undefined) throw new Error('a block without a coinbase');
        await net.mine(1, 60, 'k');
        const coin = { txid: coinbase.txid, vout: 0 };
        await net.post(0, net.pay(coin, 'rich', [{ to: 'poor', sats: 1_000_000 }]));
        await net.mine(1, 60, 'l');
        await net.tick(300);
        const { node } = net.stack(0);
        const lease = { store: node.store, random: systemRandom, now: () => 1 };
        await (await takeMiningLease(lease, 60))?.release();
        await node.status();
        expect(eventual).toEqual([]);

        let sleeps = 0;
        const source = createEmbeddedSource({
          // Nobody tells it: as if another process had written to the store.
          node: { ...node, on: () => () => undefined },
          sleep: async () => {
            sleeps++;
            if (sleeps === 20) await net.mine(1, 60, 'm');
          },
        });
        const { id, height } = await source.template();
        expect(eventual).toEqual([]);
        const next = await source.template({ knownId: id });
        expect(next.height).toBe(height + 1);
        expect([...new Set(eventual)].map((pk) => pk.replace(/\d+$/, '')).sort()).toEqual([
          ' head',
          'E#',
        ]);
        // Some looks late, and not too many.
        expect(sleeps).toBeLessThan(30);
      } finally {
        await net.close();
        running.stop();
      }
    });
  },
);
