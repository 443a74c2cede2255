/**
 * The chain on DynamoDB, unchanged: forks, a window, death at every request that writes. The suite of
 * the store itself is test/conformance; this shows that the chain asks nothing else of a store.
 */
import { expect, it } from 'vitest';
import { dynamoSuite } from '../conformance/store/dynamodb.ts';
import { easyNetwork, Story } from '../helpers/chain-builder.ts';
import {
  acceptAll,
  busyChain,
  coinLines,
  openRig,
  replayLines,
  scriptsOf,
  stateDigest,
  tipHash,
} from '../helpers/chain-rig.ts';
import { describeOnDynoxide } from '../helpers/on-dynoxide.ts';

const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });

describeOnDynoxide('the chain on DynamoDB', (connect) => {
  const suite = dynamoSuite('dynamodb', connect);

  it('forks, reorganises, takes a window, and ends as in memory', async () => {
    const test = await suite.open();
    const { chain, store } = await openRig({ params, store: test.store });
    const story = new Story(params);
    const trunk = busyChain(story, { on: story.genesis, length: 3, tag: 't' });
    const a = busyChain(story, { on: trunk[2]!, length: 2, tag: 'a' });
    const b = busyChain(story, { on: trunk[2]!, length: 12, tag: 'b' });
    expect(await acceptAll(chain, [...trunk, ...a])).toEqual(Array(5).fill('tip'));
    expect(await acceptAll(chain, b.slice(0, 3))).toEqual(['side', 'side', 'tip']);
    const outcomes = await chain.acceptBlocks(b.slice(3).map(({ block }) => block.raw));
    expect(outcomes.map(({ status }) => status)).toEqual(Array(9).fill('tip'));
    const memory = await openRig({ params });
    await acceptAll(memory.chain, [...trunk, ...b]);
    const best = [...trunk, ...b];
    expect(await stateDigest(store, best)).toBe(await stateDigest(memory.store, best));
    expect(await coinLines(store, scriptsOf([...best, ...a]))).toEqual(replayLines(b.at(-1)!));
    await chain.tick();
    expect((await chain.tips()).map(({ status }) => status)).toEqual(['active', 'valid-fork']);
    await test.destroy();
  });

  it('dead at any request: old or new, and the next goes on', async () => {
    const story = new Story(params);
    const trunk = busyChain(story, { on: story.genesis, length: 2, tag: 't' });
    const a = busyChain(story, { on: trunk[0]!, length: 3, tag: 'a' });
    const all = [...trunk, ...a];
    let died = true;
    for (let n = 1; died; n++) {
      const test = await suite.open();
      const first = await openRig({ params, store: test.store });
      await acceptAll(first.chain, [...trunk, a[0]!]);
      const dying = await test.dying!(n, { done: n % 2 === 0 });
      const mortal = await openRig({ params, store: dying.store });
      await acceptAll(mortal.chain, a.slice(1)).catch(() => undefined);
      died = dying.died();
      const store = await test.reopen!();
      const { chain } = await openRig({ params, store });
      await chain.activateBest();
      const hash = await tipHash(chain);
      const at = [trunk[1]!, a[1]!, a[2]!].find(({ entry }) => entry.hash === hash);
      expect(at, `request ${n}`).toBeDefined();
      expect(await coinLines(store, scriptsOf(all)), `request ${n}`).toEqual(replayLines(at!));
      await acceptAll(chain, a);
      expect(await tipHash(chain)).toBe(a[2]!.entry.hash);
      expect(await coinLines(store, scriptsOf(all))).toEqual(replayLines(a[2]!));
      await test.destroy();
    }
  });
});
