/** Commands on a chain in the directory: generate, send-raw, status, peers; and what stops them. */
import { copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { beforeAll, describe, expect, test } from 'vitest';
import { FORMAT_KEY } from '../../lib/adapters/kv/cells.ts';
import { openLevelStore } from '../../lib/adapters/leveldb-store.ts';
import { cli, ok, tempDir } from '../helpers/cli.ts';

const dir = tempDir();
const at = ['--data-dir', dir, '--network', 'regtest'];
let A: string;

beforeAll(async () => {
  A = ((await ok(['create-wallet', ...at]))[0] ?? '').slice('New address: '.length);
  expect(await ok(['init-blockchain', '--address', A, ...at])).toEqual(['Done']);
});

describe('regtest', () => {
  test('begins with Bitcoin’s block 0, which nobody can spend', async () => {
    expect(await ok(['print-blockchain', '--full', 'n', ...at])).toEqual([
      '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
    ]);
    expect(await ok(['get-balance', '--address', A, ...at])).toEqual([`Balance of '${A}': 0`]);
  });

  test('generate mines as many blocks as asked, a hash a line', async () => {
    const hashes = await ok(['generate', '103', '--address', A, ...at]);
    expect(hashes).toHaveLength(103);
    const printed = await ok(['print-blockchain', '--full', 'n', ...at]);
    expect(printed.slice(0, 103).reverse()).toEqual(hashes);
    const [balance = ''] = await ok(['get-balance', '--address', A, '--json', ...at]);
    expect(JSON.parse(balance)).toMatchObject({
      confirmedSats: 103 * 5_000_000_000,
      spendableSats: 4 * 5_000_000_000,
    });
  });

  test('status and peers tell of the chain though no node runs', async () => {
    const [line = ''] = await ok(['status', '--json', ...at]);
    expect(JSON.parse(line)).toMatchObject({
      height: 103,
      network: 'regtest',
      syncing: false,
      mempool: { count: 0, bytes: 0 },
      mining: { active: false, hashRate: 0, address: null },
    });
    expect((await ok(['status', ...at])).join('\n')).toMatch(/^height {6}103, up to date$/m);
    expect(await ok(['peers', '--json', ...at])).toEqual([]);
    expect(await ok(['peers', ...at])).toHaveLength(1);
    expect((await cli(['peers', 'remove', 'nobody', ...at])).code).toBe(1);
  });

  test('send-raw refuses by Bitcoin’s reason alone', async () => {
    const hex =
      '01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff0151ffffffff0100f2052a0100000000000000';
    const refused = await cli(['send-raw', ...at], { stdin: hex });
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(/^[a-z][a-z0-9-]+\n$/);
    expect((await cli(['send-raw', ...at], { stdin: 'zz' })).code).toBe(2);
    const json = await cli(['send-raw', '--json', ...at], { stdin: hex });
    expect(JSON.parse(json.stderr)).toMatchObject({ status: 400, code: refused.stderr.trim() });
  });
});

describe('what stops a command ends with 3 and a sentence', () => {
  const isSentence = /^Error: [^\n]+\n$/;

  test('a directory in use', async () => {
    const store = await openLevelStore(join(dir, 'chain'));
    try {
      for (const words of [['status'], ['up', '--port', '0', '--address', A]]) {
        const { code, stdout, stderr } = await cli([...words, ...at]);
        expect([code, stdout]).toEqual([3, '']);
        expect(stderr).toMatch(isSentence);
        expect(stderr).toMatch(/in use/);
      }
    } finally {
      await store.close();
    }
    expect((await cli(['status', ...at])).code).toBe(0);
  });

  const damage: readonly [string, (dir: string) => void | Promise<void>][] = [
    ['network.json that is cut', (d) => writeFileSync(join(d, 'network.json'), '{"name":')],
    ['network.json of nothing', (d) => writeFileSync(join(d, 'network.json'), '{}')],
    [
      'a newer format',
      async (d) => {
        const db = new ClassicLevel(join(d, 'chain'));
        await db.put(FORMAT_KEY, 'stackchain store 99');
        await db.close();
      },
    ],
    [
      'a database without its CURRENT',
      (d) => writeFileSync(join(d, 'chain', 'CURRENT'), 'rubbish\n'),
    ],
    [
      'a foreign chain directory',
      (d) => {
        for (const name of readdirSync(join(d, 'chain'))) {
          writeFileSync(join(d, 'chain', name), 'rubbish');
        }
      },
    ],
  ];
  test.each(damage)('%s', async (_name, harm) => {
    const own = tempDir();
    const there = ['--data-dir', own, '--network', 'regtest'];
    await ok(['init-blockchain', '--address', A, ...there]);
    await harm(own);
    const { code, stdout, stderr } = await cli(['status', ...there]);
    expect(stderr).toMatch(isSentence);
    expect([code, stdout]).toEqual([3, '']);
  });

  test('a data directory that is a file', async () => {
    const own = tempDir();
    const file = join(own, 'file');
    writeFileSync(file, '');
    for (const words of [['create-wallet'], ['init-blockchain', '--address', A]]) {
      const { code, stdout, stderr } = await cli([
        ...words,
        '--data-dir',
        file,
        '--network',
        'regtest',
      ]);
      expect(stderr).toMatch(isSentence);
      expect([code, stdout]).toEqual([3, '']);
    }
  });

  test('a chain of another network in the directory', async () => {
    const own = tempDir();
    const there = ['--data-dir', own];
    const [line = ''] = await ok(['create-wallet', ...there]);
    const address = line.slice('New address: '.length);
    await ok(['init-blockchain', '--address', address, ...there]);
    const other = tempDir();
    const [another = ''] = await ok(['create-wallet', '--data-dir', other]);
    const founder = another.slice('New address: '.length);
    await ok(['init-blockchain', '--address', founder, '--data-dir', other]);
    copyFileSync(join(other, 'network.json'), join(own, 'network.json'));
    const { code, stdout, stderr } = await cli(['status', ...there]);
    expect(stderr).toMatch(isSentence);
    expect([code, stdout]).toEqual([3, '']);

    // Founded over a chain whose network file is gone: no other file takes its place.
    const file = join(own, 'network.json');
    rmSync(file);
    const again = await cli(['init-blockchain', '--address', founder, ...there]);
    expect(again.stderr).toContain('The data are those of another network');
    expect([again.code, again.stdout]).toEqual([3, '']);
    expect(existsSync(file)).toBe(false);
  });

  test('a node that is not there is the other side’s fault', async () => {
    for (const words of [['status'], ['generate', '1', '--address', A]]) {
      const { code, stdout, stderr } = await cli([...words, ...at, '--node', 'http://127.0.0.1:9']);
      expect(stderr).toMatch(isSentence);
      expect([code, stdout]).toEqual([4, '']);
    }
  });
});
