/**
 * Which write and read units a transaction's life and an empty block take on DynamoDB, measured on
 * dynoxide, an emulator: the units are DynamoDB's own rules, the times are not measured.
 *
 *   npx node bench/dynamodb-units.ts
 */
import { measureLife } from '../test/helpers/dynamo-life.ts';
import { dynoxidePath, startDynoxide } from '../test/helpers/dynamodb.ts';

/** The aims. */
const AIM = { emptyBlock: 16, oneIn: 18 };

const binary = dynoxidePath();
if (binary === undefined) {
  console.error('npm has no build of dynoxide for this platform');
  process.exit(3);
}
const running = await startDynoxide(binary);
const client = running.client();
const life = await measureLife(client);
client.destroy();
running.stop();

const row = (
  name: string,
  { write, read }: { write: number; read: number },
  aim?: number,
): void => {
  const against = aim === undefined ? '' : `  aim ${aim}, ratio ${(write / aim).toFixed(2)}`;
  console.log(`${name.padEnd(34)} write ${write.toFixed(2)}  read ${read.toFixed(2)}${against}`);
};
row('empty block', life.emptyBlock, AIM.emptyBlock);
row('1-in-2-out, admission', life.admissionOneIn);
row('1-in-2-out, admission to confirmed', life.oneIn, AIM.oneIn);
row('2-in-2-out, admission to confirmed', life.twoIn);
