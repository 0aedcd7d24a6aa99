/** Clients that leave before the host has answered: nothing of theirs stays behind, whatever the host is. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import { upscale } from '../../../src/server/hosts/fastify.ts';
import { withUpscale } from '../../../src/server/hosts/fetch.ts';
import type { DualscaleOptions } from '../../../src/server/options.ts';
import type { Dualscale } from '../../../src/server/plugin.ts';
import { serveBehind } from '../../helpers/http-host.ts';
import { usePictures } from './pictures.ts';

const fixture = usePictures();
const TYPE = 'image/png';

/** A picture that is there when the test says so. */
interface SlowHost {
  readonly picture: () => Promise<Buffer>;
  /** Resolves when the host has been asked. */
  readonly asked: Promise<void>;
  release(): void;
}

interface Running {
  readonly url: string;
  close(): unknown;
}

/** How each adapter is put before a host that gives `picture`, which may change from request to request. */
const adapters: Readonly<Record<string, (dualscale: Dualscale, picture: () => Promise<Buffer>) => Promise<Running>>> = {
  'node:http': (dualscale, picture) =>
    serveBehind(dualscale.middleware(), async (_req, res) => {
      const body = await picture();
      res.setHeader('Content-Type', TYPE).end(body);
    }),
  async fetch(dualscale, picture) {
    const host = async () => new Response(new Uint8Array(await picture()), { headers: { 'Content-Type': TYPE } });
    const server = createAdaptorServer({ fetch: withUpscale(host, dualscale), overrideGlobalObjects: false });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
  },
  async fastify(dualscale, picture) {
    const app = fastify({ forceCloseConnections: true });
    await app.register(upscale, { dualscale });
    app.get('/a.png', async (_request, reply) => reply.type(TYPE).send(await picture()));
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() };
  },
};

/** A promise and what resolves it. */
function signalled() {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

async function inFlight({ registry }: Dualscale): Promise<number> {
  const metric = await registry.getSingleMetric('dualscale_inflight')?.get();
  return metric?.values[0]?.value ?? 0;
}

function slowHost(body: Buffer): SlowHost {
  const asked = signalled();
  const released = signalled();
  return {
    asked: asked.promise,
    release: released.resolve,
    async picture() {
      asked.resolve();
      await released.promise;
      return body;
    },
  };
}

async function useAdapter(name: string, options: DualscaleOptions, use: (context: Context) => Promise<void>) {
  const dualscale = await fixture.create({ concurrency: 1, queueLimit: 1, ...options });
  const photo = await readFile(join(fixture.folder, 'photo.png'));
  const context = { dualscale, photo, picture: async () => photo } as Context;
  const server = await (adapters[name] as (typeof adapters)[string])(dualscale, () => context.picture());
  try {
    await use(Object.assign(context, { url: `${server.url}/a.png?upscale=2` }));
  } finally {
    await server.close();
    await dualscale.close();
  }
}

interface Context {
  readonly url: string;
  readonly dualscale: Dualscale;
  readonly photo: Buffer;
  picture(): Promise<Buffer>;
}

describe.each(Object.keys(adapters))('%s', (name) => {
  test('places of clients that left are free again', async () => {
    await useAdapter(name, {}, async (context) => {
      // One more than there are places.
      for (let left = 0; left < 3; left++) {
        const host = slowHost(context.photo);
        context.picture = host.picture;
        const client = get(context.url).on('error', () => {});
        await host.asked;
        client.destroy();
        while ((await inFlight(context.dualscale)) > 0) await sleep(2);
        host.release();
      }
      context.picture = async () => context.photo;
      const response = await fetch(context.url);
      expect([response.status, response.headers.get('x-dualscale')]).toEqual([200, 'model=nearest-x2; scale=2']);
      await response.arrayBuffer();
    });
  });
});

test.each(Object.keys(adapters))('%s: a host that never answers is given up at the deadline', async (name) => {
  await useAdapter(name, { deadlineMs: 150 }, async (context) => {
    context.picture = () => new Promise(() => {});
    const response = await fetch(context.url);
    expect([response.status, response.headers.get('content-type')]).toEqual([503, expect.stringContaining('problem')]);
    expect(await response.json()).toMatchObject({ code: 'DS_DEADLINE' });
    expect(await inFlight(context.dualscale)).toBe(0);
  });
});

test('fastify: a picture that stops in its midst is given up at the deadline', async () => {
  const dualscale = await fixture.create({ deadlineMs: 150 });
  const app = fastify({ forceCloseConnections: true });
  await app.register(upscale, { dualscale });
  const stalled = new Readable({ read() {} });
  stalled.push(Buffer.from([0x89, 0x50]));
  app.get('/a.png', (_request, reply) => reply.type(TYPE).send(stalled));
  app.get('/raw.png', (_request, reply) => {
    reply.hijack();
    setTimeout(() => reply.raw.end('of the host'), 300);
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const response = await fetch(`${url}/a.png?upscale=2`);
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([503, 'DS_DEADLINE']);
  expect(stalled.destroyed).toBe(true);
  expect(await (await fetch(`${url}/raw.png?upscale=2`)).text()).toBe('of the host');
  expect(await inFlight(dualscale)).toBe(0);
  await app.close();
  await dualscale.close();
});

test('fetch: places of hosts that were too slow are free again', async () => {
  await useAdapter('fetch', { deadlineMs: 150 }, async (context) => {
    for (let late = 0; late < 3; late++) {
      const host = slowHost(context.photo);
      context.picture = host.picture;
      expect((await fetch(context.url)).status).toBe(503);
      host.release();
    }
    context.picture = async () => context.photo;
    let code: string | undefined;
    // A busy machine may be late itself.
    do {
      const response = await fetch(context.url);
      code = response.ok ? undefined : ((await response.json()) as { code: string }).code;
    } while (code === 'DS_DEADLINE');
    expect(code).toBeUndefined();
  });
});

test('fetch: the body of a host is not read on for a client that left', async () => {
  const dualscale = await fixture.create();
  const cancelled = signalled();
  const begun = signalled();
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array(10)),
    pull: () => {
      begun.resolve();
      return new Promise(() => {});
    },
    cancel: () => cancelled.resolve(),
  });
  const handler = withUpscale(() => new Response(body, { headers: { 'Content-Type': TYPE } }), dualscale);
  const controller = new AbortController();
  const answer = handler(new Request('http://host/a.png?upscale=2', { signal: controller.signal }));
  await begun.promise;
  controller.abort();
  await expect(answer).rejects.toThrow('aborted');
  await cancelled.promise;
  await dualscale.close();
});
