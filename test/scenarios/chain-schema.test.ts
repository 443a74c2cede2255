/**
 * The version of the data, on every adapter: a release reads the one before and goes on in it, raises
 * it once by one update, and is refused by data of a later release with a sentence.
 */
import { describe, expect, it } from 'vitest';
import { createChain } from '../../lib/chain/create-chain.ts';
import { raiseSchema } from '../../lib/chain/raise-schema.ts';
import type { Chain } from '../../lib/chain/types.ts';
import { type Store, withSnapshot } from '../../lib/ports/store.ts';
import { encodeHead, encodeLog, SCHEMA, schemaOf } from '../../lib/store/layout.ts';
import { dynamoSuite } from '../conformance/store/dynamodb.ts';
import type { StoreSuiteOptions } from '../conformance/store/harness.ts';
import { levelSuite } from '../conformance/store/leveldb.ts';
import { memorySuite } from '../conformance/store/memory.ts';
import { easyNetwork, Story, type StoryBlock } from '../helpers/chain-builder.ts';
import { LATE, openRig, TestClock, tipHash, verifier } from '../helpers/chain-rig.ts';
import { describeOnDynoxide } from '../helpers/on-dynoxide.ts';

const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });

const schemaIn = (store: Store): Promise<number> =>
  withSnapshot(store, async (snapshot) => schemaOf(snapshot.head));

/** Writes the head as a release of version `schema` would. */
async function writtenBy(store: Store, chain: Chain, schema: number): Promise<void> {
  const { entry, version } = await chain.tip();
  const move = { from: entry.hash, to: entry.hash, forkHeight: entry.height, height: entry.height };
  const result = await store.commit(version, {
    head: encodeHead(entry, schema),
    log: encodeLog(move, schema),
    changes: [],
  });
  expect(result.ok).toBe(true);
}

const accept = (chain: Chain, block: StoryBlock): Promise<unknown> =>
  chain.acceptBlock(block.block.raw, { asked: true }).then(({ status }) => status);

function cases(suite: StoreSuiteOptions): void {
  const world = async () => {
    const test = await suite.open();
    const { chain, store } = await openRig({ params, store: test.store });
    return { test, chain, store, story: new Story(params) };
  };

  it('a new chain has the newest', async () => {
    const { test, store, chain } = await world();
    expect(await schemaIn(store)).toBe(SCHEMA);
    expect(await chain.raiseSchema()).toBe(false);
    await test.destroy();
  });

  it('data of the release before are read, and go on in its version until it is raised', async () => {
    const { test, store, chain, story } = await world();
    await writtenBy(store, chain, SCHEMA - 1);
    await chain.init();
    expect(await accept(chain, story.mine())).toBe('tip');
    expect(await schemaIn(store)).toBe(SCHEMA - 1);
    const { version } = await chain.tip();
    expect(await chain.raiseSchema()).toBe(true);
    expect(await schemaIn(store)).toBe(SCHEMA);
    expect((await chain.tip()).version).toBe(version + 1);
    expect(await chain.raiseSchema()).toBe(false);
    const block = story.mine();
    expect(await accept(chain, block)).toBe('tip');
    expect(await schemaIn(store)).toBe(SCHEMA);
    expect(await tipHash(chain)).toBe(block.block.header.hash);
    await test.destroy();
  });

  it('is raised once, whoever else raises it or moves the tip', async () => {
    const { test, store, chain, story } = await world();
    await writtenBy(store, chain, SCHEMA - 1);
    const block = story.mine();
    const [first, second, status] = await Promise.all([
      raiseSchema(store),
      raiseSchema(await test.another()),
      accept(chain, block),
    ]);
    expect([first, second].sort()).toEqual([false, true]);
    expect(status).toBe('tip');
    expect(await schemaIn(store)).toBe(SCHEMA);
    expect(await tipHash(chain)).toBe(block.block.header.hash);
    await test.destroy();
  });

  it('data of a newer release are refused and stay as they are', async () => {
    const to = SCHEMA + 1;
    const { test, store, chain, story } = await world();
    expect(await raiseSchema(store, to)).toBe(true);
    const said = `the data has version ${to}, this program reads ${SCHEMA - 1} and ${SCHEMA}`;
    const refusal = { code: 'store-newer', message: `${said}: a newer release wrote it` };
    const started = createChain({ params, store, clock: new TestClock(LATE), verifier });
    await expect(started.init()).rejects.toMatchObject(refusal);
    await expect(chain.tip()).rejects.toMatchObject(refusal);
    await expect(accept(chain, story.mine())).rejects.toMatchObject(refusal);
    await expect(chain.raiseSchema()).rejects.toMatchObject(refusal);
    expect(await schemaIn(store)).toBe(to);
    await test.destroy();
  });
}

describe('in memory', () => cases(memorySuite));
describe('on LevelDB', () => cases(levelSuite));
describeOnDynoxide('on DynamoDB', (connect) => {
  cases(dynamoSuite('dynamodb', connect));
});
