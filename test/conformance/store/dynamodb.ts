/** How the suite opens the DynamoDB store, and how it dies at any of its requests that write. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createTable } from '../../../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../../../lib/adapters/dynamodb-store.ts';
import { Fault } from '../../../lib/faults.ts';
import type { Clock } from '../../../lib/ports/clock.ts';
import type { Store } from '../../../lib/ports/store.ts';
import type { DyingStore, StoreSuiteOptions, TestStore } from './harness.ts';

/** Longer than an intent may stay open before a reader finishes it. */
const RESTART_MS = 61_000;
const READS = /^(Get|BatchGet|Query|Scan|List|Describe)/;

let tables = 0;

/** Calls `before` ahead of each request that writes and `after` when it was answered. */
export function watchWrites(
  client: DynamoDBClient,
  watch: { before(name: string): void; after(name: string): void },
): DynamoDBClient {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const name = (context as { commandName?: string }).commandName ?? '';
      if (READS.test(name)) return next(args);
      watch.before(name);
      const answer = await next(args);
      watch.after(name);
      return answer;
    },
    { step: 'initialize', name: 'watchWrites' },
  );
  return client;
}

const died = (): never => {
  throw new Fault('store-io', 'the process died here');
};

export function dynamoSuite(
  name: string,
  connect: () => Promise<DynamoDBClient>,
  scale: StoreSuiteOptions['scale'] = {},
): StoreSuiteOptions {
  return {
    name,
    scale,
    async open(options = {}): Promise<TestStore> {
      const clients: DynamoDBClient[] = [];
      const connectOwn = async (): Promise<DynamoDBClient> => {
        const own = await connect();
        clients.push(own);
        return own;
      };
      const client = await connectOwn();
      const table = `suite-${process.pid}-${tables++}`;
      await createTable(client, table);
      let aheadMs = 0;
      const base = options.clock;
      const clock: Clock = { nowMs: () => (base?.nowMs() ?? Date.now()) + aheadMs };
      const handles: Store[] = [];
      const handle = (on: DynamoDBClient): Store => {
        const store = createDynamoStore({ client: on, table, clock, sweepByScan: true });
        handles.push(store);
        return store;
      };
      return {
        store: handle(client),
        another: async () => handle(client),
        async dying(write, { done }): Promise<DyingStore> {
          let count = 0;
          let isDead = false;
          const store = handle(
            watchWrites(await connectOwn(), {
              before() {
                count++;
                if (isDead || (count >= write && !done)) {
                  isDead = true;
                  died();
                }
              },
              after() {
                if (count >= write) {
                  isDead = true;
                  died();
                }
              },
            }),
          );
          return { store, died: () => isDead };
        },
        async reopen() {
          aheadMs += RESTART_MS;
          return handle(client);
        },
        async destroy() {
          for (const store of handles) await store.close();
          for (const own of clients) own.destroy();
        },
      };
    },
  };
}
