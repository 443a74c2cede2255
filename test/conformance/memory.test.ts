import { memorySuite } from './store/memory.ts';
import { storeSuite } from './store-suite.ts';

storeSuite(memorySuite);
