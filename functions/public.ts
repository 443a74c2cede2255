/** What is open to all: reading, transactions and blocks handed in, peers' envelopes. */
import { createHandler } from './api.ts';

export const handler = createHandler('public', async () => ({ authorize: async () => false }));
