/**
 * Nodes of two accounts in one network, joined by exchanging two lines, and who is kept out.
 *
 * Real here: IAM (AUTH=true) judges every call of every function by its role's policies, and every
 * message by the queue's policy; senders are sessions with keys and signatures (the functions' own, or
 * of roles made for the test); the stacks are deployed by the CDK, the lines exchanged by the command
 * line. Not real: all accounts are in one MiniStack, because it knows sessions only in the process
 * that made them. There the APIs of all accounts but one answer 404 to who names no account, so that
 * account's API has a host in front that names it. MiniStack compares the ARN of a session where AWS
 * compares its role's, wants an action of its own for batches, and tells a function its own account
 * as the sender's, where AWS tells the id of the sender's role: so here a sender is known by its name.
 * AWS's forms are in test/infra/queue-policy.test.ts and test/unit/functions/sender.test.ts.
 * AWS_ENDPOINT_URL is not heeded: without real IAM none of this shows.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { throughDeploy } from '../../cli/cloud/breakers.ts';
import { EMULATOR_REGION, findPython } from '../../cli/cloud/emulator.ts';
import { decodeTx, fromHex, parseAddress, toHex } from '../../lib/codec/index.ts';
import { toNetworkFile } from '../../lib/params/index.ts';
import { p2pkhScript } from '../../lib/script/p2pkh.ts';
import { easyNetwork, Story, type StoryBlock } from '../helpers/chain-builder.ts';
import { freePort } from '../helpers/dynamodb.ts';
import { describeWith } from '../helpers/tools.ts';
import { type Account, makeSender, openAccount, startApiHost } from './accounts.ts';
import { until } from './cloud.ts';

const DEPLOY_MS = 900_000;
const WAIT_MS = 400_000;
const COIN = 100_000_000;
const BITS = 0x1f00ffff;
const GENESIS_AGE_SECONDS = 50_000;
const [A, B, C] = ['111111111111', '222222222222', '333333333333'] as const;

type Sender = Awaited<ReturnType<typeof makeSender>>;
interface Balance {
  readonly confirmedSats: number;
}
interface Pool {
  readonly items: readonly { readonly txid: string }[];
}

const python = await findPython();

describeWith(
  python,
  { name: 'nodes of several accounts', missing: 'MiniStack needs Python 3.10 or later with venv' },
  () => {
    let apiHost: Awaited<ReturnType<typeof startApiHost>>;
    let a: Account;
    let b: Account;
    let story: Story;
    /** Sessions of roles of each account, all with the right to send anywhere. */
    const senders = new Map<string, Sender>();

    beforeAll(async () => {
      const time = Math.floor(Date.now() / 1000) - GENESIS_AGE_SECONDS;
      story = new Story(easyNetwork({ powLimitBits: BITS, time }));
      const network = toNetworkFile(story.params);
      const port = await freePort();
      const endpoint = `http://127.0.0.1:${port}`;
      a = await openAccount({ id: A, nodes: 1, network, at: { port } });
      apiHost = await startApiHost(endpoint, B);
      const at = { endpoint, apiHost: apiHost.url };
      b = await openAccount({ id: B, nodes: 1, network, at });
      const roleOf = (node: string) =>
        `stackchain-${story.params.name}-${node}-probe-${EMULATOR_REGION}`;
      const nodeRole = roleOf('node0');
      for (const [what, account, role] of [
        ['the peer', B, nodeRole],
        ['another role of its account', B, 'operations'],
        ['another node of its account', B, roleOf('node1')],
        ['a node whose name begins alike', B, roleOf('node0-x')],
        ['a third account', C, nodeRole],
        ['the own account', A, 'neighbour'],
      ] as const) {
        senders.set(what, await makeSender(endpoint, account, role));
      }
    }, DEPLOY_MS);
    afterAll(async () => {
      for (const sender of senders.values()) sender.close();
      await b?.close();
      await apiHost?.stop();
      await a?.close();
    }, DEPLOY_MS);

    const post = async (account: Account, block: StoryBlock): Promise<string> => {
      const hex = toHex(block.block.raw);
      return (await account.call<{ status: string }>(0, '/v1/blocks', { hex })).body.status;
    };
    const tipOf = async (account: Account): Promise<string> =>
      (await account.call<{ tip: string }>(0, '/v1/node')).body.tip;
    const reaches = (account: Account, block: StoryBlock): Promise<unknown> =>
      until(
        `${block.name} in ${account.id}`,
        () => tipOf(account),
        (tip) => tip === block.block.header.hash,
        WAIT_MS,
      );
    const envelope = (from: string, type = 'ping', payload: unknown = 'AAAAAAAAAAA=') =>
      JSON.stringify({ v: 1, network: story.params.genesisHash, from, type, payload });
    /** What becomes of a message to a's inbox. */
    const trySend = async (what: string, body = envelope('node0')): Promise<string> => {
      try {
        await senders.get(what)?.send(a.node(0).outputs['InboxUrl'] ?? '', body);
        return 'taken';
      } catch (error) {
        return (error as Error).name;
      }
    };
    const verdicts = async (): Promise<Record<string, string>> => {
      const all: Record<string, string> = {};
      for (const what of senders.keys()) all[what] = await trySend(what);
      return all;
    };
    const KEPT_OUT = {
      'the peer': 'AccessDenied',
      'another role of its account': 'AccessDenied',
      'another node of its account': 'AccessDenied',
      'a node whose name begins alike': 'AccessDenied',
      'a third account': 'AccessDenied',
      'the own account': 'taken',
    };

    it('before any line is exchanged, no other account is let in', async () => {
      expect(await verdicts()).toEqual(KEPT_OUT);
    });

    it('a line that is none, of another network or one’s own is refused', async () => {
      const own = (await a.stackchain('invite')).stdout.trim();
      const mine = await a.stackchain('peers', 'add', own);
      expect([mine.code, mine.stdout]).toEqual([1, '']);
      expect(mine.stderr).toBe('Error: this is the line of a node of your own.\n');
      const foreign = { ...JSON.parse(own), genesis: 'f'.repeat(64) };
      const other = await a.stackchain('peers', 'add', JSON.stringify(foreign), '--json');
      expect(other.code).toBe(1);
      expect(JSON.parse(other.stderr)).toMatchObject({ status: 403, code: 'wrong-network' });
      const wild = await a.stackchain(
        'peers',
        'add',
        JSON.stringify({ ...JSON.parse(own), name: '*' }),
      );
      expect([wild.code, wild.stdout]).toEqual([2, '']);
      expect(wild.stderr).toBe('Error: the line is refused: its name is not that of a node.\n');
    });

    it(
      'two lines exchanged and two deploys let in the peer’s role, and nobody else',
      async () => {
        for (const [from, to] of [
          [a, b],
          [b, a],
        ] as const) {
          const line = (await from.stackchain('invite')).stdout.trim();
          const added = await to.stackchain('peers', 'add', line, '--json');
          const { queue } = JSON.parse(line);
          expect(JSON.parse(added.stdout)).toMatchObject({ address: queue, transport: 'sqs' });
          expect((await to.stackchain('peers', 'add', line)).code).toBe(0);
        }
        await Promise.all([a.deploy(1), b.deploy(1)]);
        expect(await verdicts()).toEqual({ ...KEPT_OUT, 'the peer': 'taken' });
      },
      DEPLOY_MS,
    );

    it(
      'blocks go both ways, by the other’s queue',
      async () => {
        const first = story.mine({ payTo: 'founder' });
        // While nobody reads b's inbox it holds what a's function sent.
        await b.setReading(0, false);
        expect(await post(a, first)).toBe('tip');
        expect(await b.waiting(0)).toBeGreaterThan(0);
        expect(await tipOf(b)).toBe(story.params.genesisHash);
        await b.setReading(0, true);
        await reaches(b, first);
        const second = story.mine();
        expect(await post(b, second)).toBe('tip');
        await reaches(a, second);
      },
      DEPLOY_MS,
    );

    it(
      'payments go both ways',
      async () => {
        const payTo = (address: string): Uint8Array => {
          const parsed = parseAddress(address);
          if (!parsed.ok) throw new Error(`${address} is no address`);
          return p2pkhScript(parsed.value.hash160);
        };
        const gift = story.pay({
          from: 'b1:0',
          to: payTo(a.node(0).address),
          sats: 20 * COIN,
        });
        const given = story.mine({ txs: [gift] });
        expect(await post(a, given)).toBe('tip');
        await reaches(b, given);
        for (const [payer, payee, amountSats] of [
          [a, b, 7 * COIN],
          [b, a, 2 * COIN],
        ] as const) {
          const { address: from } = payer.node(0);
          const { address: to } = payee.node(0);
          const sent = await payer.call<{ txid: string }>(0, `/v1/wallets/${from}/send`, {
            to,
            amountSats,
          });
          expect(sent.status).toBe(202);
          const { txid } = sent.body;
          await until(
            `payment of ${payer.id} in ${payee.id}`,
            async () => (await payee.call<Pool>(0, '/v1/mempool/transactions')).body,
            ({ items }) => items.some((item) => item.txid === txid),
            WAIT_MS,
          );
          const raw = await (await fetch(`${payee.node(0).url}/api/tx/${txid}/hex`)).text();
          const tx = decodeTx(fromHex(raw) ?? new Uint8Array(0));
          if (!tx.ok) throw new Error('the node gives no transaction');
          const block = story.mine({ txs: [story.name(tx.value, `from ${payer.id}`)] });
          expect(await post(payee, block)).toBe('tip');
          await reaches(payer, block);
        }
        const { address } = b.node(0);
        const seen = await a.call<Balance>(0, `/v1/addresses/${address}`);
        expect(seen.body.confirmedSats).toBeGreaterThan(4 * COIN);
        expect(seen.body.confirmedSats).toBeLessThan(5 * COIN);
      },
      DEPLOY_MS,
    );

    it(
      'a peer can neither speak in another’s name nor be made to repeat itself to effect',
      async () => {
        const before = await tipOf(a);
        const forged = Buffer.from(story.tip.block.raw);
        forged[4] = 0xff;
        const bodies = [
          ...Array.from({ length: 10 }, () => envelope('node1', 'inv', 'rubbish')),
          envelope('node1', 'block', forged.toString('base64')),
          // Old news, again and again.
          ...Array.from({ length: 5 }, () =>
            envelope('node0', 'block', Buffer.from(story.block('b1').block.raw).toString('base64')),
          ),
        ];
        for (const body of bodies) expect(await trySend('the peer', body)).toBe('taken');
        await until(
          'the inbox is empty',
          () => a.waiting(0),
          (count) => count === 0,
          WAIT_MS,
        );
        expect(await tipOf(a)).toBe(before);
        const { body } = await a.call<{ items: { score: number; address: string }[] }>(
          0,
          '/v1/peers',
        );
        expect(body.items.map(({ address, score }) => ({ address, score }))).toEqual([
          { address: b.node(0).outputs['InboxArn'], score: 0 },
        ]);
      },
      DEPLOY_MS,
    );

    it(
      'the breaker shuts out other accounts and no own one, through a deploy, until it is opened',
      async () => {
        const before = JSON.parse(await a.policy(0));
        await a.invoke(0, 'tick', { alarmArn: `arn:aws:cloudwatch:us-east-1:${A}:alarm:flood` });
        expect(await verdicts()).toEqual(KEPT_OUT);
        await a.deploy(1);
        expect(await verdicts()).toEqual(KEPT_OUT);
        const opened = await a.stackchain('peers', 'open', 'node0');
        expect(opened).toMatchObject({ code: 0, stdout: '' });
        expect(opened.stderr).toBe('node0 takes messages of other accounts again.\n');
        expect((await a.stackchain('peers', 'open')).stderr).toBe('node0 was open.\n');
        expect(JSON.parse(await a.policy(0))).toEqual(before);
        expect(await verdicts()).toEqual({ ...KEPT_OUT, 'the peer': 'taken' });
      },
      DEPLOY_MS,
    );

    it(
      'a line removed, and a deploy, shut the peer out; a tripped breaker outlives it',
      async () => {
        const { queue } = JSON.parse((await b.stackchain('invite')).stdout);
        const id = (await a.call<{ items: { id: string }[] }>(0, '/v1/peers')).body.items[0]?.id;
        const removed = await a.stackchain('peers', 'remove', id ?? '');
        expect(removed).toMatchObject({ code: 0, stdout: `Removed peer: ${id}\n` });
        await a.invoke(0, 'tick', { alarmArn: `arn:aws:cloudwatch:us-east-1:${A}:alarm:flood` });
        const said: string[] = [];
        const say = (line: string) => said.push(line);
        const ids = [{ network: story.params.name, node: 'node0' }];
        // As `stackchain deploy` does, around a deploy that writes the policy anew.
        await throughDeploy({ config: a.config, ids, note: say, warn: say }, () => a.deploy(1));
        expect(said).toEqual([
          expect.stringMatching(/^node0 is shut to other accounts by its breaker, and stays so/),
          "The deploy wrote the inbox's policy of node0 anew; its breaker was put back.",
        ]);
        expect((await a.stackchain('peers', 'open')).stderr).toMatch(/takes messages/);
        expect(await verdicts()).toEqual(KEPT_OUT);
        const before = await tipOf(a);
        const block = story.mine();
        expect(await post(b, block)).toBe('tip');
        // All its sends are done when it answers.
        expect(await a.waiting(0)).toBe(0);
        expect(await tipOf(a)).toBe(before);
        const { body } = await a.call<{ items: { address: string }[] }>(0, '/v1/peers');
        expect(body.items.filter(({ address }) => address === queue)).toEqual([]);
      },
      DEPLOY_MS,
    );
  },
);
