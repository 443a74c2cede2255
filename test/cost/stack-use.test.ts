/**
 * What a whole stack uses, gossip included, has a ceiling: three of them on DynamoDB's emulator. The
 * price table of the README is made from these figures.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { dynoxidePath, startDynoxide } from '../helpers/dynamodb.ts';
import { measureStackUse } from '../helpers/stack-use.ts';
import { describeWith } from '../helpers/tools.ts';

/** By so much the figures that the README's table is made from may be off. */
const TOLERANCE = 0.05;

type Figures = { readonly [name: string]: number | Figures };

/** Figures that differ by more, by their path. */
function drifted(noted: Figures, fresh: Figures, path = ''): string[] {
  return Object.entries(fresh).flatMap(([name, value]) => {
    const was = noted[name];
    const at = `${path}${name}`;
    if (typeof value !== 'number') return drifted((was ?? {}) as Figures, value, `${at}.`);
    const off = Math.abs(value - Number(was));
    return off <= TOLERANCE * Math.max(1, value) ? [] : [`${at} is ${value}, noted as ${was}`];
  });
}

const noted = JSON.parse(readFileSync('docs/use.json', 'utf8')).measured as Figures;

describeWith(
  dynoxidePath(),
  { name: 'what a stack uses', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    it('of write units 16 a block and 18 a payment, and no post where a queue will do', async () => {
      const running = await startDynoxide(binary);
      try {
        const use = await measureStackUse(running);
        expect(use.emptyBlock.write).toBeGreaterThan(5);
        expect(use.emptyBlock.write).toBeLessThanOrEqual(16);
        expect(use.payment.write).toBeGreaterThan(5);
        expect(use.payment.write).toBeLessThanOrEqual(18);
        expect(use.emptyBlock.publicCalls).toBe(0);
        // The post that brought it, to one of three.
        expect(use.payment.publicCalls).toBeCloseTo(1 / 3);
        // A handshake and a question to each of the two others.
        expect(use.idleTick.publicCalls).toBeLessThanOrEqual(4);
        expect(use.idleTick.write).toBeLessThanOrEqual(6);
        expect(use.idleTick.read).toBeLessThanOrEqual(100);
        expect(use.idleTick.inboxCalls).toBe(0);
        // The tip three times and the feed once, each half a unit, and what it acts on.
        expect(use.minerSecond).toBeLessThanOrEqual(2.2);
        expect(use.minerMinute).toBe(1);
        const again = 'run: npx node bench/prices/index.ts --measure --write';
        expect(drifted(noted, use as unknown as Figures), again).toEqual([]);
      } finally {
        running.stop();
      }
    });
  },
);
