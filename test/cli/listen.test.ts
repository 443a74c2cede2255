/** A node's port: busy ones, long polls at the end, bodies that are too large. */
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { CliError } from '../../cli/errors.ts';
import { type Listener, listen } from '../../cli/host/listen.ts';
import { quickest, timed } from '../helpers/quickest.ts';

const open: Listener[] = [];
async function start(port = 0, busy: number[] = []): Promise<Listener> {
  const listener = await listen({
    host: '127.0.0.1',
    port,
    onBusy: (each) => {
      busy.push(each);
    },
  });
  open.push(listener);
  return listener;
}
afterEach(async () => {
  for (const listener of open.splice(0)) await listener.stop();
});

describe('listen', () => {
  test('passes over busy ports and tells of them', async () => {
    const first = await start();
    const busy: number[] = [];
    const second = await start(first.port, busy);
    expect(busy[0]).toBe(first.port);
    expect(second.port).toBe(first.port + busy.length);
    expect(second.url).toBe(`http://127.0.0.1:${second.port}`);
  });

  test('says so when no port is left', async () => {
    // Whoever has the last one: afterwards it is busy.
    await start(65_535).catch(() => undefined);
    const failed = await start(65_535).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(CliError);
    expect(failed).toMatchObject({ exit: 3, message: 'Error: no free port from 65535 to 65535.' });
  });

  test('lets who came early wait for the node', async () => {
    const listener = await start();
    const early = fetch(listener.url).then((response) => response.text());
    await new Promise((resolve) => setTimeout(resolve, 50));
    listener.serve(() => new Response('here'));
    expect(await early).toBe('here');
  });

  test('stops in good time though a long poll is held and a connection says nothing', async () => {
    const stopHeld = async (): Promise<number> => {
      const listener = await start();
      const asked = Promise.withResolvers<void>();
      listener.serve(async () => {
        asked.resolve();
        await listener.sleep(600_000);
        return new Response('late');
      });
      const silent = connect(listener.port, '127.0.0.1');
      const ended = new Promise((resolve) => silent.once('close', resolve));
      await new Promise((resolve) => silent.once('connect', resolve));
      const poll = fetch(listener.url).then((response) => response.text());
      await asked.promise;
      const ms = await timed(() => listener.stop());
      expect(await poll).toBe('late');
      await ended;
      return ms;
    };
    expect(await quickest(1_500, stopHeld)).toBeLessThan(1_500);
  });

  test('wakes a sleeper by its signal, or at once where it was given before', async () => {
    const listener = await start();
    const controller = new AbortController();
    const forEver = 2 ** 31 - 1;
    const sleeping = listener.sleep(forEver, controller.signal);
    controller.abort();
    await sleeping;
    await listener.sleep(forEver, controller.signal);
  });
});
