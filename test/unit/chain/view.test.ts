/** What a view answers, against a brute-force walk over the story's blocks. */
import { describe, expect, it } from 'vitest';
import { medianTimePast } from '../../../lib/consensus/context.ts';
import { scriptHash } from '../../../lib/script/p2pkh.ts';
import type { ScriptHash, Tx, Txid } from '../../../lib/types.ts';
import { easyNetwork, Story, type StoryBlock, storyKey } from '../../helpers/chain-builder.ts';
import {
  acceptAll,
  busyChain,
  openRig,
  replayCoins,
  STORES,
  scriptsOf,
} from '../../helpers/chain-rig.ts';

const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });

interface Walk {
  readonly history: { txid: Txid; height: number; position: number }[];
  readonly totals: Record<string, number>;
}

/** History, newest first, and totals of one script, from the blocks alone. */
function walk(blocks: readonly StoryBlock[], script: ScriptHash): Walk {
  const history: Walk['history'] = [];
  const totals = { txCount: 0, fundedCount: 0, fundedSats: 0, spentCount: 0, spentSats: 0 };
  for (const { block, effects, entry } of blocks) {
    block.txs.forEach(({ txid }, position) => {
      const isOurs = (bytes: Uint8Array): boolean => scriptHash(bytes) === script;
      const made = effects.created.filter((c) => c.txid === txid && isOurs(c.coin.scriptPubKey));
      const gone = effects.spent.filter((s) => s.spender === txid && isOurs(s.coin.scriptPubKey));
      if (made.length + gone.length === 0) return;
      history.unshift({ txid, height: entry.height, position });
      totals.txCount++;
      totals.fundedCount += made.length;
      totals.spentCount += gone.length;
      for (const { coin } of made) totals.fundedSats += coin.value;
      for (const { coin } of gone) totals.spentSats += coin.value;
    });
  }
  return { history, totals };
}

describe.each(STORES)('a view on $name', ({ open }) => {
  it('agrees with a walk over all blocks, before and after a reorganisation', async () => {
    const { store, done } = await open();
    const { chain } = await openRig({ params, store });
    const story = new Story(params);
    const trunk = busyChain(story, { on: story.genesis, length: 6, tag: 't' });
    const a = busyChain(story, { on: trunk[5]!, length: 4, tag: 'a' });
    const b = busyChain(story, { on: trunk[5]!, length: 5, tag: 'b' });
    await acceptAll(chain, trunk);
    const all = [...trunk, ...a, ...b];
    for (const branch of [a, b]) {
      await acceptAll(chain, branch);
      const blocks = [...trunk, ...branch];
      const coins = replayCoins(branch.at(-1)!);
      await chain.view(async (view) => {
        expect(view.tip.entry.hash).toBe(branch.at(-1)!.entry.hash);
        for (const bytes of scriptsOf(all)) {
          const script = scriptHash(bytes);
          const expected = walk(blocks, script);
          expect(await view.addressTotals(script)).toEqual(expected.totals);
          expect(await view.addressHistory(script, { limit: 1000 })).toEqual(expected.history);
          const own = [...coins].filter(([, coin]) => scriptHash(coin.scriptPubKey) === script);
          const found = await view.addressCoins(script);
          expect(found.map(({ outpoint }) => `${outpoint.txid}:${outpoint.vout}`).sort()).toEqual(
            own.map(([outpoint]) => outpoint).sort(),
          );
          const { fundedSats = 0, spentSats = 0 } = expected.totals;
          const balance = found.reduce((sum, { coin }) => sum + coin.value, 0);
          expect(balance).toBe(fundedSats - spentSats);
        }
        for (const { block, entry } of blocks) {
          expect(await view.hashAt(entry.height)).toBe(entry.hash);
          expect(await view.medianTimeAt(entry.height)).toBe(medianTimePast(entry));
          expect(await view.isOnBestChain(entry)).toBe(true);
          for (const [position, tx] of block.txs.entries()) {
            const found = await view.locate(tx.txid);
            expect(found).toMatchObject({ blockHash: entry.hash, height: entry.height, position });
            expect(found?.tx.raw).toEqual(tx.raw);
          }
        }
        for (const { effects, entry } of blocks) {
          for (const { outpoint, spender, vin } of effects.spent) {
            const [txid, vout] = outpoint.split(':');
            expect(await view.outspend({ txid: txid as Txid, vout: Number(vout) })).toEqual({
              txid: spender,
              vin,
              height: entry.height,
            });
          }
        }
        expect(await view.hashAt(blocks.length + 1)).toBeUndefined();
        expect(await view.hashAt(-1)).toBeUndefined();
      });
    }
    await chain.view(async (view) => {
      for (const { entry, block } of a) {
        expect(await view.isOnBestChain(entry)).toBe(false);
        expect(await view.locate(block.txs[0]!.txid)).toBeUndefined();
      }
    });
    await done();
  });

  it('pages of history and of coins belong together', async () => {
    const { store, done } = await open();
    const { chain } = await openRig({ params, store });
    const story = new Story(params);
    const blocks = busyChain(story, { on: story.genesis, length: 30, tag: 'p' });
    await chain.acceptBlocks(blocks.map(({ block }) => block.raw));
    const script = scriptHash(storyKey('other', params).script);
    await chain.view(async (view) => {
      const whole = await view.addressHistory(script, { limit: 1000 });
      expect(whole.length).toBeGreaterThan(25);
      expect((await view.addressHistory(script)).length).toBe(25);
      const paged = [];
      let after: Txid | undefined;
      for (;;) {
        const page = await view.addressHistory(script, { limit: 7, ...(after && { after }) });
        if (page.length === 0) break;
        paged.push(...page);
        after = page.at(-1)!.txid;
      }
      expect(paged).toEqual(whole);
      const coins = await view.addressCoins(script);
      const some = await view.addressCoins(script, { limit: 10 });
      const last = some.at(-1)!.outpoint;
      const rest = await view.addressCoins(script, { after: `${last.txid}:${last.vout}` });
      expect([...some, ...rest]).toEqual(coins);
      const nobody = 'f'.repeat(64) as Txid;
      expect(await view.addressHistory(script, { after: nobody })).toEqual([]);
    });
    await done();
  });
});

describe('coins of a transaction', () => {
  const story = new Story(params);
  const blocks = busyChain(story, { on: story.genesis, length: 4, tag: 'c' });
  const next = story.pay({ from: 'c3y:1', to: 'new', sats: 500 });
  const cells = async (tx: Tx) => {
    const { chain } = await openRig({ params });
    await acceptAll(chain, blocks);
    return chain.view((view) => view.coinsOf(tx));
  };

  it('are found by the key that the input shows', async () => {
    const [cell] = await cells(next);
    expect(cell!.coin?.value).toBe(Number(story.output('c3y:1').output.value));
    expect(cell!.cell.version).toBeGreaterThan(0);
    expect(cell!.sk).toBe(`c#${story.output('c3y:1').outpoint}`);
  });

  it('are found although the input shows another key, or none', async () => {
    for (const input of [
      { coin: 'c3y:1', key: 'thief' },
      { coin: 'c3y:1', scriptSig: new Uint8Array(3) },
    ]) {
      const forged = story.spend({ inputs: [input], outputs: [{ to: 'thief', sats: 1 }] });
      const [cell] = await cells(forged);
      expect(cell!.coin?.scriptPubKey).toEqual(story.output('c3y:1').output.scriptPubKey);
    }
  });

  it('are not there once spent, or when nobody made them', async () => {
    const spent = story.pay({ from: 'c2y:1', to: 'new', sats: 500 });
    expect((await cells(spent))[0]).not.toHaveProperty('coin');
    const future = story.pay({ from: `${next.txid}:1`, to: 'new', sats: 5 });
    const [cell] = await cells(future);
    expect(cell).not.toHaveProperty('coin');
    expect(cell!.cell.version).toBe(0);
    expect(cell!.pk).toBe(`A#${scriptHash(story.output('c3y:1').output.scriptPubKey)}`);
  });
});
