/** The wallets' commands (interfaces section 5). */
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { cli, ok, tempDir } from '../helpers/cli.ts';

let dir: string;
let at: readonly string[];
beforeEach(() => {
  dir = tempDir();
  at = ['--data-dir', dir];
});

const PHRASE = `${'abandon '.repeat(11)}about`;

describe('addresses', () => {
  test('are made one by one and listed newest first', async () => {
    expect(await ok(['list-addresses', ...at])).toEqual([]);
    const made: string[] = [];
    for (let i = 0; i < 3; i++) {
      const [line = ''] = await ok(['create-wallet', ...at]);
      expect(line).toMatch(/^New address: 1[1-9A-HJ-NP-Za-km-z]{25,33}$/);
      made.push(line.slice('New address: '.length));
    }
    expect(await ok(['list-addresses', ...at])).toEqual(made.reverse());
  });

  test('look like regtest’s where regtest is asked for', async () => {
    const [line = ''] = await ok(['create-wallet', ...at, '--network', 'regtest']);
    expect(line).toMatch(/^New address: [mn]/);
  });

  test('come from the phrase that restores them elsewhere', async () => {
    for (let i = 0; i < 2; i++) await ok(['create-wallet', ...at]);
    const [phrase = ''] = await ok(['show-phrase', ...at]);
    expect(phrase.split(' ')).toHaveLength(12);
    const other = ['--data-dir', tempDir()];
    const restored = await ok(['restore', '--count', '2', ...other], { stdin: `${phrase}\n` });
    expect([...restored].sort()).toEqual([...(await ok(['list-addresses', ...at]))].sort());
    // The first address of this phrase by BIP44, coin type 1, is well known.
    const known = await ok(['restore', '--count', '1', '--data-dir', tempDir()], { stdin: PHRASE });
    expect(known).toHaveLength(1);
  });

  test('another phrase is refused where one is in use', async () => {
    await ok(['create-wallet', ...at]);
    const { code, stdout, stderr } = await cli(['restore', ...at], { stdin: PHRASE });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/another phrase/);
    const bad = await cli(['restore', ...at], { stdin: 'no such words' });
    expect(bad.code).toBe(2);
  });

  test('no phrase is there before the first wallet', async () => {
    expect((await cli(['show-phrase', ...at])).code).toBe(1);
  });
});

describe('keys', () => {
  test('go out and in again as WIF', async () => {
    const [line = ''] = await ok(['create-wallet', ...at]);
    const address = line.slice('New address: '.length);
    const [wif = ''] = await ok(['export-key', '--address', address, ...at]);
    expect(wif).toMatch(/^[KL]/);
    const other = ['--data-dir', tempDir()];
    const [imported] = await ok(['import-key', ...other], { stdin: `${wif}\n` });
    expect(imported).toBe(`Imported address: ${address}`);
    expect(await ok(['list-addresses', ...other])).toEqual([address]);
    const unknown = await cli(['export-key', '--address', address, '--data-dir', tempDir()]);
    expect([unknown.code, unknown.stdout]).toEqual([1, '']);
    expect((await cli(['import-key', ...other], { stdin: 'nonsense\n' })).code).toBe(2);
  });

  test('of another form than stacknet’s are found before the directory has a network', async () => {
    const [line = ''] = await ok(['create-wallet', '--network', 'regtest', ...at]);
    const address = line.slice('New address: '.length);
    expect(address).toMatch(/^[mn]/);
    expect(await ok(['list-addresses', ...at])).toEqual([address]);
    expect((await ok(['export-key', '--address', address, ...at])).join()).toMatch(/^c/);
    expect((await ok(['create-wallet', ...at])).join()).toMatch(/^New address: [mn]/);
    const named = await cli(['list-addresses', '--network', 'stacknet', ...at]);
    expect([named.code, named.stdout]).toEqual([3, '']);
  });

  test('are sealed by a key file for its owner only', async () => {
    await ok(['create-wallet', ...at]);
    expect(statSync(join(dir, 'keystore.key')).mode & 0o777).toBe(0o600);
    for (const name of readdirSync(join(dir, 'wallets'))) {
      expect(statSync(join(dir, 'wallets', name)).mode & 0o777).toBe(0o600);
    }
  });

  test('are sealed by a passphrase where one is given', async () => {
    const env = { STACKCHAIN_PASSPHRASE: 'correct horse' };
    await ok(['create-wallet', ...at], { env });
    expect(await ok(['list-addresses', ...at], { env })).toHaveLength(1);
    const missing = await cli(['list-addresses', ...at]);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(/^Error: .*passphrase.*\n$/);
    const file = join(dir, 'pass');
    writeFileSync(file, 'wrong\n');
    const wrong = await cli(['list-addresses', ...at, '--passphrase-file', file]);
    expect([wrong.code, wrong.stdout]).toEqual([1, '']);
    writeFileSync(file, 'correct horse\n');
    expect(await ok(['list-addresses', ...at, '--passphrase-file', file])).toHaveLength(1);
  });

  test('of a damaged directory end with 3', async () => {
    await ok(['create-wallet', ...at]);
    chmodSync(join(dir, 'keystore.key'), 0o600);
    writeFileSync(join(dir, 'keystore.key'), 'rubbish');
    const { code, stdout, stderr } = await cli(['list-addresses', ...at]);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^Error: [^\n]+\n$/);
  });
});
