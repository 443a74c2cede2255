import { storeSuite } from './store-suite.ts';
import { levelSuite } from './store/leveldb.ts';

storeSuite(levelSuite);
