/** Nodes on tables: gossip's rows keep to what DynamoDB takes, and all of it works there too. */
import { afterAll, expect, it } from 'vitest';
import { createTable } from '../../../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../../../lib/adapters/dynamodb-store.ts';
import { makeBlock } from '../../../lib/codec/block.ts';
import type { Store } from '../../../lib/ports/store.ts';
import { mineHeader } from '../../helpers/chain-builder.ts';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../../helpers/dynamodb.ts';
import { heightOf, NodeNet, tipOf } from '../../helpers/node-net.ts';
import { describeWith } from '../../helpers/tools.ts';
import { ping, post, sessionOf } from './stranger.ts';

describeWith(
  dynoxidePath(),
  { name: 'gossip on DynamoDB', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let running: Promise<RunningDynamo> | undefined;
    afterAll(async () => (await running)?.stop());
    const openStore = async (table: string): Promise<Store> => {
      running ??= startDynoxide(binary);
      const client = (await running).client();
      await createTable(client, table);
      return createDynamoStore({ client, table });
    };

    it('announces, catches up, heals a fork, blames', async () => {
      const net = new NodeNet();
      const a = await net.add('a', { store: await openStore('node-a') });
      await net.mine(a, 4);
      const b = await net.add('b', { store: await openStore('node-b'), peers: ['a'] });
      await net.mine(b, 6);
      await a.node.gossip.addPeer('b');
      await net.pass(1, 3);
      expect(await heightOf(a)).toBe(6);
      expect(await tipOf(a)).toBe(await tipOf(b));
      const [hash] = await net.mine(a);
      expect(await tipOf(b)).toBe(hash);

      // Two processes of one node share all of it: what one learns the other knows.
      const twin = await net.add('a', { store: a.store });
      const evil = await sessionOf(net, a, 'evil');
      const { header, txs } = await net.make(a.node);
      const { raw } = makeBlock(mineHeader(header, false), txs);
      await post(net, twin, [{ type: 'block', raw }], { from: evil });
      expect((await post(net, a, [ping], { from: evil })).code).toBe('banned');
      expect((await twin.node.gossip.peers()).filter(({ banned }) => banned)).toHaveLength(1);
      expect(await tipOf(twin)).toBe(hash);
    });
  },
);
