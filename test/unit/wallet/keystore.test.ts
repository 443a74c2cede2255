/** What a keystore promises, on files and in memory; and what lies on the disk. */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verify } from '@noble/secp256k1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type KeystoreOptions,
  openKeystore,
  openMemoryKeystore,
} from '../../../lib/adapters/keystore.ts';
import { encodeWif, parseAddress } from '../../../lib/codec/index.ts';
import type { Keystore } from '../../../lib/wallet/types.ts';
import { must, reasonOf, vectorCases } from '../../helpers/vectors.ts';

const STACKNET = { addressVersion: 0, wifVersion: 0x80 };
const PHRASE = 'all all all all all all all all all all all all';
const OTHER = 'legal winner thank year wave sausage worth useful legal winner thank yellow';

let dir: string;
const opened: Keystore[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stackchain-keys-'));
});
afterEach(async () => {
  for (const keystore of opened.splice(0)) await keystore.close();
  await rm(dir, { recursive: true, force: true });
});

async function open(options: Partial<KeystoreOptions> = {}): Promise<Keystore> {
  const keystore = await openKeystore({ dir, ...STACKNET, scryptN: 1024, ...options });
  opened.push(keystore);
  return keystore;
}

/** The sentence of the Fault that opening or using a keystore ends in. */
async function faultOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    expect(code, message).toBe('keystore');
    expect(message, 'one sentence').toMatch(/^[A-Z][^\n]+\.$/);
    return message;
  }
  throw new Error('nothing was refused');
}

const makers = [
  { name: 'on files', make: () => open() },
  { name: 'on files with a passphrase', make: () => open({ passphrase: 'correct horse' }) },
  { name: 'in memory', make: () => openMemoryKeystore(STACKNET) },
];

describe.each(makers)('a keystore $name', ({ make }) => {
  let keystore: Keystore;
  beforeEach(async () => {
    keystore = await make();
  });

  it('is empty at first', async () => {
    expect(await keystore.addresses()).toEqual([]);
    expect(await keystore.phrase()).toBeUndefined();
    expect(await keystore.has('1BoatSLRHtKNngkdXEeobR76b53LETtpyT')).toBe(false);
    expect(await keystore.exportWif('1BoatSLRHtKNngkdXEeobR76b53LETtpyT')).toBeUndefined();
  });

  it('makes addresses, newest first, from one phrase', async () => {
    const first = await keystore.newAddress();
    const second = await keystore.newAddress();
    expect([first.path, second.path]).toEqual(["m/44'/1'/0'/0/0", "m/44'/1'/0'/0/1"]);
    expect(await keystore.addresses()).toEqual([second.address, first.address]);
    expect(must(parseAddress(first.address)).version).toBe(0);
    const phrase = (await keystore.phrase()) ?? '';
    expect(phrase.split(' ')).toHaveLength(12);
    const again = await openMemoryKeystore(STACKNET);
    expect(must(await again.restore(phrase, 2))).toEqual([first.address, second.address]);
  });

  it('gives as many addresses as are asked for at once', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => keystore.newAddress()));
    expect(new Set(made.map(({ address }) => address)).size).toBe(8);
    expect(await keystore.addresses()).toHaveLength(8);
  });

  it('signs what its key verifies, and only for its own addresses', async () => {
    const { address } = await keystore.newAddress();
    const digest = randomBytes(32);
    const signature = await keystore.sign(address, digest);
    const key = (await keystore.publicKey(address)) ?? new Uint8Array();
    expect(key).toHaveLength(33);
    expect(verify(signature, digest, key, { prehash: false, lowS: true })).toBe(true);
    expect(await keystore.sign(address, digest), 'RFC 6979').toEqual(signature);
    await faultOf(() => keystore.sign('1BoatSLRHtKNngkdXEeobR76b53LETtpyT', digest));
  });

  it('imports and exports keys', async () => {
    const wif = encodeWif(new Uint8Array(32).fill(7), 0x80);
    const address = must(await keystore.importWif(wif));
    expect(await keystore.exportWif(address)).toBe(wif);
    expect(must(await keystore.importWif(wif))).toBe(address);
    expect(await keystore.addresses()).toEqual([address]);
    expect(await keystore.phrase(), 'an import makes no phrase').toBeUndefined();
    const own = await keystore.newAddress();
    const elsewhere = await openMemoryKeystore(STACKNET);
    const exported = (await keystore.exportWif(own.address)) ?? '';
    expect(must(await elsewhere.importWif(exported))).toBe(own.address);
  });

  it('hands out no address that was imported before', async () => {
    const other = await openMemoryKeystore(STACKNET);
    const restored = must(await other.restore(PHRASE, 3));
    must(await keystore.restore(PHRASE, 1));
    const wif = (await other.exportWif(restored[1] ?? '')) ?? '';
    expect(must(await keystore.importWif(wif))).toBe(restored[1]);
    expect((await keystore.newAddress()).address).toBe(restored[2]);
    expect(await keystore.addresses()).toEqual([...restored].reverse());
  });

  it('restores a phrase once, twice, further, but no other', async () => {
    const two = must(await keystore.restore(PHRASE, 2));
    const five = must(await keystore.restore(`  ${PHRASE.toUpperCase()} \n`, 5));
    expect(five.slice(0, 2)).toEqual(two);
    expect(must(await keystore.restore(PHRASE, 3))).toEqual(five.slice(0, 3));
    expect(reasonOf(await keystore.restore(OTHER, 1))).toBe('conflict');
    expect(await keystore.addresses()).toEqual([...five].reverse());
    expect((await keystore.newAddress()).path).toBe("m/44'/1'/0'/0/5");
  });

  it.each([0, -1, 1.5, Number.NaN, 10_001])('restores no %d addresses', async (count) => {
    expect(reasonOf(await keystore.restore(PHRASE, count))).toBe('invalid-amount');
    expect(await keystore.phrase()).toBeUndefined();
  });

  it('refuses a phrase that is none', async () => {
    expect(reasonOf(await keystore.restore('all all all', 1))).toBe('invalid-phrase');
    expect(await keystore.addresses()).toEqual([]);
  });

  it('is closed when it is closed', async () => {
    const { address } = await keystore.newAddress();
    await keystore.close();
    await faultOf(() => keystore.addresses());
    await faultOf(() => keystore.sign(address, new Uint8Array(32)));
  });
});

interface WifCase {
  readonly wif: string;
  readonly compressed?: boolean;
  readonly chain?: string;
  readonly p2pkhAddress?: string;
  readonly valid: boolean;
}

describe('published WIF keys', () => {
  it.each(vectorCases<WifCase>('wif'))('$wif', async ({ wif, ...vector }) => {
    const isMain = vector.chain === 'main';
    const keystore = await openMemoryKeystore(
      isMain ? STACKNET : { addressVersion: 0x6f, wifVersion: 0xef },
    );
    const imported = await keystore.importWif(wif);
    if (!vector.valid || vector.compressed === false) {
      expect(reasonOf(imported)).toBe('invalid-wif');
      if (vector.valid && !imported.ok) expect(imported.reject.detail).toMatch(/uncompressed/);
      return;
    }
    expect(must(imported)).toBe(vector.p2pkhAddress);
    expect(await keystore.exportWif(must(imported))).toBe(wif);
  });

  it('are refused on the other network', async () => {
    const keystore = await openMemoryKeystore(STACKNET);
    const wif = encodeWif(new Uint8Array(32).fill(7), 0xef);
    expect(reasonOf(await keystore.importWif(wif))).toBe('invalid-wif');
  });
});

describe('the files', () => {
  const walletFiles = async (): Promise<string[]> => (await readdir(join(dir, 'wallets'))).sort();
  const newest = async (): Promise<string> => join(dir, 'wallets', (await walletFiles()).at(-1)!);
  const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

  it('are not there before there is a key', async () => {
    await (await open()).addresses();
    expect(await readdir(dir)).toEqual([]);
  });

  it('are for their owner alone, and bear no secret', async () => {
    const keystore = await open();
    const { address } = await keystore.newAddress();
    const words = ((await keystore.phrase()) ?? '').split(' ');
    const wif = (await keystore.exportWif(address)) ?? '';
    expect(await readdir(dir)).toEqual(['keystore.key', 'wallets']);
    expect(await modeOf(join(dir, 'wallets'))).toBe(0o700);
    expect(await modeOf(join(dir, 'keystore.key'))).toBe(0o600);
    for (const name of await walletFiles()) {
      const path = join(dir, 'wallets', name);
      expect(await modeOf(path), name).toBe(0o600);
      const text = await readFile(path, 'utf8');
      expect(text).not.toContain(wif);
      expect(text).not.toContain(address);
      expect(words.filter((word) => word.length > 5 && text.includes(word))).toEqual([]);
    }
  });

  it('need no key file with a passphrase', async () => {
    const keystore = await open({ passphrase: 'correct horse' });
    const { address } = await keystore.newAddress();
    expect(await readdir(dir)).toEqual(['wallets']);
    const again = await open({ passphrase: 'correct horse' });
    expect(await again.addresses()).toEqual([address]);
  });

  it('take the passphrase however the keyboard composes it', async () => {
    const keystore = await open({ passphrase: 'Z\u00fcrich' });
    const { address } = await keystore.newAddress();
    expect(await (await open({ passphrase: 'Zu\u0308rich' })).addresses()).toEqual([address]);
  });

  it('keep the newest four revisions', async () => {
    const keystore = await open();
    for (let i = 0; i < 7; i++) await keystore.newAddress();
    expect(await walletFiles()).toEqual([4, 5, 6, 7].map((n) => `keys-0000000${n}`));
  });

  it('show a change of one process to the other', async () => {
    const one = await open();
    const other = await open();
    const first = await one.newAddress();
    expect(await other.addresses()).toEqual([first.address]);
    const second = await other.newAddress();
    expect(await one.addresses()).toEqual([second.address, first.address]);
    expect(await one.exportWif(second.address)).toBe(await other.exportWif(second.address));
  });

  it('refuse a wrong, a missing, a needless and an empty passphrase', async () => {
    await (await open({ passphrase: 'correct horse' })).newAddress();
    expect(await faultOf(() => open({ passphrase: 'battery staple' }))).toMatch(/wrong/);
    expect(await faultOf(() => open())).toMatch(/need their passphrase/);
    expect(await faultOf(() => open({ passphrase: '' }))).toMatch(/empty/);
    await rm(join(dir, 'wallets'), { recursive: true });
    await (await open()).newAddress();
    expect(await faultOf(() => open({ passphrase: 'correct horse' }))).toMatch(/leave .* out/);
  });

  it('refuse a missing, a foreign and a damaged key file', async () => {
    await (await open()).newAddress();
    const keyFile = join(dir, 'keystore.key');
    const key = await readFile(keyFile);
    await writeFile(keyFile, `${'ab'.repeat(32)}\n`);
    expect(await faultOf(() => open())).toMatch(/not the one/);
    await writeFile(keyFile, 'nonsense');
    expect(await faultOf(() => open())).toMatch(/damaged/);
    await rm(keyFile);
    expect(await faultOf(() => open())).toMatch(/missing/);
    expect(await readdir(dir), 'no new key is made over old wallets').toEqual(['wallets']);
    await writeFile(keyFile, key);
    expect(await (await open()).addresses()).toHaveLength(1);
  });

  it('tell damage, and give the way back', async () => {
    const keystore = await open();
    const { address } = await keystore.newAddress();
    await keystore.newAddress();
    const path = await newest();
    const whole = await readFile(path);
    for (const bad of [Buffer.alloc(0), whole.subarray(0, 200), Buffer.from('{}\n00\n00\n')]) {
      await writeFile(path, bad);
      expect(await faultOf(() => open())).toMatch(/damaged: move that file away/);
    }
    await rename(path, join(dir, 'kept-elsewhere'));
    const back = await open();
    expect(await back.addresses()).toEqual([address]);
    expect((await back.newAddress()).path, 'goes on from there').toBe("m/44'/1'/0'/0/1");
  });

  it('tell a revision under a foreign number', async () => {
    await (await open()).newAddress();
    await rename(await newest(), join(dir, 'wallets', 'keys-00000009'));
    expect(await faultOf(() => open())).toMatch(/damaged/);
  });

  it('tell a newer format and another network', async () => {
    await (await open()).newAddress();
    const other = { addressVersion: 0x6f, wifVersion: 0xef };
    expect(await faultOf(() => open(other))).toMatch(/network with other addresses/);
    const text = await readFile(await newest(), 'utf8');
    const [header = '', sealed = ''] = text.split('\n');
    const later = `${header.replace('"format":1', '"format":2')}\n${sealed}\n`;
    const sum = createHash('sha256').update(later).digest('hex');
    await writeFile(await newest(), `${later}${sum}\n`);
    expect(await faultOf(() => open())).toMatch(/newer stackchain/);
  });

  it('say when they cannot be read or written', async () => {
    await writeFile(join(dir, 'wallets'), 'a file where the directory belongs');
    expect(await faultOf(() => open())).toMatch(
      /cannot be read \(a part of the path is no directory\)/,
    );
    await rm(join(dir, 'wallets'));
    await mkdir(join(dir, 'wallets', 'keys-00000001'), { recursive: true });
    expect(await faultOf(() => open())).toMatch(/cannot be read/);
    await rm(join(dir, 'wallets'), { recursive: true });
    if (process.getuid?.() !== 0) {
      await chmod(dir, 0o500);
      const keystore = await open();
      expect(await faultOf(() => keystore.newAddress())).toMatch(
        /cannot be written \(no permission\)/,
      );
      await chmod(dir, 0o700);
    }
  });

  it('leave strangers in their directory alone', async () => {
    await mkdir(join(dir, 'wallets'));
    await writeFile(join(dir, 'wallets', 'README'), 'mine');
    const keystore = await open();
    for (let i = 0; i < 6; i++) await keystore.newAddress();
    expect(await walletFiles()).toContain('README');
  });
});
