/** A thread that checks signatures for lib/adapters/threaded-verifier.ts. */
import { parentPort } from 'node:worker_threads';
import { fastestVerifier } from './verifier.ts';
import { workOff } from './verify-batch.ts';

const verifier = fastestVerifier();

parentPort?.on('message', async ({ id, shared }: { id: number; shared: SharedArrayBuffer }) => {
  await workOff(shared, (checks) => verifier.firstInvalid(checks));
  parentPort?.postMessage(id);
});
parentPort?.postMessage('ready');
