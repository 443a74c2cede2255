/** Words to commands: names, flags, help, usage errors (interfaces section 1). */
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../cli/commands/index.ts';
import { cli, tempDir } from '../helpers/cli.ts';

const dir = tempDir();
const at = ['--data-dir', dir];

describe('help', () => {
  test('lists every command and warns of Bitcoin’s addresses', async () => {
    const { code, stdout, stderr } = await cli(['--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const { name } of COMMANDS) expect(stdout).toContain(`  ${name} `);
    expect(stdout).toContain('never send\nbitcoins');
  });

  test.each(COMMANDS.map(({ name }) => name))(
    'of %s has examples and the warning',
    async (name) => {
      const asked = await cli([name, '--help']);
      expect(asked.code).toBe(0);
      expect(asked.stdout).toContain('Examples:\n  stackchain ');
      expect(asked.stdout).toContain('never send\nbitcoins');
      expect(asked.stdout).toContain('--data-dir <dir>');
      expect((await cli(['help', name])).stdout).toBe(asked.stdout);
    },
  );

  test('-V is the package’s version', async () => {
    expect((await cli(['-V'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await cli(['send', '-V'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('usage errors', () => {
  const cases: readonly (readonly string[])[] = [
    [],
    ['nonsense'],
    [''],
    ['create-wallet', '--nonsense'],
    ['create-wallet', 'surplus'],
    ['send'],
    ['send', '--from', 'A', '--to', 'B'],
    ['send', '--from', 'A', '--to', 'B', '--amount', '1e3'],
    ['send', '--from', 'A', '--to', 'B', '--amount', '-1'],
    ['send', '--from', 'A', '--to', 'B', '--amount', '0'],
    ['send', '--from', 'A', '--to', 'B', '--amount', '0.000000001'],
    ['send', '--from', 'A', '--to', 'B', '--amount', '1', '--fee', 'x'],
    ['get-balance'],
    ['get-balance', '--address', 'nonsense'],
    ['init-blockchain'],
    ['init-blockchain', '--address', '1'],
    ['init-blockchain', '--address', '1', '--genesis-bits', '207fffff'],
    ['up', '--port', '65536'],
    ['up', '--port', 'x'],
    ['up', '--connect', 'nonsense'],
    ['up', '--rpc-user', 'u'],
    ['network', '--nodes', '0'],
    ['network', '--nodes', '1.5'],
    ['network', '--port', '65535'],
    ['generate', '0', '--address', 'A'],
    ['generate', '--address', 'A'],
    ['peers', 'add'],
    ['peers', 'nonsense'],
    ['send-raw'],
    ['import-key'],
    ['restore'],
    ['restore', '--count', '0'],
    ['export-key', '--address', 'nonsense'],
    ['status', '--node', 'nonsense'],
    ['list-addresses', '--network', 'nonsense'],
    ['list-addresses', '--passphrase-file', '/nonsense'],
  ];
  test.each(cases.map((words) => [words.join(' '), words] as const))(
    "'%s' ends with 2 and one sentence",
    async (_name, words) => {
      const { code, stdout, stderr } = await cli([...at, ...words]);
      expect(stderr).toMatch(/^Error: [^\n]+\n$/);
      expect(stdout).toBe('');
      expect(code).toBe(2);
    },
  );

  test('with --json are one problem object', async () => {
    const { code, stdout, stderr } = await cli(['send', ...at, '--json']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toEqual({
      type: 'about:blank',
      title: expect.any(String),
      status: 400,
      detail: expect.stringMatching(/--from/),
      code: 'invalid-request',
      requestId: expect.stringMatching(/.{8,}/),
    });
  });
});

describe('flags', () => {
  test('stand before the command as well as behind it', async () => {
    const own = tempDir();
    const before = await cli(['--data-dir', own, '--json', 'CREATE']);
    const { address } = JSON.parse(before.stdout);
    expect((await cli(['l', `--data-dir=${own}`])).lines).toEqual([address]);
    expect((await cli(['l'], { env: { STACKCHAIN_DATA_DIR: own } })).lines).toEqual([address]);
    expect((await cli(['l', ...at], { env: { STACKCHAIN_DATA_DIR: own } })).lines).toEqual([]);
  });
});
