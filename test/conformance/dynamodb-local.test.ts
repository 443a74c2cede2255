/** The DynamoDB store on AWS's own DynamoDB Local: strict where other emulators are lax. */
import { afterAll } from 'vitest';
import { dynamoLocalDir, type RunningDynamo, startDynamoLocal } from '../helpers/dynamodb.ts';
import { describeWith } from '../helpers/tools.ts';
import { dynamoSuite } from './store/dynamodb.ts';
import { storeSuite } from './store-suite.ts';

describeWith(
  dynamoLocalDir(),
  {
    name: 'DynamoDB Local',
    missing: 'fetch it with `npx node test/tools/get-dynamodb-local.mjs` (needs Java and Maven)',
  },
  (dir) => {
    let running: Promise<RunningDynamo> | undefined;
    const connect = async () => {
      running ??= startDynamoLocal(dir);
      return (await running).client();
    };
    afterAll(async () => (await running)?.stop());
    const suite = dynamoSuite('dynamodb', connect, { raceRounds: 10, historyRuns: 10 });
    storeSuite({ ...suite, skips: { crash: 'every request is cut off on dynoxide already' } });
  },
);
