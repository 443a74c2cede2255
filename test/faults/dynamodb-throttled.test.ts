/**
 * A stack's table takes at most 1,000 write units a second (infra/constructs/store.ts), a full block
 * changes 10,000 rows, and a function has 30 s. Time is virtual: what passes is what the units take.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, expect, it } from 'vitest';
import { createTable } from '../../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../../lib/adapters/dynamodb-store.ts';
import { Fault } from '../../lib/faults.ts';
import type { Change, Store } from '../../lib/ports/store.ts';
import { bytes, commitOf, faultOf, key, look, text } from '../conformance/store/harness.ts';
import {
  dynamoClientOn,
  dynoxidePath,
  type RunningDynamo,
  startDynoxide,
} from '../helpers/dynamodb.ts';
import { describeWith } from '../helpers/tools.ts';
import { createFullTable, createVirtualTime, type FullTable } from './full-table.ts';
import { type Fate, withFate } from './store-world.ts';

const UNITS_PER_SECOND = 1000;
const ROWS = 10_000;
const FUNCTION_MS = 30_000;

/** Of a full block's rows one in five is a coin that it spends. */
const isSpent = (i: number): boolean => i % 5 === 0;
const rowAt = (i: number) => key(`P${i % 50}`, `row${String(i).padStart(5, '0')}`);
const coinsBefore: Change[] = Array.from({ length: ROWS / 5 }, (_, i) => ({
  ...rowAt(5 * i),
  value: bytes(`old ${5 * i}`),
}));
const blockChanges: Change[] = Array.from({ length: ROWS }, (_, i) =>
  isSpent(i) ? rowAt(i) : { ...rowAt(i), value: bytes(`new ${i}`) },
);
const SAMPLE = [0, 1, 2499, 2500, 5000, 9995, 9999];
const OLD = SAMPLE.map((i) => (isSpent(i) ? `old ${i}` : undefined));
const NEW = SAMPLE.map((i) => (isSpent(i) ? undefined : `new ${i}`));

const sample = (store: Store): Promise<unknown> =>
  look(store, async (view) =>
    (await view.getMany(SAMPLE.map(rowAt))).map((row) => text(row?.value)),
  );

interface Scene {
  readonly table: FullTable;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  skip(ms: number): void;
  store(fate?: Fate): Store;
}

let tables = 0;

describeWith(
  dynoxidePath(),
  { name: 'a full table', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let running: Promise<RunningDynamo> | undefined;
    const clients: DynamoDBClient[] = [];
    afterEach(() => {
      for (const client of clients.splice(0)) client.destroy();
    });
    afterAll(async () => (await running)?.stop());
    const connect = async (): Promise<() => DynamoDBClient> => {
      running ??= startDynoxide(binary);
      const { endpoint } = await running;
      return () => {
        const client = dynamoClientOn(endpoint);
        clients.push(client);
        return client;
      };
    };

    const open = async (): Promise<Scene> => {
      const client = await connect();
      const name = `full-${process.pid}-${tables++}`;
      const plain = client();
      await createTable(plain, name);
      await createDynamoStore({ client: plain, table: name }).commit(0, commitOf(coinsBefore));
      const time = createVirtualTime();
      const table = createFullTable(time, UNITS_PER_SECOND);
      const clock = { nowMs: () => time.nowMs() };
      return {
        table,
        ...clock,
        sleep: time.sleep,
        skip: time.skip,
        store: (fate) => {
          const own = fate === undefined ? client() : withFate(client(), fate);
          const limited = table.limit(own);
          return createDynamoStore({ client: limited, table: name, clock, sleep: time.sleep });
        },
      };
    };
    /** A writer that dies so long after it began. */
    const dyingAfter = (scene: Scene, ms: number): Store => {
      const diesAt = scene.nowMs() + ms;
      return scene.store(async ({ send }) => {
        if (scene.nowMs() >= diesAt) throw new Fault('store-io', 'the process died here');
        return send();
      });
    };

    it('takes a full block in little more than its units take, well within a function', async () => {
      const scene = await open();
      const startMs = scene.nowMs();
      const result = await scene.store().commit(1, commitOf(blockChanges));
      expect(result).toEqual({ ok: true, version: 2 });
      const ms = scene.nowMs() - startMs;
      const { units, requests } = scene.table.spent;
      console.info(`10,000 rows: ${ms} ms, ${units} units, ${requests} requests (virtual time)`);
      // One second's units are there at the start.
      expect(ms).toBeLessThan(1.25 * (units - UNITS_PER_SECOND));
      expect(ms).toBeLessThan(FUNCTION_MS / 2);
      expect(units).toBeLessThan(1.05 * ROWS);
      expect(await sample(scene.store())).toEqual(NEW);
    });

    it('of a block half written by a process that died the next writes the other half', async () => {
      const scene = await open();
      const answer = await faultOf(() => dyingAfter(scene, 6000).commit(1, commitOf(blockChanges)));
      expect(answer).toBe('store-io');
      const first = scene.table.spent.units;
      expect(first).toBeGreaterThan(ROWS / 3);
      const next = scene.store();
      expect(await sample(next), 'while it is half written').toEqual(OLD);
      const startMs = scene.nowMs();
      const late = await next.commit(1, commitOf([{ ...key('Q', 'q'), value: bytes('q') }]));
      expect(late).toEqual({ ok: false, conflict: true });
      expect(scene.nowMs() - startMs, 'waiting and finishing').toBeLessThan(FUNCTION_MS);
      expect(await sample(next)).toEqual(NEW);
      expect(scene.table.spent.units, 'nothing is paid twice').toBeLessThan(1.05 * ROWS);
    });

    it('who waits for a writer that lives does not double the load, and readers wait for none', async () => {
      const scene = await open();
      const writing = scene.store().commit(1, commitOf(blockChanges));
      await scene.sleep(3000);
      const reader = scene.store();
      const startMs = scene.nowMs();
      expect(await sample(reader), 'in the middle').toEqual(OLD);
      expect(scene.nowMs() - startMs, 'a read').toBeLessThan(100);
      const late = await scene.store().commit(1, commitOf(coinsBefore.slice(0, 3)));
      expect([await writing, late]).toEqual([
        { ok: true, version: 2 },
        { ok: false, conflict: true },
      ]);
      expect(scene.table.spent.units).toBeLessThan(1.1 * ROWS);
    });

    it('a reader leaves a large commit the time that a full table needs', async () => {
      const scene = await open();
      await faultOf(() => dyingAfter(scene, 1500).commit(1, commitOf(blockChanges)));
      // What was under way arrives.
      await scene.sleep(1000);
      scene.skip(63_000);
      const { units } = scene.table.spent;
      expect(await sample(scene.store())).toEqual(OLD);
      expect(scene.table.spent.units).toBe(units);
      scene.skip(10_000);
      expect(await sample(scene.store())).toEqual(NEW);
    });
  },
);
