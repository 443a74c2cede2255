/**
 * One function in a process as fresh as Lambda's: imports its bundle, calls it twice, prints what that
 * took. Started by bench/cold-start.ts with the function's own environment.
 */
const [bundle = '', event = '{}'] = process.argv.slice(2);

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function timed(task: () => Promise<unknown>): Promise<{ ms: number; cpuMs: number }> {
  const [from, cpuFrom] = [performance.now(), cpuMs()];
  await task();
  return { ms: performance.now() - from, cpuMs: cpuMs() - cpuFrom };
}

type Handler = (event: unknown, context: unknown) => Promise<unknown>;
const context = {
  awsRequestId: 'bench',
  functionName: 'bench',
  getRemainingTimeInMillis: () => 10_000,
};
let handler: Handler = async () => undefined;
const write = process.stdout.write.bind(process.stdout);
// What it logs is not ours to read.
process.stdout.write = () => true;
const loaded = await timed(async () => {
  ({ handler } = (await import(bundle)) as { handler: Handler });
});
const first = await timed(() => handler(JSON.parse(event), context));
const second = await timed(() => handler(JSON.parse(event), context));
write(`${JSON.stringify({ loaded, first, second })}\n`, () => process.exit(0));
