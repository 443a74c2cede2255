/**
 * Death at any point, and two writers at once. A keystore is cut off after every single step on its
 * files; processes are killed while they make addresses; processes race for the next address. What
 * was said to be kept is kept, nothing is torn, no address is handed out twice.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openKeystore } from '../../../lib/adapters/keystore.ts';
import { type KeystoreFs, nodeKeystoreFs } from '../../../lib/adapters/keystore-fs.ts';
import type { Keystore } from '../../../lib/wallet/types.ts';

const CHILD = new URL('keystore-child.ts', import.meta.url);
const STACKNET = { addressVersion: 0, wifVersion: 0x80, scryptN: 1024 };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stackchain-crash-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const open = (fs: KeystoreFs = nodeKeystoreFs, passphrase?: string): Promise<Keystore> =>
  openKeystore({ dir, fs, ...STACKNET, ...(passphrase !== undefined && { passphrase }) });

/** Does `steps` steps and then, as a dead process, nothing more. Half of a write may be done. */
function mortalFs(steps: number): KeystoreFs {
  let done = 0;
  const live =
    <A extends unknown[], R>(
      step: (...args: A) => Promise<R>,
      halfway?: (...args: A) => Promise<unknown>,
    ) =>
    async (...args: A): Promise<R> => {
      if (done >= steps) {
        if (done === steps) await halfway?.(...args);
        done++;
        throw new Error('the process is dead');
      }
      done++;
      return step(...args);
    };
  return {
    makeDir: live(nodeKeystoreFs.makeDir),
    list: live(nodeKeystoreFs.list),
    read: live(nodeKeystoreFs.read),
    create: live(nodeKeystoreFs.create, (path, bytes) =>
      nodeKeystoreFs.create(path, bytes.subarray(0, bytes.length >> 1)),
    ),
    link: live(nodeKeystoreFs.link, nodeKeystoreFs.link),
    remove: live(nodeKeystoreFs.remove),
    syncDir: live(nodeKeystoreFs.syncDir),
    ageMs: live(nodeKeystoreFs.ageMs),
  };
}

describe.each([
  { sealed: 'a key file', passphrase: undefined },
  { sealed: 'a passphrase', passphrase: 'correct horse' },
])('a keystore sealed by $sealed that dies', ({ passphrase }) => {
  it.each([0, 1, 6])('with %d addresses, between any two steps', async (before) => {
    let died = 0;
    for (let steps = 0; ; steps++) {
      await rm(dir, { recursive: true, force: true });
      const kept: string[] = [];
      const first = await open(nodeKeystoreFs, passphrase);
      for (let i = 0; i < before; i++) kept.unshift((await first.newAddress()).address);
      let said: string | undefined;
      try {
        const mortal = await open(mortalFs(steps), passphrase);
        said = (await mortal.newAddress()).address;
      } catch (error) {
        expect((error as Error).message).toBe('the process is dead');
        died++;
      }
      const next = await open(nodeKeystoreFs, passphrase);
      const found = await next.addresses();
      // The old state, or the new one; the new one for sure once it was said.
      expect(found.slice(found.length - before), `${steps} steps`).toEqual(kept);
      expect(found.length - before, `${steps} steps`).toBeLessThanOrEqual(1);
      if (said !== undefined) expect(found[0], `${steps} steps`).toBe(said);
      const after = await next.newAddress();
      expect(after.path, `${steps} steps`).toBe(`m/44'/1'/0'/0/${found.length}`);
      expect(await next.addresses()).toEqual([after.address, ...found]);
      if (said !== undefined) break;
    }
    expect(died).toBeGreaterThan(8);
  });
});

describe('a writer that slept', () => {
  it('does not bring back a number that others have used and cleared away', async () => {
    const first = await open();
    await first.newAddress();
    let asleep = 0;
    const made: string[] = [];
    const sleepy: KeystoreFs = {
      ...nodeKeystoreFs,
      async link(from, to) {
        // Between its look at the newest revision and its own: seven others.
        if (asleep++ === 0) {
          for (let i = 0; i < 7; i++) made.push((await first.newAddress()).address);
        }
        return nodeKeystoreFs.link(from, to);
      },
    };
    const late = await open(sleepy);
    const { address, path } = await late.newAddress();
    expect(path).toBe("m/44'/1'/0'/0/8");
    expect(made).not.toContain(address);
    expect((await (await open()).addresses()).slice(0, 8)).toEqual([address, ...made.reverse()]);
    expect(await readdir(join(dir, 'wallets'))).toHaveLength(4);
  });
});

function start(count: number, passphrase?: string): { child: ChildProcess; said: string[] } {
  const args = [dir, String(count), ...(passphrase === undefined ? [] : [passphrase])];
  const child = fork(CHILD, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const said: string[] = [];
  child.on('message', (address) => said.push(String(address)));
  return { child, said };
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.on('close', (code) => resolve(code)));

describe('processes', () => {
  it.each([undefined, 'correct horse'])(
    'race from nothing (passphrase: %s)',
    async (passphrase) => {
      const racers = [start(12, passphrase), start(12, passphrase), start(12, passphrase)];
      const codes = await Promise.all(racers.map(({ child }) => ended(child)));
      expect(codes).toEqual([0, 0, 0]);
      const said = racers.flatMap((racer) => racer.said);
      expect(said).toHaveLength(36);
      expect(new Set(said).size, 'no address twice').toBe(36);
      const kept = await (await open(nodeKeystoreFs, passphrase)).addresses();
      expect([...kept].sort(), 'none lost, none made for nobody').toEqual([...said].sort());
    },
  );

  it('killed again and again lose nothing that they said', async () => {
    const said: string[] = [];
    for (let round = 0; round < 6; round++) {
      const racers = [start(1000), start(1000)];
      const closed = racers.map(({ child }) => ended(child));
      const enough = 1 + ((round * 7) % 13);
      await new Promise<void>((resolve) => {
        for (const racer of racers) {
          racer.child.on('message', () => racer.said.length >= enough && resolve());
        }
      });
      for (const { child } of racers) child.kill('SIGKILL');
      await Promise.all(closed);
      said.push(...racers.flatMap((racer) => racer.said));
      const kept = await (await open()).addresses();
      expect(new Set(said).size, 'no address twice').toBe(said.length);
      expect(said.filter((address) => !kept.includes(address))).toEqual([]);
    }
  });
});
