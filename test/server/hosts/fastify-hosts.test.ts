/** Fastify: files of `@fastify/static`, and payloads of every kind from routes. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { upscale } from '../../../src/server/hosts/fastify.ts';
import { pixelsOf, testPixels } from '../../helpers/http-host.ts';
import { repeatPixels } from '../../helpers/nearest-models.ts';
import { HEIGHT, WIDTH } from '../../helpers/plugin-fixture.ts';
import { describeContract } from './contract.ts';
import { usePictures } from './pictures.ts';
import { versionOf } from './versions.ts';

const fixture = usePictures();

describeContract(
  {
    name: `fastify ${versionOf('fastify')} with @fastify/static ${versionOf('@fastify/static')}`,
    async start(folder, dualscale) {
      const app = fastify();
      await app.register(upscale, { dualscale });
      await app.register(fastifyStatic, { root: folder });
      const close = async () => {
        // fetch opens a connection in place of one it aborted; Fastify would wait for its first request.
        const closed = app.close();
        app.server.closeAllConnections();
        await closed;
      };
      return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close };
    },
    path: (file, value) => `/${file}${value === undefined ? '' : `?upscale=${value}`}`,
  },
  fixture,
);

describe('payloads of routes', () => {
  let app: FastifyInstance;
  const seen: unknown[] = [];

  beforeAll(async () => {
    app = fastify();
    await app.register(upscale, { dualscale: fixture.dualscale });
    const photo = join(fixture.folder, 'photo.png');
    app.get('/buffer', async (request, reply) => {
      seen.push(request.query, request.raw.url);
      return reply.type('image/png').send(await readFile(photo));
    });
    app.get('/tagged', async (_request, reply) =>
      reply
        .type('image/png')
        .header('ETag', '"1"')
        .send(await readFile(photo)),
    );
    app.get('/stream', (_request, reply) => reply.type('image/png').send(createReadStream(photo)));
    app.get('/web', async (_request, reply) =>
      reply.type('image/png').send(new Blob([new Uint8Array(await readFile(photo))]).stream()),
    );
    app.get(
      '/response',
      async () => new Response(new Uint8Array(await readFile(photo)), { headers: { 'content-type': 'image/png' } }),
    );
    app.get('/json', () => ({ not: 'a picture' }));
    app.get('/broken', () => {
      throw new Error('the host fails');
    });
  });

  afterAll(() => app.close());

  test.each(['buffer', 'stream', 'web', 'response'])('a %s', async (kind) => {
    const response = await app.inject(`/${kind}?upscale=2&w=3`);
    expect(response.headers['x-dualscale']).toBe('model=nearest-x2; scale=2');
    expect(await pixelsOf(response.rawPayload)).toEqual(repeatPixels(testPixels(WIDTH, HEIGHT), 2));
  });

  test('HEAD on a route that Fastify has made itself, and a 304 to it', async () => {
    const url = '/buffer?upscale=2';
    const head = await app.inject({ method: 'HEAD', url });
    expect([head.statusCode, head.headers['x-dualscale'], head.headers['content-length'], head.payload]).toEqual([
      ...[200, 'model=nearest-x2; scale=2', undefined, ''],
    ]);
    const { etag } = (await app.inject('/tagged?upscale=2')).headers;
    const known = await app.inject({
      method: 'HEAD',
      url: '/tagged?upscale=2',
      headers: { 'if-none-match': `${etag}` },
    });
    expect([known.statusCode, known.headers.etag]).toEqual([304, etag]);
  });

  test('the route sees the query without our parameters', () => {
    expect(seen.slice(0, 2)).toEqual([{ w: '3' }, '/buffer?w=3']);
  });

  test('what is no picture, and an error of the route, pass', async () => {
    expect((await app.inject('/json?upscale=2')).json()).toEqual({ not: 'a picture' });
    const broken = await app.inject('/broken?upscale=2');
    expect([broken.statusCode, broken.headers['x-dualscale']]).toEqual([500, undefined]);
  });

  test('a stream beyond the limit goes on as it is where the policy says so', async () => {
    const dualscale = await fixture.create({ onLimit: 'passthrough', limits: { maxInputBytes: 100_000 } });
    const small = fastify();
    await small.register(upscale, { dualscale });
    const chunks = Array.from({ length: 30 }, (_, i) => Buffer.alloc(10_000, i));
    small.get('/large', (_request, reply) => reply.type('image/png').send(Readable.from(chunks)));
    const response = await small.inject('/large?upscale=2');
    expect([response.statusCode, response.headers['x-dualscale']]).toEqual([200, 'skipped; reason=too-large']);
    expect(response.rawPayload.equals(Buffer.concat(chunks))).toBe(true);
    await small.close();
    await dualscale.close();
  });
});
