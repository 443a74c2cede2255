/**
 * The descriptor that Core shows beside a script (BIP380), with its checksum. Owns the two forms that
 * need no key: `addr` where there is an address, else `raw`.
 */

const INPUT_CHARSET =
  '0123456789()[],\'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#"\\ ';
const CHECKSUM_CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const CHECKSUM_SYMBOLS = 8;
const PLACES = new Map([...INPUT_CHARSET].map((char, place) => [char, place]));
/** BIP380's generator, 40 bits each, in halves: bigints cost a block of many outputs too much. */
const GENERATOR_HIGH = [0xf5dee, 0xa9fdc, 0x1bab1, 0x3706b, 0x644d6];
const GENERATOR_LOW = [0x51989, 0xa3312, 0x0e32d, 0x1677a, 0x26ffd];

/** Of a descriptor in BIP380's characters. */
export function descriptorChecksum(descriptor: string): string {
  let high = 0;
  let low = 1;
  const take = (symbol: number): void => {
    const top = high >>> 15;
    high = ((high & 0x7fff) << 5) | (low >>> 15);
    low = ((low & 0x7fff) << 5) ^ symbol;
    for (let bit = 0; bit < GENERATOR_LOW.length; bit++) {
      if (((top >>> bit) & 1) === 0) continue;
      high ^= GENERATOR_HIGH[bit] as number;
      low ^= GENERATOR_LOW[bit] as number;
    }
  };
  let groups = 0;
  let count = 0;
  for (const char of descriptor) {
    const place = PLACES.get(char) as number;
    take(place & 31);
    groups = groups * 3 + (place >>> 5);
    count += 1;
    if (count % 3 !== 0) continue;
    take(groups);
    groups = 0;
  }
  if (count % 3 !== 0) take(groups);
  for (let i = 0; i < CHECKSUM_SYMBOLS; i++) take(0);
  low ^= 1;
  return Array.from({ length: CHECKSUM_SYMBOLS }, (_, i) => {
    const half = i < CHECKSUM_SYMBOLS / 2 ? high : low;
    return CHECKSUM_CHARSET[(half >>> (5 * (3 - (i % 4)))) & 31];
  }).join('');
}

export function descriptorOf(scriptHex: string, address: string | undefined): string {
  const descriptor = address === undefined ? `raw(${scriptHex})` : `addr(${address})`;
  return `${descriptor}#${descriptorChecksum(descriptor)}`;
}
