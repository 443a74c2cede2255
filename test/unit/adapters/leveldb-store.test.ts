/** Opening LevelDB's files: whose they are, whether they are whole, in one sentence each. */
import { fork } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLevelStore } from '../../../lib/adapters/leveldb-store.ts';
import type { Store } from '../../../lib/ports/store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stackchain-level-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function commits(store: Store, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { version } = await store.snapshot();
    const changes = [{ pk: 'A', sk: `${i}`, value: new Uint8Array(300).fill(i) }];
    await store.commit(version, { head: bytes('h'), log: bytes('l'), changes });
  }
}

async function refusal(): Promise<{ code: string; message: string }> {
  try {
    await (await openLevelStore(dir)).close();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('the directory was opened');
}

async function expectRefusal(code: string): Promise<void> {
  const refused = await refusal();
  expect(refused.code).toBe(code);
  expect(refused.message, 'one sentence').toMatch(/^[A-Z][^\n]+[^.]\.$/);
}

const raw = async (task: (db: ClassicLevel) => Promise<void>): Promise<void> => {
  const db = new ClassicLevel(dir);
  await db.open();
  await task(db);
  await db.close();
};

describe('openLevelStore', () => {
  it('makes the directory, and finds what it wrote', async () => {
    dir = join(dir, 'not', 'yet');
    const store = await openLevelStore(dir);
    await commits(store, 3);
    await store.close();
    const again = await openLevelStore(dir);
    expect((await again.snapshot()).version).toBe(3);
    await again.close();
  });

  it('in use by this process', async () => {
    const store = await openLevelStore(dir);
    await expectRefusal('store-in-use');
    await store.close();
    await (await openLevelStore(dir)).close();
  });

  it('in use by another process, free again when that is killed', async () => {
    const child = fork(new URL('./hold-level.ts', import.meta.url), [dir], { execArgv: [] });
    await new Promise((resolve) => child.once('message', resolve));
    await expectRefusal('store-in-use');
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const store = await openLevelStore(dir);
    expect((await store.snapshot()).version).toBe(1);
    await store.close();
  });

  it('a database of another program', async () => {
    await raw((db) => db.put('some', 'thing'));
    await expectRefusal('store-foreign');
    await raw(async (db) => expect(await db.get('some'), 'nothing is changed').toBe('thing'));
  });

  it('a marker of another program', async () => {
    await raw((db) => db.put('!format', 'another thing 1'));
    await expectRefusal('store-foreign');
  });

  it('a directory with other files', async () => {
    await writeFile(join(dir, 'letter.txt'), 'dear all');
    await expectRefusal('store-foreign');
    expect(await readdir(dir)).toEqual(['letter.txt']);
  });

  it('a newer format', async () => {
    await raw((db) => db.put('!format', 'stackchain store 2'));
    await expectRefusal('store-newer');
  });

  it('a file in the place of the directory', async () => {
    dir = join(dir, 'file');
    await writeFile(dir, '');
    await expectRefusal('store-io');
  });

  it('left unborn: a process died while it made the database', async () => {
    for (const name of ['LOCK', 'LOG', 'MANIFEST-000001']) await writeFile(join(dir, name), '');
    await (await openLevelStore(dir)).close();
  });
});

describe('damage', () => {
  const damage = async (
    pattern: RegExp,
    how: (data: Buffer) => Buffer | undefined,
  ): Promise<void> => {
    const names = (await readdir(dir)).filter((name) => pattern.test(name));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const changed = how(await readFile(join(dir, name)));
      if (changed === undefined) await rm(join(dir, name));
      else await writeFile(join(dir, name), changed);
    }
  };
  const furnish = async (): Promise<void> => {
    const store = await openLevelStore(dir);
    await commits(store, 300);
    await store.close();
  };
  /** Closing leaves all in the write-ahead file; opening again moves it to tables. */
  const toTables = async (): Promise<void> => {
    await (await openLevelStore(dir)).close();
  };

  it.each<[string, RegExp]>([
    ['CURRENT', /^CURRENT$/],
    ['the manifest', /^MANIFEST/],
  ])('%s is gone', async (_name, pattern) => {
    await furnish();
    await toTables();
    await damage(pattern, () => undefined);
    const before = (await readdir(dir)).filter((name) => name.endsWith('.ldb'));
    await expectRefusal('store-damaged');
    const after = (await readdir(dir)).filter((name) => name.endsWith('.ldb'));
    expect(after, 'the tables are kept').toEqual(before);
  });

  it.each<[string, RegExp]>([
    ['a table', /\.ldb$/],
    ['the manifest', /^MANIFEST/],
    ['CURRENT', /^CURRENT$/],
  ])('%s holds rubbish', async (_name, pattern) => {
    await furnish();
    await toTables();
    await damage(pattern, (data) => Buffer.alloc(data.length, 0x55));
    await expectRefusal('store-damaged');
  });

  it('a table is gone', async () => {
    await furnish();
    await toTables();
    await damage(/\.ldb$/, () => undefined);
    await expectRefusal('store-damaged');
  });

  it('a block in the middle of the write-ahead file: a whole commit would be missing', async () => {
    await furnish();
    await damage(/\.log$/, (data) => {
      data.fill(0x55, 40_000, 40_100);
      return data;
    });
    await expectRefusal('store-damaged');
  });

  it('a write-ahead file cut short is a death during a write: the commits before it stand', async () => {
    await furnish();
    await damage(/\.log$/, (data) => data.subarray(0, data.length - 100));
    const store = await openLevelStore(dir);
    const view = await store.snapshot();
    expect(view.version).toBe(299);
    expect((await view.range('A')).length).toBe(299);
    view.release();
    await commits(store, 1);
    await store.close();
  });
});
