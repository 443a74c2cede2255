/** Whose connections a node's port takes: strangers keep out neither each other nor this machine. */
import { describe, expect, test } from 'vitest';
import { createDoor, FROM_ELSEWHERE_MAX, PER_ADDRESS_MAX } from '../../cli/host/connections.ts';

type Leave = () => void;

describe('the door', () => {
  test('takes so many of one address, as many as another leaves, and again when one goes', () => {
    const door = createDoor();
    const first = Array.from({ length: PER_ADDRESS_MAX }, () => door.enter('203.0.113.7'));
    expect(first.every((leave) => leave !== undefined)).toBe(true);
    expect(door.enter('203.0.113.7')).toBeUndefined();
    expect(door.enter('203.0.113.8')).toBeDefined();
    (first[0] as Leave)();
    expect(door.enter('203.0.113.7')).toBeDefined();
    expect(door.enter('203.0.113.7')).toBeUndefined();
  });

  test('knows an address in all its forms, and an IPv6 customer by the first half', () => {
    const door = createDoor();
    for (let i = 0; i < PER_ADDRESS_MAX; i++) {
      door.enter(i % 2 === 0 ? '198.51.100.1' : '::ffff:198.51.100.1');
      door.enter(`2001:db8:1:2::${i.toString(16)}`);
    }
    expect(door.enter('::ffff:198.51.100.1')).toBeUndefined();
    expect(door.enter('2001:db8:1:2:ffff::1')).toBeUndefined();
    expect(door.enter('2001:db8:1:3::1')).toBeDefined();
  });

  test('keeps room for this machine, however many come from elsewhere', () => {
    const door = createDoor();
    let inside = 0;
    for (let i = 0; i < 1_024; i++) if (door.enter(`10.0.${i >> 8}.${i & 255}`)) inside++;
    expect(inside).toBe(FROM_ELSEWHERE_MAX);
    for (const own of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      for (let i = 0; i <= PER_ADDRESS_MAX; i++) expect(door.enter(own)).toBeDefined();
    }
  });
});
