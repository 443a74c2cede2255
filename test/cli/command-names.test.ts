/** Which command a word means (interfaces section 1). */
import { describe, expect, test } from 'vitest';
import { matchCommand, SEED_COMMANDS } from '../../cli/command-names.ts';

const NAMES = [
  ...SEED_COMMANDS,
  'network',
  'generate',
  'status',
  'peers',
  'send-raw',
  'export-key',
  'import-key',
  'invite',
  'show-phrase',
  'restore',
  'deploy',
  'destroy',
];

describe('matchCommand', () => {
  test.each([
    ['s', 'send'],
    ['p', 'print-blockchain'],
    ['g', 'get-balance'],
    ['i', 'init-blockchain'],
    ['in', 'init-blockchain'],
    ['l', 'list-addresses'],
    ['c', 'create-wallet'],
    ['u', 'up'],
    ['send', 'send'],
    ['send-', 'send-raw'],
    ['se', 'send'],
    ['ge', 'get-balance'],
    ['gen', 'generate'],
    ['pe', 'peers'],
    ['im', 'import-key'],
    ['inv', 'invite'],
    ['n', 'network'],
    ['st', 'status'],
    ['sh', 'show-phrase'],
    ['SEND', 'send'],
    ['Create-Wallet', 'create-wallet'],
    ['PRINT', 'print-blockchain'],
    ['NetWork', 'network'],
  ])('%s is %s', (word, name) => {
    expect(matchCommand(word, NAMES)).toEqual({ ok: true, name });
  });

  test.each(['x', 'sender', 'create-wallets', '', '-'])('%j is none', (word) => {
    expect(matchCommand(word, NAMES)).toEqual({ ok: false, candidates: [] });
  });

  test('a prefix that fits two others names both', () => {
    expect(matchCommand('de', NAMES)).toEqual({ ok: false, candidates: ['deploy', 'destroy'] });
  });

  test('every prefix of a seed command is that command', () => {
    for (const name of SEED_COMMANDS) {
      for (let length = 1; length <= name.length; length++) {
        expect(matchCommand(name.slice(0, length), NAMES)).toEqual({ ok: true, name });
      }
    }
  });
});
