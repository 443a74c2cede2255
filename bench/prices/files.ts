/** The two files that the price table is made from. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Prices, Use } from './model.ts';

const at = (name: string): string => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));

export const USE_FILE = at('use.json');

export const readPrices = (): Prices =>
  (JSON.parse(readFileSync(at('prices.json'), 'utf8')) as { prices: Prices }).prices;

export const readUse = (): Use => JSON.parse(readFileSync(USE_FILE, 'utf8')) as Use;
