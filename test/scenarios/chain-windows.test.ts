/** Very many changes: sync windows and long branches go in several commits, none to less work. */
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { CHAIN_LIMITS } from '../../lib/chain/context.ts';
import type { Store } from '../../lib/ports/store.ts';
import { scriptHash } from '../../lib/script/p2pkh.ts';
import { decodeHead } from '../../lib/store/layout.ts';
import { easyNetwork, Story, type StoryBlock } from '../helpers/chain-builder.ts';
import {
  acceptAll,
  coinLines,
  openRig,
  replayLines,
  scriptsOf,
  tipHash,
} from '../helpers/chain-rig.ts';

const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });
/** Below the sigops that a block may hold. */
const OUTPUTS = 18_000;

/** Each block but the first makes 18,000 coins. */
function fatChain(story: Story, on: StoryBlock, length: number, tag: string): StoryBlock[] {
  const blocks = [story.mine({ name: `${tag}0`, on })];
  for (let i = 1; i < length; i++) {
    const tx = story.spend({
      inputs: [`${tag}${i - 1}:0`],
      outputs: Array.from({ length: OUTPUTS }, () => ({ to: 'many', sats: 1 })),
    });
    blocks.push(story.mine({ name: `${tag}${i}`, on: blocks[i - 1]!, txs: [tx] }));
  }
  return blocks;
}

interface Committed {
  readonly changes: number;
  readonly work: bigint;
  readonly keys: readonly string[];
}

/** Sizes of commits and the work that each leads to. */
function watched(store: Store): { store: Store; commits: Committed[] } {
  const commits: Committed[] = [];
  return {
    commits,
    store: new Proxy(store, {
      get(target, name: keyof Store) {
        if (name !== 'commit') return target[name].bind(target);
        return async (...[version, commit]: Parameters<Store['commit']>) => {
          const result = await target.commit(version, commit);
          const { chainwork: work } = decodeHead(commit.head);
          const keys = commit.changes.map(({ sk }) => sk);
          if (result.ok) commits.push({ changes: keys.length, work, keys });
          return result;
        };
      },
    }),
  };
}

describe('very many changes', () => {
  const story = new Story(params);
  const fat = fatChain(story, story.genesis, 6, 'f');

  it('a window is split where it passes 50,000', async () => {
    const { store, commits } = watched(createMemoryStore());
    const { chain } = await openRig({ params, store });
    const outcomes = await chain.acceptBlocks(fat.map(({ block }) => block.raw));
    expect(outcomes.map(({ status }) => status)).toEqual(Array(6).fill('tip'));
    expect(commits.length).toBe(3);
    for (const { changes } of commits.slice(1, -1)) {
      expect(changes).toBeGreaterThan(CHAIN_LIMITS.windowChangesMax);
      expect(changes).toBeLessThan(CHAIN_LIMITS.windowChangesMax + 2 * OUTPUTS);
    }
    const versions = outcomes.map((outcome) => outcome.status === 'tip' && outcome.change.version);
    expect(versions).toEqual([2, 2, 2, 2, 3, 3]);
    await chain.view(async (view) => {
      const totals = await view.addressTotals(scriptHash(story.key('many').script));
      expect(totals).toMatchObject({
        txCount: 5,
        fundedCount: 5 * OUTPUTS,
        fundedSats: 5 * OUTPUTS,
      });
    });
  });

  it('a long branch is taken in several commits, each to more work', async () => {
    const { store, commits } = watched(createMemoryStore());
    const { chain } = await openRig({ params, store });
    const short = story.mineMany(2, { on: story.genesis });
    await acceptAll(chain, short);
    // The first block comes last: the whole branch is there at once.
    expect(await acceptAll(chain, fat.slice(1))).toEqual(Array(5).fill('orphan'));
    const outcome = await chain.acceptBlock(fat[0]!.block.raw, { asked: true });
    if (outcome.status !== 'tip') throw new Error(outcome.status);
    expect(commits.length).toBe(1 + 2 + 2);
    const works = commits.map(({ work }) => work);
    expect(works).toEqual([...works].sort((a, b) => (a < b ? -1 : 1)));
    expect(new Set(works).size).toBe(works.length);
    const { change } = outcome;
    expect(change.disconnected).toEqual(short.map(({ entry }) => entry.hash).reverse());
    expect(change.connected).toEqual(fat.map(({ entry }) => entry.hash));
    expect(change.confirmed.length).toBe(5);
    expect(await tipHash(chain)).toBe(fat[5]!.entry.hash);
    const small = scriptsOf([fat[0]!, ...short]);
    const lines = replayLines(fat[5]!).filter((line) => !/^\S+ 1 /.test(line));
    expect(await coinLines(store, small)).toEqual(lines);
  });

  it('what is made and spent within a window is never written', async () => {
    const { store, commits } = watched(createMemoryStore());
    const { chain } = await openRig({ params, store });
    const own = new Story(params);
    const blocks = [own.mine({ name: 'w0' })];
    for (let i = 1; i <= 40; i++) {
      const tx = own.pay({
        name: `p${i}`,
        from: i === 1 ? 'w0:0' : `p${i - 1}:1`,
        to: 'x',
        sats: 1,
      });
      blocks.push(own.mine({ name: `w${i}`, txs: [tx], payTo: 'pool' }));
    }
    await chain.acceptBlocks(blocks.map(({ block }) => block.raw));
    // Per block: height, 2 transactions, outspend, coins (pool, x), histories (pool, miner, x).
    expect(commits[1]!.changes).toBeLessThanOrEqual(41 * 9 + 10);
    const keys = new Set(commits[1]!.keys);
    for (let i = 1; i < 40; i++) expect(keys).not.toContain(`c#${own.output(`p${i}:1`).outpoint}`);
    expect(keys).toContain(`c#${own.output('p40:1').outpoint}`);
    expect(await coinLines(store, scriptsOf(blocks))).toEqual(replayLines(blocks.at(-1)!));
  });
});
