/** The descriptors beside scripts: BIP380's vectors, and addresses as Core shows them. */
import { expect, it } from 'vitest';
import { descriptorChecksum, descriptorOf } from '../../../lib/api/descriptor.ts';

it('has the checksum of BIP380', () => {
  expect(descriptorChecksum('raw(deadbeef)')).toBe('89f8spxm');
  // Another implementation's (BDK): a length of which a third is left over.
  const key = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
  expect(descriptorChecksum(`pkh(${key})`)).toBe('e48zzw02');
});

it('names the address, and the script where there is none', () => {
  const address = 'mkmZxiEcEd8ZqjQWVZuC6so5dFMKEFpN2j';
  expect(descriptorOf('76a9', address)).toBe(`addr(${address})#02wpgw69`);
  expect(descriptorOf('deadbeef', undefined)).toBe('raw(deadbeef)#89f8spxm');
});
