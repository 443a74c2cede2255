/** The seed's walk, line by line, on a network of its own and without a node (interfaces section 5). */
import { beforeAll, describe, expect, test } from 'vitest';
import { cli, ok, tempDir } from '../helpers/cli.ts';

const dir = tempDir();
const at = ['--data-dir', dir];
let A: string;
let B: string;
const create = async (): Promise<string> =>
  ((await ok(['create-wallet', ...at]))[0] ?? '').slice('New address: '.length);

beforeAll(async () => {
  A = await create();
  B = await create();
});

const blocksOf = async (...more: string[]): Promise<Record<string, unknown>[]> =>
  (await ok(['print-blockchain', '--json', ...more, ...at])).map((line) => JSON.parse(line));

describe('the walk', () => {
  test('nothing can be asked of a chain that is not there', async () => {
    for (const words of [
      ['print-blockchain'],
      ['get-balance', '--address', A],
      ['send', '--from', A, '--to', B, '--amount', '1'],
      ['generate', '1', '--address', A],
      ['status'],
    ]) {
      const { code, stdout, stderr } = await cli([...words, ...at]);
      expect([code, stdout], words.join(' ')).toEqual([1, '']);
      expect(stderr).toMatch(/^Error: there is no blockchain/);
    }
  });

  test('init-blockchain says Done, and only once', async () => {
    const bad = await cli(['init-blockchain', '--address', `${A}x`, ...at]);
    expect(bad).toMatchObject({ code: 2, stdout: '', stderr: 'Error: Address is not valid\n' });
    expect(await ok(['init-blockchain', '--address', A, ...at])).toEqual(['Done']);
    const again = await cli(['init-blockchain', '--address', A, ...at]);
    expect(again).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'Error: Blockchain already exists\n',
    });
  });

  test('print-blockchain shows block 0 in the seed’s form', async () => {
    const { stdout } = await cli(['print-blockchain', ...at]);
    const block = JSON.parse(stdout);
    expect(stdout).toBe(`${JSON.stringify(block, null, 2)}\n`);
    expect(Object.keys(block)).toEqual([
      'hash',
      'prevHash',
      'timestamp',
      'height',
      'nonce',
      'merkleRoot',
      'txs',
    ]);
    expect(block).toMatchObject({ height: 0, prevHash: '0'.repeat(64) });
    expect(block.hash).toMatch(/^00000[0-9a-f]{59}$/);
    expect(block.txs).toHaveLength(1);
    expect(block.txs[0].inputs[0]).toMatchObject({ refTxId: '', refOutIdx: -1 });
    expect(block.txs[0].outputs[0].value).toBe(50);
    expect(await ok(['print-blockchain', '--full', 'n', ...at])).toEqual([block.hash]);
  });

  test('the founder has the first 50 coins', async () => {
    expect(await ok(['get-balance', '--address', A, ...at])).toEqual([`Balance of '${A}': 50`]);
    expect(await ok(['get-balance', '--address', B, ...at])).toEqual([`Balance of '${B}': 0`]);
    const [line = ''] = await ok(['get-balance', '--address', A, '--json', ...at]);
    expect(JSON.parse(line)).toEqual({
      address: A,
      confirmedSats: 5_000_000_000,
      immatureSats: 0,
      spendableSats: 5_000_000_000,
      pendingInSats: 0,
      pendingOutSats: 0,
      coins: 1,
    });
    const bad = await cli(['get-balance', '--address', 'x', ...at]);
    expect(bad).toMatchObject({
      code: 2,
      stdout: '',
      stderr: "Error: Can't get balance of invalid address.\n",
    });
  });

  test('send pays, mines the block itself and rewards the sender', async () => {
    const send = ['send', '--from', A, '--to', B, '--amount', '0.00000001'];
    expect(await ok([...send, ...at])).toEqual(['Success!']);
    expect(await ok(['get-balance', '--address', B, ...at])).toEqual([
      `Balance of '${B}': 0.00000001`,
    ]);
    expect(await ok(['get-balance', '--address', A, ...at])).toEqual([
      `Balance of '${A}': 99.99999999`,
    ]);
    const { stdout } = await cli(['print-blockchain', '--limit', '1', ...at]);
    // A float would have printed 1e-8.
    expect(stdout).toContain('"value": 0.00000001,');
    expect(stdout).toContain('"value": 49.99999999,');
    expect(JSON.parse(stdout)).toMatchObject({ height: 1 });
  });

  test('send --json tells the transaction, its fee and its block', async () => {
    const words = ['send', '--from', A, '--to', B, '--amount', '10', '--fee', '0.5', '--json'];
    const [line = ''] = await ok([...words, ...at]);
    const sent = JSON.parse(line);
    expect(Object.keys(sent)).toEqual(['txid', 'feeSats', 'blockHash']);
    expect(sent.feeSats).toBe(50_000_000);
    const [tip] = await blocksOf('--limit', '1');
    expect(tip).toMatchObject({ hash: sent.blockHash, height: 2 });
    expect(JSON.stringify(tip)).toContain(sent.txid);
    // The fee comes back with the reward: 50 + 50 + 50 less what B has.
    expect(await ok(['g', '--address', A, ...at])).toEqual([`Balance of '${A}': 139.99999999`]);
  });

  test('send --change fresh keeps the rest at the next address', async () => {
    const words = ['send', '--from', B, '--to', A, '--amount', '1', '--change', 'fresh'];
    expect(await ok([...words, ...at])).toEqual(['Success!']);
    const [fresh = ''] = await ok(['list-addresses', ...at]);
    expect([A, B]).not.toContain(fresh);
    expect(await ok(['get-balance', '--address', fresh, ...at])).toEqual([
      `Balance of '${fresh}': 9`,
    ]);
  });

  test('send refuses what the page says', async () => {
    const refusals: readonly [string[], number, string][] = [
      [['--from', B, '--to', A, '--amount', '1000'], 1, 'Not enough funds!\n'],
      [['--from', 'x', '--to', A, '--amount', '1'], 2, 'Error: Sender address is not valid\n'],
      [['--from', A, '--to', 'x', '--amount', '1'], 2, 'Error: Recipient address is not valid\n'],
    ];
    for (const [words, code, stderr] of refusals) {
      expect(await cli(['send', ...words, ...at])).toMatchObject({ code, stdout: '', stderr });
    }
    const others = ['--from', '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2', '--to', A, '--amount', '1'];
    const noKey = await cli(['send', ...others, ...at]);
    expect([noKey.code, noKey.stdout]).toEqual([1, '']);
    const json = await cli(['send', '--from', B, '--to', A, '--amount', '1000', '--json', ...at]);
    expect(JSON.parse(json.stderr)).toMatchObject({ code: 'insufficient-funds', status: 422 });
  });

  test('the whole chain is printed newest first', async () => {
    const blocks = await blocksOf();
    expect(blocks.map(({ height }) => height)).toEqual([3, 2, 1, 0]);
    blocks.slice(0, -1).forEach(({ prevHash }, i) => {
      expect(prevHash).toBe(blocks[i + 1]?.['hash']);
    });
    expect(await ok(['p', '--full', 'n', '--limit', '2', ...at])).toEqual(
      blocks.slice(0, 2).map(({ hash }) => hash),
    );
  });

  test('another network is not taken for this one', async () => {
    const { code, stdout, stderr } = await cli(['status', '--network', 'regtest', ...at]);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/another network/);
    expect((await cli(['status', '--network', 'stacknet', ...at])).code).toBe(0);
  });
});
