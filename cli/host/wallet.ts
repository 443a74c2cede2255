/**
 * The data directory's wallets: always local, whatever node a command speaks to. Owns the question
 * for the passphrase and what a wrong one means.
 */
import { openKeystore } from '../../lib/adapters/keystore.ts';
import { Fault } from '../../lib/faults.ts';
import type { Keystore } from '../../lib/wallet/types.ts';
import type { Context } from '../command.ts';
import { refused, usage } from '../errors.ts';
import { isInteractive } from '../io.ts';
import { readLine } from '../read-line.ts';
import { type AddressForm, addressForms } from './network.ts';

export interface KeystorePlace {
  readonly dir: string;
  readonly form: AddressForm;
  /** Tried if the wallets there are of another form. */
  readonly orForm?: AddressForm | undefined;
}

/** Opens the keystore, works with it and closes it. `told`: of the network that a node told. */
export async function withKeystore<T>(
  context: Context,
  work: (keystore: Keystore) => Promise<T>,
  told?: AddressForm,
): Promise<T> {
  const { settings } = context;
  const [form, orForm] = told ? ([told] as const) : addressForms(settings);
  const keystore = await openWallets(context, { dir: settings.dataDir, form, orForm });
  try {
    return await work(keystore);
  } finally {
    await keystore.close();
  }
}

/** Throws CliError for a passphrase that is missing or wrong, Fault `keystore` for the rest. */
export async function openWallets(context: Context, place: KeystorePlace): Promise<Keystore> {
  const { io, settings } = context;
  try {
    return await open(place, settings.passphrase);
  } catch (error) {
    if (!isAboutPassphrase(error, 'need')) throw asCliError(error);
    if (io.stdin.isTTY !== true || !isInteractive(io)) {
      throw usage(`Error: ${error.message.replace(/[.]$/, '')}: --passphrase-file.`);
    }
  }
  const passphrase = await readLine(io, 'The passphrase', { secret: true });
  try {
    return await open(place, passphrase);
  } catch (error) {
    throw asCliError(error);
  }
}

async function open(
  { dir, form, orForm }: KeystorePlace,
  passphrase: string | undefined,
): Promise<Keystore> {
  const { addressVersion, wifVersion } = form;
  const sealed = passphrase === undefined ? {} : { passphrase };
  try {
    return await openKeystore({ dir, addressVersion, wifVersion, ...sealed });
  } catch (error) {
    const isOther = error instanceof Fault && /with other addresses/.test(error.message);
    if (orForm === undefined || !isOther) throw error;
    return open({ dir, form: orForm }, passphrase);
  }
}

const isAboutPassphrase = (error: unknown, verb: 'need' | 'wrong'): error is Fault =>
  error instanceof Fault &&
  error.code === 'keystore' &&
  /passphrase/.test(error.message) &&
  error.message.includes(verb);

/** A wrong passphrase is the user's, not the machine's. */
const asCliError = (error: unknown): unknown =>
  isAboutPassphrase(error, 'wrong')
    ? refused(`Error: ${error.message}`, 'unauthorized', 401)
    : error;
