import { storeSuite } from './store-suite.ts';
import { memorySuite } from './store/memory.ts';

storeSuite(memorySuite);
