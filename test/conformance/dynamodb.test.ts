/** The DynamoDB store on dynoxide passes the suite that LevelDB passes. */
import { afterAll } from 'vitest';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../helpers/dynamodb.ts';
import { describeWith } from '../helpers/tools.ts';
import { dynamoSuite } from './store/dynamodb.ts';
import { storeSuite } from './store-suite.ts';

describeWith(
  dynoxidePath(),
  { name: 'dynoxide', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let running: Promise<RunningDynamo> | undefined;
    const connect = async () => {
      running ??= startDynoxide(binary);
      return (await running).client();
    };
    afterAll(async () => (await running)?.stop());
    storeSuite(dynamoSuite('dynamodb', connect, { raceRounds: 25, historyRuns: 20 }));
  },
);
