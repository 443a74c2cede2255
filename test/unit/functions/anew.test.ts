/** The HTTP app belongs to its host: made anew with it (its peers changed), and only then. */
import { expect, it, vi } from 'vitest';
import { createHandler } from '../../../functions/api.ts';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import { easyNetwork, Story } from '../../helpers/chain-builder.ts';
import { openNode, request } from './rig.ts';

const mocks = vi.hoisted(() => ({ getHost: vi.fn() }));
vi.mock('../../../functions/host.ts', () => mocks);

it('a request is answered by the node of the present host, whose sends are waited for', async () => {
  const story = new Story(easyNetwork());
  const makeHost = async (blocks: number) => {
    const node = await openNode(story, createMemoryStore(), 'own');
    for (const { block } of story.mineMany(blocks)) {
      await node.chain.acceptBlock(block.raw, { asked: true });
    }
    return { node, finish: vi.fn(async () => {}), telemetry: { log: vi.fn() } };
  };
  const [old, anew] = [await makeHost(0), await makeHost(2)];
  const more = vi.fn(async () => ({ authorize: async () => false }));
  const handler = createHandler('public', more);
  const height = async (): Promise<string> => {
    const answer = await handler(request('GET', '/api/blocks/tip/height') as never);
    return (answer as { body: string }).body;
  };
  mocks.getHost.mockResolvedValue(old);
  expect([await height(), await height()]).toEqual(['0', '0']);
  mocks.getHost.mockResolvedValue(anew);
  expect([await height(), await height()]).toEqual(['2', '2']);
  expect(more.mock.calls).toEqual([[old], [anew]]);
  expect([old.finish.mock.calls.length, anew.finish.mock.calls.length]).toEqual([2, 2]);
});
