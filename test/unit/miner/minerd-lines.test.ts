/** Against what pooler's minerd 2.5.1 prints. */
import { expect, test } from 'vitest';
import { shareText, stamped, startedText, threadText } from '../../../miner/minerd-lines.ts';

test('the stamp is local time, every part but the year of two digits', () => {
  expect(stamped(new Date(2026, 0, 2, 3, 4, 5), 'text')).toBe('[2026-01-02 03:04:05] text');
  expect(stamped(new Date(2026, 10, 25, 13, 14, 15), '')).toBe('[2026-11-25 13:14:15] ');
});

test('rates lose their decimals from 1,000 khash/s on', () => {
  expect(threadText(1, 4_999_999, 999_994)).toBe('thread 1: 4999999 hashes, 999.99 khash/s');
  expect(threadText(0, 60_000_000, 12_345_678)).toBe('thread 0: 60000000 hashes, 12346 khash/s');
  expect(startedText(2)).toBe("2 miner threads started, using 'sha256d' algorithm.");
});

test.each([
  [{ accepted: 1, rejected: 0 }, true, 'accepted: 1/1 (100.00%), 1500 khash/s (yay!!!)'],
  [{ accepted: 0, rejected: 1 }, false, 'accepted: 0/1 (0.00%), 1500 khash/s (booooo)'],
  [{ accepted: 2, rejected: 1 }, true, 'accepted: 2/3 (66.67%), 1500 khash/s (yay!!!)'],
])('shares: %j', (shares, isAccepted, text) => {
  expect(shareText(shares, 1_500_000, isAccepted)).toBe(text);
});
