import { loadEngine } from '../../lib/adapters/engine.ts';
import { createPlainEngine } from '../../lib/adapters/plain-engine.ts';
import { engineSuite } from './engine-suite.ts';

engineSuite('plain', async () => createPlainEngine());
engineSuite('as loaded', loadEngine);
