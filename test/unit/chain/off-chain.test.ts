/** The tree of what is off the chain: branches, what the quota gives up, where a path joins. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChangeSet } from '../../../lib/chain/change-set.ts';
import { CHAIN_LIMITS } from '../../../lib/chain/context.ts';
import type { OffNode, OffTree } from '../../../lib/chain/off-chain.ts';
import { descendantsOf, pathOf, trimPath } from '../../../lib/chain/off-chain.ts';
import { planEviction } from '../../../lib/chain/quota.ts';
import type { BlockEntry } from '../../../lib/consensus/types.ts';
import { withSnapshot } from '../../../lib/ports/store.ts';
import type { BlockHash, OutpointKey } from '../../../lib/types.ts';
import { easyNetwork, Story } from '../../helpers/chain-builder.ts';
import { openRig } from '../../helpers/chain-rig.ts';

const node = (
  hash: string,
  prevHash: string,
  height: number,
  more: Partial<OffNode> = {},
): OffNode => ({
  hash: hash as BlockHash,
  prevHash: prevHash as BlockHash,
  height,
  chainwork: BigInt(height),
  bodyBytes: 0,
  validated: false,
  receivedAt: 0,
  hasBody: false,
  ...more,
});

const treeOf = (nodes: readonly OffNode[], invalid: readonly string[] = []): OffTree => ({
  nodes: new Map(nodes.map((one) => [one.hash, one])),
  invalid: new Set(invalid as BlockHash[]),
  unparked: new Set(),
});
const tipAt = (height: number): BlockEntry =>
  ({ height, chainwork: BigInt(height) }) as unknown as BlockEntry;
const names = (nodes: readonly OffNode[]): string[] => nodes.map(({ hash }) => hash);

describe('the tree', () => {
  const tree = treeOf([
    node('a', 'root', 5),
    node('b', 'a', 6),
    node('c', 'b', 7),
    node('d', 'b', 7),
    node('x', 'other', 9),
  ]);
  it('knows paths and descendants', () => {
    expect(names(pathOf(tree, 'c' as BlockHash))).toEqual(['c', 'b', 'a']);
    expect(descendantsOf(tree, 'b' as BlockHash).sort()).toEqual(['b', 'c', 'd']);
    expect(descendantsOf(tree, 'z' as BlockHash)).toEqual(['z']);
  });
});

describe('the quota', () => {
  const { offBytesMax, offHeadersMax, sideDepthMax } = CHAIN_LIMITS;
  it('gives nothing up while there is room', () => {
    expect(planEviction(treeOf([node('a', 'r', 90), node('b', 'a', 91)]), tipAt(100))).toEqual([]);
  });

  it('gives up all that is 288 blocks back, but no part of a better branch', () => {
    const old = [node('a', 'r', 10), node('b', 'a', 11)];
    const better = [node('c', 'r', 10), ...chainFrom('c', 11, 350)];
    const tip = tipAt(11 + sideDepthMax);
    expect(names(planEviction(treeOf(old), tip))).toEqual(['a', 'b']);
    const evicted = names(planEviction(treeOf([...old, ...better]), tip));
    expect(evicted).toEqual(['a', 'b']);
    const spoilt = treeOf([...old, ...better], ['c350']);
    // The better branch is only as good as what is valid of it.
    expect(names(planEviction(spoilt, tip))).toEqual(['a', 'b']);
  });

  it('gives up the branch with the least work first, its top before its root', () => {
    const bodyBytes = offBytesMax / 4;
    const small = [node('s1', 'r', 90, { bodyBytes }), node('s2', 's1', 91, { bodyBytes })];
    const large = [node('l1', 'r', 90, { bodyBytes }), node('l2', 'l1', 91, { bodyBytes })];
    const top = [node('l3', 'l2', 92, { bodyBytes })];
    const tree = treeOf([...large, ...small, ...top]);
    expect(names(planEviction(tree, tipAt(100)))).toEqual(['s2']);
    const more = treeOf([...large, ...small, ...top, node('l4', 'l3', 93, { bodyBytes })]);
    expect(names(planEviction(more, tipAt(100)))).toEqual(['s2', 's1']);
  });

  it('holds for any tree: within bounds, or only what is better is left', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 9 })), { maxLength: 40 }),
        fc.integer({ min: 0, max: 60 }),
        (plan, height) => {
          const nodes: OffNode[] = [];
          plan.forEach(([at, size], i) => {
            const parent = nodes[at];
            const bodyBytes = size * Math.floor(offBytesMax / 20);
            const [prev, low] = parent ? [parent.hash, parent.height] : ['root', 3];
            nodes.push(node(`n${i}`, prev, low + 1, { bodyBytes }));
          });
          const evicted = new Set(planEviction(treeOf(nodes), tipAt(height)));
          const kept = nodes.filter((one) => !evicted.has(one));
          const bytes = kept.reduce((sum, one) => sum + one.bodyBytes, 0);
          const better = (one: OffNode): boolean =>
            one.height > height ||
            kept.some((child) => child.prevHash === one.hash && better(child));
          if (bytes > offBytesMax) expect(kept.every(better)).toBe(true);
          // What is left hangs together, and nothing better was given up.
          for (const one of kept) {
            const parent = nodes.find(({ hash }) => hash === one.prevHash);
            if (parent) expect(kept).toContain(parent);
          }
          for (const one of evicted) expect(one.height).toBeLessThanOrEqual(height);
        },
      ),
    );
  });

  it('counts headers too', () => {
    const nodes = Array.from({ length: offHeadersMax + 5 }, (_, i) => node(`h${i}`, 'r', 90));
    expect(planEviction(treeOf(nodes), tipAt(100)).length).toBe(5);
  });
});

function chainFrom(parent: string, from: number, to: number): OffNode[] {
  return Array.from({ length: to - from + 1 }, (_, i) =>
    node(`${parent}${from + i}`, i === 0 ? parent : `${parent}${from + i - 1}`, from + i),
  );
}

describe('where a path joins the best chain', () => {
  it('is found in short and in long paths', async () => {
    const params = easyNetwork({ maxFutureSeconds: 7200 });
    const { chain, store } = await openRig({ params });
    const story = new Story(params);
    const blocks = story.mineMany(300);
    await chain.acceptBlocks(blocks.slice(0, 250).map(({ block }) => block.raw));
    const links = blocks.map(({ entry }) => node(entry.hash, entry.header.prevHash, entry.height));
    await withSnapshot(store, async (snapshot) => {
      const join = async (from: number, to: number) => {
        const found = await trimPath(snapshot, links.slice(from, to).reverse());
        return found && [found.path.length, found.forkHeight];
      };
      expect(await join(0, 300)).toEqual([50, 250]);
      expect(await join(200, 300)).toEqual([50, 250]);
      expect(await join(0, 100)).toEqual([0, 100]);
      expect(await join(240, 260)).toEqual([10, 250]);
      expect(await join(250, 300)).toEqual([50, 250]);
      expect(await join(251, 300)).toBeUndefined();
      expect(await join(0, 0)).toBeUndefined();
      // A branch: its nodes lie below the tip and have not joined.
      const branch = story.mineMany(180, { on: blocks[100]! });
      const path = branch.map(({ entry }) => node(entry.hash, entry.header.prevHash, entry.height));
      const found = await trimPath(snapshot, [...links.slice(0, 101), ...path].reverse());
      expect([found?.path.length, found?.forkHeight]).toEqual([180, 101]);
      expect((await trimPath(snapshot, [...path].reverse()))?.forkHeight).toBe(101);
    });
  });
});

describe('changes of one commit', () => {
  const key = (sk: string) => ({ pk: 'P', sk });
  const one = Uint8Array.of(1);
  const two = Uint8Array.of(2);
  it('are folded to one a row; what came and went is left out', () => {
    const set = new ChangeSet();
    set.takeBack(key('gone'), undefined);
    set.takeBack(key('back'), undefined);
    set.coin('made:0' as OutpointKey, key('made'), one, false);
    set.coin('made:0' as OutpointKey, key('made'), undefined, true);
    set.coin('spent:0' as OutpointKey, key('spent'), undefined, true);
    set.coin('again:0' as OutpointKey, key('again'), undefined, true);
    set.coin('again:0' as OutpointKey, key('again'), two, false);
    set.put(key('back'), two);
    set.put(key('new'), one);
    const changes = set.list().map(({ sk, value }) => `${sk} ${value?.[0] ?? '-'}`);
    expect(changes.sort()).toEqual(['again 2', 'back 2', 'gone -', 'new 1', 'spent -']);
    expect(() => set.takeBack(key('late'), undefined)).toThrow('leaves after one joined');
  });
});
