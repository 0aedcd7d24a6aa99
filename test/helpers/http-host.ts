/** Serves one request handler on a free port of this machine. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp, { type Sharp } from 'sharp';
import type { Middleware } from '../../src/server/http/middleware.ts';

export interface TestServer {
  readonly url: string;
  close(): void;
}

export async function serve(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A plain `node:http` host behind the middleware. */
export function serveBehind(middleware: Middleware, host: RequestListener): Promise<TestServer> {
  return serve((req, res) => middleware(req, res, () => host(req, res)));
}

/** RGB pixels with gradients and edges, the same at each call. */
export function testPixels(width: number, height: number) {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isDark = (Math.floor(x / 5) + Math.floor(y / 5)) % 2 === 0;
      data.set([(x * 7) % 256, (y * 11) % 256, isDark ? 40 : 210], (y * width + x) * 3);
    }
  }
  return { width, height, channels: 3, data };
}

export function encoder(width: number, height: number): Sharp {
  return sharp(testPixels(width, height).data, { raw: { width, height, channels: 3 } });
}

export async function pixelsOf(bytes: Uint8Array) {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels, data: new Uint8Array(data) };
}

/** Without what `fetch` adds: to a conditional request it adds `Cache-Control: no-cache`, upon which hosts give no 304. */
export async function plainGet(url: string, headers: Record<string, string> = {}) {
  const [response] = (await once(request(url, { headers }).end(), 'response')) as [IncomingMessage];
  await once(response.resume(), 'end');
  return { status: response.statusCode, headers: response.headers };
}
