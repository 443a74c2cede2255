/**
 * The Vault port in a directory: `wallets/keys-00000007` is revision 7, and a revision is never
 * written over. A new one is written beside, made durable, and then given its name by a hard link,
 * which fails if the name is taken: that is the whole lock between processes, and a process that
 * dies at any point leaves the old revision or the new one, and no lock behind. Owns files, the
 * secret that seals them and the sentences for what may be wrong with either.
 */
import { join } from 'node:path';
import { Fault } from '../faults.ts';
import type { Random } from '../ports/random.ts';
import type { Vault } from '../wallet/types.ts';
import type { KeystoreFs } from './keystore-fs.ts';
import {
  decodeSealed,
  encodeSealed,
  isKeyOf,
  keyFileKey,
  NONCE_BYTES,
  newScrypt,
  openSealed,
  type SealedFile,
  type SealKey,
  scryptKey,
} from './keystore-seal.ts';
import { systemWords } from './system-error.ts';

const NAME_FORM = /^keys-(\d{8})$/;
const KEY_FILE_FORM = /^([0-9a-f]{64})\n?$/;
const KEY_BYTES = 32;
const WRITE_ID_BYTES = 8;
const SALT_BYTES = 16;
/** Revisions that stay, the newest included: a way back should the disk damage the newest. */
const REVISIONS_KEPT = 4;
/** What a writer that died has left; a living one is done long before. */
const LEFTOVER_AGE_MS = 60 * 60 * 1000;
const READ_TRIES_MAX = 20;

export interface FileVaultOptions {
  /** The data directory: holds `wallets/` and `keystore.key`. */
  readonly dir: string;
  readonly passphrase?: string;
  readonly random: Random;
  readonly fs: KeystoreFs;
  readonly scryptN: number;
}

const nameOf = (revision: number): string => `keys-${String(revision).padStart(8, '0')}`;
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export class FileVault implements Vault {
  private readonly options: FileVaultOptions;
  private readonly wallets: string;
  private readonly keyFile: string;
  private seal: SealKey | undefined;
  private closed = false;

  constructor(options: FileVaultOptions) {
    this.options = options;
    this.wallets = join(options.dir, 'wallets');
    this.keyFile = join(options.dir, 'keystore.key');
  }

  async revision(): Promise<number> {
    this.checkOpen();
    const names = await this.guard('read', () => this.options.fs.list(this.wallets));
    return Math.max(0, ...names.map(revisionOf));
  }

  async load(): Promise<{ readonly revision: number; readonly data: Uint8Array } | undefined> {
    const file = await this.newestFile();
    if (file === undefined) return undefined;
    const data = openSealed(file, await this.sealOf(file));
    if (data === undefined) throw this.damaged(file.revision);
    return { revision: file.revision, data };
  }

  async save(data: Uint8Array, revision: number): Promise<boolean> {
    this.checkOpen();
    return this.guard('written', () => this.saveNow(data, revision));
  }

  async close(): Promise<void> {
    this.closed = true;
    this.seal?.key.fill(0);
    this.seal = undefined;
  }

  private async saveNow(data: Uint8Array, revision: number): Promise<boolean> {
    const { fs, random } = this.options;
    const before = revision === 0 ? undefined : await this.fileOf(revision);
    if (revision > 0 && before === undefined) return false;
    const writeId = toHex(random.bytes(WRITE_ID_BYTES));
    const next = revision + 1;
    const bytes = encodeSealed(data, {
      revision: next,
      writes: [writeId, ...(before?.writes ?? [])],
      seal: before ? await this.sealOf(before) : await this.newSeal(),
      nonce: random.bytes(NONCE_BYTES),
    });
    await fs.makeDir(this.wallets);
    await fs.syncDir(this.options.dir);
    const isFirst = await this.publish(bytes, this.wallets, nameOf(next));
    if (!isFirst) return false;
    return this.settle(next, writeId);
  }

  /** A complete file under its name at once; false if the name is taken. */
  private async publish(bytes: Uint8Array, dir: string, name: string): Promise<boolean> {
    const { fs, random } = this.options;
    const draft = join(dir, `.new-${toHex(random.bytes(WRITE_ID_BYTES))}`);
    await fs.create(draft, bytes);
    const isFirst = await fs.link(draft, join(dir, name));
    if (isFirst) await fs.syncDir(dir);
    await fs.remove(draft);
    return isFirst;
  }

  /**
   * A writer that slept may have taken a number that others had used and cleared away: then newer
   * revisions are there, and only what the newest is built on counts.
   */
  private async settle(revision: number, writeId: string): Promise<boolean> {
    const newest = await this.newestFile();
    if (newest !== undefined && newest.revision > revision && !newest.writes.includes(writeId)) {
      await this.options.fs.remove(join(this.wallets, nameOf(revision)));
      return false;
    }
    await this.clear(newest?.revision ?? revision);
    return true;
  }

  private async clear(newest: number): Promise<void> {
    const { fs } = this.options;
    for (const name of await fs.list(this.wallets)) {
      const path = join(this.wallets, name);
      const revision = revisionOf(name);
      const isLeft = name.startsWith('.new-') && ((await fs.ageMs(path)) ?? 0) > LEFTOVER_AGE_MS;
      if (isLeft || (revision > 0 && revision <= newest - REVISIONS_KEPT)) await fs.remove(path);
    }
  }

  private async newestFile(): Promise<SealedFile | undefined> {
    for (let attempt = 0; attempt < READ_TRIES_MAX; attempt++) {
      const revision = await this.revision();
      if (revision === 0) return undefined;
      const file = await this.fileOf(revision);
      // Missing: cleared away since it was listed, so there are newer ones.
      if (file !== undefined) return file;
    }
    throw new Fault('keystore', `The wallets in ${this.wallets} change faster than they are read.`);
  }

  private async fileOf(revision: number): Promise<SealedFile | undefined> {
    const path = join(this.wallets, nameOf(revision));
    const bytes = await this.guard('read', () => this.options.fs.read(path));
    if (bytes === undefined) return undefined;
    const file = decodeSealed(bytes);
    if (file === 'newer') {
      throw new Fault('keystore', `The wallets in ${path} were written by a newer stackchain.`);
    }
    if (file === 'damaged' || file.revision !== revision) throw this.damaged(revision);
    return file;
  }

  private async sealOf(file: SealedFile): Promise<SealKey> {
    if (this.seal === undefined || !isKeyOf(this.seal, file))
      this.seal = await this.deriveSeal(file);
    return this.seal;
  }

  private async deriveSeal(file: SealedFile): Promise<SealKey> {
    const { passphrase } = this.options;
    if (file.kdf.name === 'key-file') {
      if (passphrase !== undefined) {
        throw new Fault(
          'keystore',
          `The wallets in ${this.wallets} are sealed by ${this.keyFile}, not by a passphrase: leave the passphrase out.`,
        );
      }
      const seal = keyFileKey(await this.readKeyFile());
      if (isKeyOf(seal, file)) return seal;
      throw new Fault('keystore', `The key in ${this.keyFile} is not the one of these wallets.`);
    }
    if (passphrase === undefined) {
      throw new Fault('keystore', `The wallets in ${this.wallets} need their passphrase.`);
    }
    const seal = await scryptKey(passphrase, file.kdf);
    if (isKeyOf(seal, file)) return seal;
    throw new Fault('keystore', `The passphrase of the wallets in ${this.wallets} is wrong.`);
  }

  /** What seals the first revision: the passphrase, or a key file, which is made when missing. */
  private async newSeal(): Promise<SealKey> {
    const { fs, random, passphrase, dir, scryptN } = this.options;
    if (passphrase !== undefined) {
      return scryptKey(passphrase, newScrypt(random.bytes(SALT_BYTES), scryptN));
    }
    await fs.makeDir(dir);
    if ((await fs.read(this.keyFile)) === undefined) {
      const text = `${toHex(random.bytes(KEY_BYTES))}\n`;
      await this.publish(new TextEncoder().encode(text), dir, 'keystore.key');
    }
    return keyFileKey(await this.readKeyFile());
  }

  private async readKeyFile(): Promise<Uint8Array> {
    const bytes = await this.guard('read', () => this.options.fs.read(this.keyFile));
    if (bytes === undefined) {
      throw new Fault(
        'keystore',
        `The key file ${this.keyFile} is missing, and the wallets cannot be opened without it.`,
      );
    }
    const key = KEY_FILE_FORM.exec(Buffer.from(bytes).toString('latin1'))?.[1];
    if (key === undefined) throw new Fault('keystore', `The key file ${this.keyFile} is damaged.`);
    return new Uint8Array(Buffer.from(key, 'hex'));
  }

  private damaged(revision: number): Fault {
    const path = join(this.wallets, nameOf(revision));
    return new Fault(
      'keystore',
      `The wallets in ${path} are damaged: move that file away to go back to the revision before it.`,
    );
  }

  private checkOpen(): void {
    if (this.closed) throw new Fault('keystore', 'The keystore is closed.');
  }

  private async guard<T>(verb: 'read' | 'written', work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Fault) throw error;
      const code = (error as { code?: string }).code;
      if (code === undefined) throw error;
      throw new Fault(
        'keystore',
        `The wallets in ${this.wallets} cannot be ${verb} (${systemWords(error) ?? code}).`,
        { cause: error },
      );
    }
  }
}

const revisionOf = (name: string): number => Number(NAME_FORM.exec(name)?.[1] ?? 0);
