/** What a stack's functions keep to that a laptop's node does not: its release, and its memory. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tipOf } from '../../../lib/chain/context.ts';
import { withSnapshot } from '../../../lib/ports/store.ts';
import { encodeHead, encodeLog, SCHEMA, schemaOf } from '../../../lib/store/layout.ts';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../../helpers/dynamodb.ts';
import { describeWith } from '../../helpers/tools.ts';
import { type Functions, hexOf, openRig, type Rig, request } from './rig.ts';

describeWith(
  dynoxidePath(),
  { name: 'a deployed node', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let dynamo: RunningDynamo;
    let rig: Rig;
    let functions: Functions;

    beforeAll(async () => {
      dynamo = await startDynoxide(binary);
      rig = await openRig(dynamo.endpoint);
      functions = await rig.start();
      await functions.tick({});
    });
    afterAll(async () => {
      await rig?.stop();
      dynamo?.stop();
    });

    const schema = (): Promise<number> =>
      withSnapshot(rig.store, async ({ head }) => schemaOf(head));

    it('raises the data’s version when the deploy has ended, by no tick and no block before', async () => {
      // As the release before wrote it, whose functions may still be at work.
      const before = SCHEMA - 1;
      await withSnapshot(rig.store, async (snapshot) => {
        const entry = tipOf(snapshot);
        const { hash, height } = entry;
        const move = { from: hash, to: hash, forkHeight: height, height };
        const head = encodeHead(entry, before);
        const log = encodeLog(move, before);
        await rig.store.commit(snapshot.version, { head, log, changes: [] });
      });
      expect(await schema()).toBe(before);
      const next = await rig.start();
      await next.tick({});
      const body = { hex: hexOf(rig.story.mine()) };
      await next.public(request('POST', '/v1/blocks', { body }));
      expect([(await rig.storedTip()).height, await schema()]).toEqual([1, before]);
      await next.tick({ deployed: true });
      expect(await schema()).toBe(SCHEMA);
    });

    it('opens wallets and JSON-RPC to its token alone', async () => {
      const wrong = 'ab'.repeat(32);
      const basic = (password: string): string =>
        `Basic ${Buffer.from(`any:${password}`).toString('base64')}`;
      const statusOf = async (path: string, authorization?: string): Promise<number> => {
        const body = path === '/' ? { method: 'getblockcount', params: [], id: 1 } : {};
        const given = { body, ...(authorization !== undefined && { authorization }) };
        return (await functions.private(request('POST', path, given))).statusCode;
      };
      const asked = [undefined, 'Bearer ', `Bearer ${wrong}`, basic(wrong), basic('')];
      for (const authorization of asked) {
        expect(await statusOf('/v1/wallets', authorization)).toBe(401);
        expect(await statusOf('/', authorization)).toBe(401);
      }
      // A wallet needs a key in SSM, which is another test's: mining on command is refused by its form.
      expect(await statusOf('/v1/mine', `Bearer ${rig.token}`)).toBe(400);
      expect(await statusOf('/', basic(rig.token))).toBe(200);
    });

    it('keeps no more unconfirmed transactions than its functions have memory for', async () => {
      const authorization = `Basic ${Buffer.from(`any:${rig.token}`).toString('base64')}`;
      const body = { method: 'getmempoolinfo', params: [], id: 1 };
      const answer = await functions.private(request('POST', '/', { body, authorization }));
      expect(JSON.parse(answer.body).result).toMatchObject({ maxmempool: 50_000_000 });
    });
  },
);
