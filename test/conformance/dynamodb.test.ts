/** The DynamoDB store on dynoxide passes the suite that LevelDB passes. */
import { describeOnDynoxide } from '../helpers/on-dynoxide.ts';
import { dynamoSuite } from './store/dynamodb.ts';
import { storeSuite } from './store-suite.ts';

describeOnDynoxide('dynoxide', (connect) => {
  storeSuite(dynamoSuite('dynamodb', connect, { raceRounds: 25, historyRuns: 20 }));
});
