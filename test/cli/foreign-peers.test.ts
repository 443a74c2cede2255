/** The lines of other accounts' nodes in a network file: added once, replaced, removed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { requireDeployed } from '../../cli/cloud/deployed-network.ts';
import {
  addForeignPeer,
  readForeignLine,
  removeForeignPeer,
  showForeign,
} from '../../cli/cloud/stack.ts';
import { regtest, toNetworkFile } from '../../lib/params/index.ts';
import { easyNetwork } from '../helpers/chain-builder.ts';
import { tempDir } from '../helpers/cli.ts';

const params = easyNetwork();
const lineOf = (account: string, role = 'AROA0123456789ABCDEFG') => ({
  network: params.name,
  genesis: params.genesisHash,
  name: 'node0',
  url: 'https://a1b2c3.execute-api.eu-west-1.amazonaws.com',
  queue: `arn:aws:sqs:eu-west-1:${account}:stackchain-${params.name}-node0-inbox`,
  roles: [role],
});
const FAR = lineOf('222222222222');
const LAPTOP = 'https://laptop.example';

describe('the network file', () => {
  let options: { node: string; network: string };
  const peers = (): unknown => JSON.parse(readFileSync(options.network, 'utf8')).peers;
  const read = (line: object) => readForeignLine(options, ` ${JSON.stringify(line)}\n`);

  beforeEach(() => {
    options = { node: 'node0', network: join(tempDir(), 'network.json') };
    const file = toNetworkFile({ ...params, peers: [LAPTOP] });
    writeFileSync(options.network, JSON.stringify(file));
  });

  it('takes a line once, and the newer one of a queue in place of the older', () => {
    expect(addForeignPeer(options, read({ ...FAR, note: 'left out' }))).toBe('added');
    expect(addForeignPeer(options, read(FAR))).toBe('known');
    expect(peers()).toEqual([LAPTOP, JSON.stringify(FAR)]);
    const other = lineOf('333333333333', 'AROA3333333333ABCDEFG');
    expect(addForeignPeer(options, read(other))).toBe('added');
    // After its stack was destroyed and deployed again its roles are others.
    const newer = lineOf('222222222222', 'AROA9999999999ABCDEFG');
    expect(addForeignPeer(options, read(newer))).toBe('replaced');
    expect(peers()).toEqual([LAPTOP, JSON.stringify(other), JSON.stringify(newer)]);
  });

  it('takes no line that names a role of another peer’s', () => {
    addForeignPeer(options, read(FAR));
    const before = peers();
    expect(() => addForeignPeer(options, read(lineOf('333333333333')))).toThrow(
      expect.objectContaining({ exit: 1, message: expect.stringContaining(FAR.roles[0] ?? '-') }),
    );
    expect(peers()).toEqual(before);
  });

  it.each<[string, (line: typeof FAR) => string]>([
    ['its id', (line) => showForeign(line).id],
    ['its queue', (line) => line.queue],
    ['its line', (line) => JSON.stringify(line)],
  ])('lets go of a line by %s, and of no other', (_what, name) => {
    const other = lineOf('333333333333', 'AROA3333333333ABCDEFG');
    for (const line of [FAR, other]) addForeignPeer(options, read(line));
    expect(removeForeignPeer(options, name(FAR))?.queue).toBe(FAR.queue);
    expect(peers()).toEqual([LAPTOP, JSON.stringify(other)]);
    expect(removeForeignPeer(options, name(FAR))).toBeUndefined();
    expect(removeForeignPeer(options, LAPTOP)).toBeUndefined();
  });

  it.each<[object, number, string, RegExp]>([
    [{ ...FAR, genesis: 'f'.repeat(64) }, 1, 'wrong-network', /it is of another network\.$/],
    [{ ...FAR, name: '*' }, 2, 'invalid-request', /its name is not that of a node\.$/],
    [{ ...FAR, queue: undefined }, 2, 'invalid-request', /its queue is not called stackchain-/],
    [{ ...FAR, url: 'http://far.example' }, 2, 'invalid-request', /its url is not an https URL/],
  ])('of %j nothing is written', (line, exit, code, words) => {
    const before = peers();
    expect(() => read(line)).toThrow(
      expect.objectContaining({ exit, message: expect.stringMatching(words) }),
    );
    expect(() => read(line)).toThrow(
      expect.objectContaining({ problem: expect.objectContaining({ code }) }),
    );
    expect(peers()).toEqual(before);
  });
});

it('the network that is built in is found without a file, and takes no peers', () => {
  const options = { node: 'node0', network: 'regtest' };
  expect(requireDeployed(options.network).genesisHash).toBe(regtest.genesisHash);
  expect(() => addForeignPeer(options, FAR)).toThrow('regtest is built in and keeps no peers');
});
