/** A process of its own that commits once, says so and holds the store until it is killed. */
import { openLevelStore } from '../../../lib/adapters/leveldb-store.ts';

const store = await openLevelStore(process.argv[2] as string);
await store.commit(0, { head: new Uint8Array(1), log: new Uint8Array(1), changes: [] });
process.send?.('ready');
setInterval(() => undefined, 1000);
