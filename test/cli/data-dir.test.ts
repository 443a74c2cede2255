/** The data directory: cookie, `node.json` and which directory a command acts on. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createAuthorize,
  ensureToken,
  liveNodeFile,
  readToken,
  removeNodeFile,
  writeNodeFile,
} from '../../cli/host/data-dir.ts';
import { processStart } from '../../cli/host/process-start.ts';
import { readSettings } from '../../cli/settings.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'stackchain-cli-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const now = (): number => Math.floor(Date.now() / 1000);
const mine = { url: 'http://127.0.0.1:8400', network: 'stacknet' };

describe('the cookie', () => {
  test('is made once, for its owner only, and kept', () => {
    expect(readToken(dir)).toBeUndefined();
    const token = ensureToken(dir);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(join(dir, '.cookie'), 'utf8')).toBe(`__cookie__:${token}`);
    expect(statSync(join(dir, '.cookie')).mode & 0o777).toBe(0o600);
    expect(ensureToken(dir)).toBe(token);
    expect(readToken(dir)).toBe(token);
    expect(readdirSync(dir)).toEqual(['.cookie']);
  });

  test('may end in a newline', () => {
    writeFileSync(join(dir, '.cookie'), `__cookie__:${'ab'.repeat(32)}\n`);
    expect(ensureToken(dir)).toBe('ab'.repeat(32));
    expect(readToken(dir)).toBe('ab'.repeat(32));
  });

  test('a damaged one is said, not replaced', () => {
    writeFileSync(join(dir, '.cookie'), 'rubbish');
    expect(() => ensureToken(dir)).toThrow(/damaged/);
    expect(readFileSync(join(dir, '.cookie'), 'utf8')).toBe('rubbish');
  });

  test('opens as bearer, as Core’s cookie and beside the user of the flags', async () => {
    const token = 'ab'.repeat(32);
    const authorize = createAuthorize(token, { user: 'miner', password: 'p' });
    expect(await authorize({ bearer: token })).toBe(true);
    expect(await authorize({ user: '__cookie__', password: token })).toBe(true);
    expect(await authorize({ user: 'miner', password: 'p' })).toBe(true);
    expect(await authorize({ bearer: 'cd'.repeat(32) })).toBe(false);
    expect(await authorize({ bearer: `__cookie__:${token}` })).toBe(false);
    expect(await authorize({ user: 'miner', password: token })).toBe(false);
    expect(await authorize({ user: '__cookie__', password: 'p' })).toBe(false);
    expect(await authorize({ user: 'miner' })).toBe(false);
    expect(await authorize({})).toBe(false);
    expect(await createAuthorize(token)({ user: 'miner', password: 'p' })).toBe(false);
  });
});

describe('node.json', () => {
  test('of this process is alive, and goes with it', async () => {
    const file = { pid: process.pid, ...mine, startedAt: now() };
    writeNodeFile(dir, file);
    expect(JSON.parse(readFileSync(join(dir, 'node.json'), 'utf8'))).toEqual(file);
    expect(await liveNodeFile(dir)).toEqual(file);
    removeNodeFile(dir, 'http://127.0.0.1:9');
    expect(await liveNodeFile(dir)).toEqual(file);
    removeNodeFile(dir, file.url);
    expect(await liveNodeFile(dir)).toBeUndefined();
  });

  test('of a pid that is gone is stale', async () => {
    writeNodeFile(dir, { pid: 2 ** 22 + 1, ...mine, startedAt: now() });
    expect(await liveNodeFile(dir)).toBeUndefined();
  });

  test('of a process that started later than the file is a stranger’s', async () => {
    expect(await processStart(process.pid)).toBeGreaterThan(now() - 3_600);
    writeNodeFile(dir, { pid: process.pid, ...mine, startedAt: now() - 86_400 });
    expect(await liveNodeFile(dir)).toBeUndefined();
  });

  test.each(['', '{', '[]', 'null', '{"pid":"1"}', `{"pid":${process.pid},"url":"x"}`])(
    'that is %j counts as none',
    async (text) => {
      writeFileSync(join(dir, 'node.json'), text);
      expect(await liveNodeFile(dir)).toBeUndefined();
    },
  );
});

describe('settings', () => {
  const settingsOf = (env: Record<string, string>, flags = {}) => readSettings(flags, env);

  test('a flag beats the environment, the environment the default', () => {
    expect(settingsOf({ HOME: '/somewhere' }).dataDir).toBe('/somewhere/.stackchain');
    expect(settingsOf({ HOME: '/somewhere', STACKCHAIN_DATA_DIR: dir }).dataDir).toBe(dir);
    const both = settingsOf({ STACKCHAIN_DATA_DIR: '/other' }, { dataDir: dir });
    expect(both.dataDir).toBe(dir);
    expect(settingsOf({ STACKCHAIN_NETWORK: 'regtest' }).network).toBe('regtest');
    const network = settingsOf({ STACKCHAIN_NETWORK: 'regtest' }, { network: 'stacknet' });
    expect(network.network).toBe('stacknet');
    expect(settingsOf({ STACKCHAIN_NETWORK: '' }).network).toBeUndefined();
  });

  test('a data directory without a name is none, not the one that the command runs in', () => {
    expect(() => readSettings({ dataDir: '' }, {})).toThrow('--data-dir takes a directory');
    expect(readSettings({}, { HOME: '/h', STACKCHAIN_DATA_DIR: '' }).baseDir).toBe(
      '/h/.stackchain',
    );
  });

  test('tokens and passphrases come from variables or from a file’s first line', () => {
    const cookie = join(dir, 'token');
    writeFileSync(cookie, `__cookie__:${'ab'.repeat(32)}\nmore\n`);
    expect(settingsOf({ STACKCHAIN_TOKEN: 't' }).token).toBe('t');
    expect(settingsOf({ STACKCHAIN_TOKEN: 't' }, { tokenFile: cookie }).token).toBe(
      'ab'.repeat(32),
    );
    writeFileSync(cookie, 'cd\r\n');
    expect(settingsOf({}, { passphraseFile: cookie }).passphrase).toBe('cd');
    expect(settingsOf({ STACKCHAIN_PASSPHRASE: 'p q' }).passphrase).toBe('p q');
    expect(() => settingsOf({}, { tokenFile: join(dir, 'none') })).toThrow(/cannot be read/);
  });

  test('a directory of several nodes means its first', () => {
    mkdirSync(join(dir, 'node0'));
    expect(settingsOf({}, { dataDir: dir }).dataDir).toBe(join(dir, 'node0'));
    expect(settingsOf({}, { dataDir: dir }).baseDir).toBe(dir);
    writeFileSync(join(dir, 'network.json'), '{}');
    expect(settingsOf({}, { dataDir: dir }).dataDir).toBe(dir);
  });

  test.each(['nonsense', 'ftp://x', 'http://u:p@x', 'http://x?y', 'http://x#y'])(
    '--node %s is refused',
    (node) => {
      expect(() => settingsOf({}, { node })).toThrow(/URL/);
    },
  );

  test('a URL loses the slashes at its end and keeps its path', () => {
    expect(settingsOf({}, { node: 'http://x:1/a/b//' }).nodeUrl).toBe('http://x:1/a/b');
  });
});
