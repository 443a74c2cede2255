/** The token as a data directory keeps it is the token that a miner sends. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readOptions } from '../../../miner/options.ts';
import { tempDir } from '../../helpers/cli.ts';

const ADDRESS = '1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH';

it.each(['__cookie__:ab12', 'ab12\n'])('%j', (text) => {
  const file = join(tempDir(), '.cookie');
  writeFileSync(file, text);
  const options = readOptions(['-o', 'http://a.test', '-a', ADDRESS, '--token-file', file], {});
  expect(options).toMatchObject({ source: { credentials: { token: 'ab12' } } });
});
