import { once } from 'node:events';
import { connect, createServer, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pixelsOf, testPixels } from '../../helpers/http-host.ts';
import { repeatPixels } from '../../helpers/nearest-models.ts';
import { HEIGHT, usePlugin, WIDTH } from '../../helpers/plugin-fixture.ts';

const plugin = usePlugin();
const seen: unknown[] = [];
let server: ReturnType<typeof createServer>;

beforeAll(async () => {
  server = createServer((req, res) => {
    plugin.dualscale.middleware()(req as never, res as never, () => {
      seen.push(req.url, req.headers['range'], req.rawHeaders.includes('range'));
      res.writeHead(200, { 'content-type': 'image/png', etag: '"v1"' });
      res.end(plugin.png);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterAll(() => void server.close());

async function get(path: string, headers: Record<string, string> = {}) {
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const stream = client.request({ ':path': path, ...headers });
    const [received] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return { headers: received, body: Buffer.concat(chunks) };
  } finally {
    client.close();
  }
}

test('a host on the HTTP/2 compatibility API is enlarged and answered with 304', async () => {
  const { headers, body } = await get('/a.png?upscale=2', { range: 'bytes=0-1' });
  expect(headers[':status']).toBe(200);
  expect(await pixelsOf(body)).toEqual(repeatPixels(testPixels(WIDTH, HEIGHT), 2));
  expect(seen).toEqual(['/a.png', undefined, false]);
  const again = await get('/a.png?upscale=2', { 'if-none-match': headers['etag'] as string });
  expect([again.headers[':status'], again.body.length]).toEqual([304, 0]);
  expect((await get('/a.png?upscale=9')).headers[':status']).toBe(400);
});
