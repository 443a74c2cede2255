/** A node's port: busy ones, long polls at the end, bodies that are too large. */
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { CliError } from '../../cli/errors.ts';
import { type Listener, listen } from '../../cli/host/listen.ts';
import { ProblemSchema } from '../../lib/api/schemas.ts';
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

  /** What the port says to these bytes until it closes, in two parts. */
  async function say(bytes: string): Promise<{ head: string; body: string }> {
    const listener = await start();
    listener.serve(() => new Response('served'));
    const socket = connect(listener.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(bytes);
    let text = '';
    socket.on('data', (part) => {
      text += part;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    const [head = '', ...body] = text.split('\r\n\r\n');
    return { head, body: body.join('\r\n\r\n') };
  }

  test.each([
    ['no HTTP', 'HELO\r\n\r\n'],
    ['headers without an end', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}`],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a@b\r\nConnection: close\r\n\r\n'],
    ['no path', 'GET x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
  ])('tells a sender of %s what is wrong, as any other', async (_name, bytes) => {
    const { head, body } = await say(bytes);
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(head.toLowerCase()).toContain('content-type: application/problem+json');
    const json = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1);
    expect(ProblemSchema.parse(JSON.parse(json))).toMatchObject({
      status: 400,
      code: 'invalid-request',
    });
  });

  test('gives up headers that do not end within their time', async () => {
    const listener = await listen({ host: '127.0.0.1', port: 0, headersTimeoutMs: 100 });
    open.push(listener);
    listener.serve(() => new Response('served'));
    const slow = connect(listener.port, '127.0.0.1');
    let text = '';
    slow.on('data', (part) => {
      text += part;
    });
    const ended = new Promise<void>((resolve) => slow.once('close', () => resolve()));
    slow.write('GET / HTTP/1.1\r\nX: ');
    // Node itself looks every 30 s.
    const late = new Promise<void>((resolve) => {
      AbortSignal.timeout(25_000).onabort = () => resolve();
    });
    await Promise.race([ended, late]);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    slow.destroy();
  });
});
