import { levelSuite } from './store/leveldb.ts';
import { storeSuite } from './store-suite.ts';

storeSuite(levelSuite);
