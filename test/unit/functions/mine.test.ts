/** The miner's function with a node in memory: what it makes of a call, and when it calls itself. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { AwsHost } from '../../../functions/host.ts';
import { handler, readEvent } from '../../../functions/mine.ts';
import { createMinerCalls } from '../../../functions/miner-calls.ts';
import { handler as tick } from '../../../functions/tick.ts';
import { UNCLAIMED } from '../../../lib/mining/coinbase.ts';
import type { Node } from '../../../lib/node/types.ts';
import { rejectOf } from '../../../lib/rejects.ts';
import { easyNetwork, Story, storyKey } from '../../helpers/chain-builder.ts';
import { heightOf, type NetNode, NodeNet, tipOf } from '../../helpers/node-net.ts';

const hosts: { now?: AwsHost } = {};
vi.mock('../../../functions/host.ts', () => ({ getHost: async () => hosts.now }));

type Fields = Record<string, string | number | boolean>;

let net: NodeNet;
let a: NetNode;
let story: Story;
let calls: unknown[][];
let finished: Fields[];

/** `node`: what is other than the node's own; `sleeping`: what happens while the function waits. */
function host(of: { readonly node?: Partial<Node>; readonly address?: string } = {}): void {
  hosts.now = {
    environment: { miningAddress: of.address },
    node: { ...a.node, ...of.node },
    telemetry: { metric() {}, log() {}, flush() {} },
    async wakeMiner(...call: unknown[]) {
      calls.push(call);
    },
    async finish(fields: Fields) {
      finished.push(fields);
    },
  } as unknown as AwsHost;
}

beforeEach(async () => {
  net = new NodeNet({ params: easyNetwork({ maturity: 1, reorgLimit: 0 }) });
  a = await net.add('a');
  story = new Story(net.params);
  story.key('alice');
  for (const name of ['one', 'two']) {
    await net.mine(a, 1, 'alice');
    const [coinbase] = (await a.node.chain.block(await tipOf(a)))?.txs ?? [];
    if (coinbase === undefined) throw new Error('no coinbase');
    story.name(coinbase, name);
  }
  [calls, finished] = [[], []];
  host();
});

const pay = async (coin: string): Promise<void> => {
  const tx = story.pay({ from: `${coin}:0`, to: 'bob', sats: 10_000 });
  await a.node.acceptTx(tx.raw, { local: true });
};
/** The next payment comes in while the block of the first is being committed. */
const another = (coin: string): Partial<Node> => ({
  async acceptBlock(raw, how) {
    const outcome = await a.node.acceptBlock(raw, how);
    await pay(coin);
    return outcome;
  },
});
const reward = async () =>
  (await a.node.chain.block(await tipOf(a)))?.txs[0]?.outputs.map(({ scriptPubKey, value }) => ({
    scriptPubKey,
    value,
  }));

describe('an event', () => {
  it.each([
    [
      { cause: 'user', turn: 0 },
      { cause: 'user', turn: 0 },
    ],
    [
      { cause: 'left', turn: 7 },
      { cause: 'left', turn: 7 },
    ],
    [{ cause: 'tick' }, { cause: 'tick', turn: 0 }],
    [
      { cause: 'peer', turn: -1 },
      { cause: 'peer', turn: 0 },
    ],
    [
      { source: 'aws.events', 'detail-type': 'Scheduled Event' },
      { cause: 'hourly', turn: 0 },
    ],
    [
      { cause: 'hourly', turn: 'x' },
      { cause: 'hourly', turn: 0 },
    ],
    [{}, { cause: 'hourly', turn: 0 }],
    [null, { cause: 'hourly', turn: 0 }],
    ['user', { cause: 'hourly', turn: 0 }],
  ])('%j is %j', (event, read) => {
    expect(readEvent(event)).toEqual(read);
  });
});

describe('the handler', () => {
  it('mines one block and says so in its one line', async () => {
    await pay('one');
    await handler({ cause: 'left', turn: 3 });
    expect(await heightOf(a)).toBe(3);
    expect(calls).toEqual([]);
    expect(finished).toMatchObject([
      { event: 'mine', cause: 'left', turn: 3, end: 'found', hash: await tipOf(a), more: false },
    ]);
    expect(await reward()).toEqual([{ scriptPubKey: UNCLAIMED, value: 0n }]);
  });

  it('pays the address of the stack', async () => {
    host({ address: storyKey('carol', net.params).address });
    await pay('one');
    await handler({ cause: 'left', turn: 0 });
    const { script } = storyKey('carol', net.params);
    expect((await reward())?.map(({ scriptPubKey }) => scriptPubKey)).toEqual([script]);
    host({ address: 'nobody' });
    await expect(handler({ cause: 'left', turn: 0 })).rejects.toThrow('not a valid address');
  });

  it('has itself called again for what was left over, sixteen times at most', async () => {
    host({ node: another('two') });
    await pay('one');
    await handler({ cause: 'left', turn: 14 });
    expect(calls).toEqual([['left', 15]]);
    host();
    await handler({ cause: 'left', turn: 15 });
    expect(calls.length).toBe(1);
    host({ node: another('three') });
    await net.mine(a, 1, 'alice');
    for (const name of ['three', 'four']) {
      await net.mine(a, 1, 'alice');
      const [coinbase] = (await a.node.chain.block(await tipOf(a)))?.txs ?? [];
      story.name(coinbase!, name);
    }
    await pay('four');
    await handler({ cause: 'left', turn: 15 });
    expect(finished.at(-1)).toMatchObject({ end: 'found', more: true });
    expect(calls.length).toBe(1);
  });

  it('fails where the node refuses its block: the alarm on errors must see it', async () => {
    const reject = rejectOf('bad-cb-amount');
    host({ node: { acceptBlock: async () => ({ status: 'rejected', reject }) } });
    await pay('one');
    await expect(handler({ cause: 'left', turn: 0 })).rejects.toThrow('refused a block');
    // Its line and metrics were written all the same.
    expect(finished).toMatchObject([{ end: 'refused' }]);
  });
});

describe('housekeeping', () => {
  const housekeep = async (count: number, mineFunction?: string): Promise<void> => {
    host();
    const now = hosts.now as AwsHost;
    const mempool = { ...a.node.mempool, info: async () => ({ count }) };
    const node = { ...a.node, mempool };
    hosts.now = { ...now, node, environment: { mineFunction } } as unknown as AwsHost;
    (hosts.now as { nudgeSync: unknown }).nudgeSync = async () => undefined;
    (hosts.now as { wakeSyncIfBehind: unknown }).wakeSyncIfBehind = async () => undefined;
    await tick({});
  };

  it('calls it while any transaction waits, and only then', async () => {
    await housekeep(0, 'n-mine');
    expect(calls).toEqual([]);
    await housekeep(3, 'n-mine');
    expect(calls).toEqual([['tick']]);
    await housekeep(3);
    expect(calls.length).toBe(1);
    expect(finished.length).toBe(3);
  });

  it('calls it also when something else of it failed', async () => {
    a.node.tick = async () => {
      throw new Error('a peer is away');
    };
    await expect(housekeep(1, 'n-mine')).rejects.toThrow('a peer is away');
    expect(calls).toEqual([['tick']]);
  });
});

describe('calls of the miner', () => {
  const telemetry = { metric() {}, log: vi.fn() };
  interface Call {
    readonly input: { FunctionName: string; InvocationType: string; Payload: string };
  }

  it('are made at once, by name, without waiting for it, and are waited for at the end', async () => {
    const sent: Call['input'][] = [];
    let open: () => void = () => undefined;
    const lambda = {
      send({ input }: Call) {
        sent.push(input);
        return new Promise<void>((resolve) => {
          open = resolve;
        });
      },
    };
    const miner = createMinerCalls({ lambda: lambda as never, functionName: 'n-mine', telemetry });
    void miner.wake('user');
    expect(sent).toEqual([
      { FunctionName: 'n-mine', InvocationType: 'Event', Payload: '{"cause":"user","turn":0}' },
    ]);
    let isSettled = false;
    const settling = miner.settle().then(() => {
      isSettled = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isSettled).toBe(false);
    open();
    await settling;
  });

  it('that fail are said, and are no fault of what led to them', async () => {
    const lambda = {
      send: () => Promise.reject(Object.assign(new Error('slow down'), { name: 'TooMany' })),
    };
    const miner = createMinerCalls({ lambda: lambda as never, functionName: 'n-mine', telemetry });
    await miner.wake('peer');
    await miner.settle();
    expect(telemetry.log).toHaveBeenCalledWith('warn', 'the miner could not be called', {
      code: 'TooMany',
    });
  });

  it('are none where there is no such miner', async () => {
    const lambda = { send: vi.fn() };
    await createMinerCalls({ lambda, functionName: undefined, telemetry }).wake('user');
    expect(lambda.send).not.toHaveBeenCalled();
  });
});
