/** A process that makes addresses and says each one when it is kept. argv: dir, count, passphrase? */
import { openKeystore } from '../../../lib/adapters/keystore.ts';

const [dir = '', count = '0', passphrase] = process.argv.slice(2);
const keystore = await openKeystore({
  dir,
  addressVersion: 0,
  wifVersion: 0x80,
  scryptN: 1024,
  ...(passphrase !== undefined && { passphrase }),
});
for (let i = 0; i < Number(count); i++) {
  const { address } = await keystore.newAddress();
  process.send?.(address);
}
await keystore.close();
process.disconnect?.();
