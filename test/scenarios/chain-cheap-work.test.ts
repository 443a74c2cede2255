/** Cheap work buys no storage: what floods leave behind, in bytes. */
import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createMemoryStore, type MemoryStore } from '../../lib/adapters/memory-store.ts';
import { decodeHeader, encodeHeader } from '../../lib/codec/header.ts';
import { childEntry, genesisEntry, nextBitsFor } from '../../lib/consensus/context.ts';
import { decodeCompact } from '../../lib/consensus/pow.ts';
import type { BlockEntry } from '../../lib/consensus/types.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import { foundNetwork, regtest, stacknetBase } from '../../lib/params/index.ts';
import type { BlockHash, BlockHeader, Hash } from '../../lib/types.ts';
import { Story } from '../helpers/chain-builder.ts';
import { acceptAll, openRig, tipHash } from '../helpers/chain-rig.ts';

const BATCH = 2_000;
const MILLION = 1_000_000;
const BRANCHES = 20;
const SIBLINGS = 10_000;

const flipped = (bytes: Buffer): bigint =>
  BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
const doubleHash = (raw: Uint8Array): Buffer =>
  hash('sha256', hash('sha256', raw, 'buffer'), 'buffer');

/** Mines a header with the host's hash, for these are many. */
function mine(parent: BlockEntry, params: ChainParams, time: number, tag: number): BlockHeader {
  const bits = nextBitsFor(parent, params);
  const { target } = decodeCompact(bits);
  const root = tag.toString(16).padStart(64, '0') as Hash;
  const fields = { version: 4, prevHash: parent.hash, merkleRoot: root, time, bits, nonce: 0 };
  const raw = encodeHeader(fields);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  for (let nonce = 0; flipped(doubleHash(raw)) > target; nonce++) view.setUint32(76, nonce, true);
  const header = decodeHeader(raw);
  if (!header.ok) throw new Error(header.reject.reason);
  return header.value;
}

function mineChain(
  from: BlockEntry,
  params: ChainParams,
  plan: { count: number; spacing: number; tag: number },
): { headers: BlockHeader[]; last: BlockEntry } {
  const headers: BlockHeader[] = [];
  let last = from;
  for (let i = 0; i < plan.count; i++) {
    const time = last.header.time + plan.spacing;
    const header = mine(last, params, time, plan.tag + i);
    headers.push(header);
    last = childEntry(header, last, params);
  }
  return { headers, last };
}

/** Bytes of all loose rows that the chain may have written for what is not on it. */
async function bytesOf(store: MemoryStore, hashes: readonly BlockHash[]): Promise<number> {
  let bytes = 0;
  for (const pk of ['O', 'W', 'X', 'R', 'Q', ...hashes.flatMap((id) => [`B#${id}`, `H#${id}`])]) {
    for (const row of await store.list(pk, { limit: 10_000 })) {
      bytes += row.pk.length + row.sk.length + row.value.length;
    }
  }
  return bytes;
}

describe('cheap work buys no storage', () => {
  it('a million headers at the floor difficulty', async ({ annotate }) => {
    // The honest chain works 4,096 times as hard as the floor asks, for 300 blocks.
    const floor = { powLimitBits: 0x207fffff, powLimit: decodeCompact(0x207fffff).target };
    const base = { ...stacknetBase, ...floor, name: 'floodnet', maxFutureSeconds: 60 };
    const params = foundNetwork({ time: 1_700_000_000, bits: 0x1f0fffff }, { base });
    const store = createMemoryStore();
    const { chain, clock } = await openRig({ params, store });
    const genesis = genesisEntry(params);
    const honest = mineChain(genesis, params, { count: 300, spacing: 15, tag: 1 });
    clock.seconds = 1_800_000_000;
    // All honest headers, so that the best chain known has their work.
    expect(await chain.acceptHeaders(honest.headers)).toMatchObject({ added: 300 });
    // From here the threshold is what it is for a node at that height.
    const threshold = chain.storageThreshold(honest.last);
    const before = await chain.offChainUsage();
    const hard = createMemoryStore();
    const strict = { ...params, minimumChainWork: threshold };
    const flooded = await openRig({ params: strict, store: hard, now: clock.seconds });
    const branches = Array.from({ length: BRANCHES }, (_, i) =>
      mineChain(genesis, params, { count: BATCH, spacing: 2_400, tag: (i + 1) * 10_000 }),
    );
    for (const { last } of branches) expect(last.chainwork).toBeLessThan(threshold);
    const rows = await hard.list('W');
    let offered = 0;
    const raws = branches.map(({ headers }) => headers.map(({ raw }) => raw));
    while (offered < MILLION) {
      const batch = (raws[(offered / BATCH) % BRANCHES] ?? []).map((raw) => {
        const header = decodeHeader(raw);
        if (!header.ok) throw new Error(header.reject.reason);
        return header.value;
      });
      expect(await flooded.chain.acceptHeaders(batch)).toEqual({ status: 'low-work' });
      offered += batch.length;
    }
    expect(offered).toBe(MILLION);
    expect(await hard.list('W')).toEqual(rows);
    expect(await flooded.chain.offChainUsage()).toEqual({ headers: 0, bytes: 0 });
    await annotate(`${offered} headers offered, 0 bytes stored; honest: ${before.bytes}`);
    // The same chain with the work is taken.
    expect(await flooded.chain.acceptHeaders(honest.headers)).toMatchObject({ added: 300 });
  });

  it('10,000 siblings, as headers and as bodies', async ({ annotate }) => {
    const story = new Story(regtest);
    const store = createMemoryStore();
    const { chain } = await openRig({ store });
    const trunk = story.mineMany(5);
    await acceptAll(chain, trunk);
    const parent = trunk[3]!;
    const tip = await tipHash(chain);
    const hashes: BlockHash[] = [];
    const seen = new Map<string, number>();
    for (let i = 0; i < SIBLINGS; i++) {
      const block = story.build({ on: parent, reward: 5e9 });
      hashes.push(block.header.hash);
      const { status } =
        i % 2 === 0
          ? await chain.acceptBlock(block.raw, { asked: i % 4 === 0 })
          : await chain.acceptHeaders([block.header]);
      seen.set(status, (seen.get(status) ?? 0) + 1);
    }
    expect(seen.get('side')! + seen.get('stored')!).toBe(16);
    expect(seen.get('inconclusive')! + seen.get('low-work')!).toBe(SIBLINGS - 16);
    const usage = await chain.offChainUsage();
    expect(usage.headers).toBe(16);
    expect(usage.bytes).toBeLessThan(16 * 2_000);
    expect(await bytesOf(store, hashes)).toBe(usage.bytes);
    await annotate(`${SIBLINGS} siblings offered, ${usage.bytes} bytes stored`);
    expect(await tipHash(chain)).toBe(tip);
    // A branch that brings more than all of them is taken all the same.
    const a = story.mine({ name: 'a', on: parent });
    const b = story.mine({ name: 'b', on: a });
    expect(await chain.acceptHeaders([a.block.header, b.block.header])).toMatchObject({ added: 2 });
    expect(await acceptAll(chain, [a, b])).toEqual(['side', 'tip']);
  });

  it('10,000 bodies that nobody asked for', async ({ annotate }) => {
    const story = new Story(regtest);
    const store = createMemoryStore();
    const { chain } = await openRig({ store });
    const trunk = story.mineMany(30);
    await acceptAll(chain, trunk);
    const hashes: BlockHash[] = [];
    for (let i = 0; i < SIBLINGS; i++) {
      // On all blocks but the tip in turn; every thirtieth on one that is not known at all.
      const on = trunk[i % 30]!;
      const unknown = i % 30 === 29;
      const block = story.build({
        on: unknown ? trunk[20]! : on,
        reward: 5e9,
        ...(unknown && {
          header: (fields) => ({
            ...fields,
            prevHash: i.toString(16).padStart(64, 'f') as BlockHash,
          }),
        }),
      });
      hashes.push(block.header.hash);
      const outcome = await chain.acceptBlock(block.raw, { asked: false });
      expect(['inconclusive', 'side', 'orphan']).toContain(outcome.status);
    }
    const usage = await chain.offChainUsage();
    // Sixteen siblings of the tip; orphans are bounded by themselves.
    expect(usage.headers).toBe(16);
    expect((await store.list('Q')).length).toBe(16);
    expect(usage.bytes).toBeLessThan(32 * 2_000);
    await annotate(`${SIBLINGS} bodies offered, ${usage.bytes} bytes stored`);
    expect(await tipHash(chain)).toBe(trunk.at(-1)!.entry.hash);
    // Orphans go after an hour, the rest when the chain is 288 blocks on.
    const { chain: later, clock } = await openRig({ store });
    clock.seconds += 3_700;
    await acceptAll(later, story.mineMany(289, { on: trunk.at(-1)! }));
    await later.tick();
    expect(await later.offChainUsage()).toEqual({ headers: 0, bytes: 0 });
    expect(await bytesOf(store, hashes)).toBe(0);
  });

  it('the quota spares a branch with more work than the tip', async () => {
    const story = new Story(regtest);
    const store = createMemoryStore();
    const { chain } = await openRig({ store });
    const trunk = story.mineMany(12);
    await acceptAll(chain, trunk);
    const better = story.mineMany(16, { on: trunk[0]! });
    // Headers alone of a better branch: nothing of it may be given up.
    expect(await chain.acceptHeaders(better.map(({ block }) => block.header))).toMatchObject({
      added: 16,
    });
    const side = story.mineMany(3, { on: trunk[8]! });
    await acceptAll(chain, side);
    await chain.tick();
    expect((await chain.offChainUsage()).headers).toBe(19);
    expect((await chain.bestHeader()).hash).toBe(better.at(-1)!.entry.hash);
    expect(await chain.missingBodies(100)).toEqual(better.map(({ entry }) => entry.hash));
  });
});
