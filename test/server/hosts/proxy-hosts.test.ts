/** The reverse proxy in front of a real nginx. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createProxy, type ProxyOptions } from '../../../src/server/hosts/proxy.ts';
import { serve, type TestServer } from '../../helpers/http-host.ts';
import { describeContract } from './contract.ts';
import { NGINX_VERSION, type Nginx, startNginx } from './nginx.ts';
import { usePictures } from './pictures.ts';

const fixture = usePictures();

async function front(options: Omit<ProxyOptions, 'dualscale'>): Promise<TestServer> {
  const proxy = createProxy({ dualscale: fixture.dualscale, ...options });
  const server = await serve((req, res) => proxy.handler(req, res));
  return {
    url: server.url,
    close() {
      server.close();
      proxy.close();
    },
  };
}

describeContract(
  {
    name: `nginx ${NGINX_VERSION ?? '(skipped: nginx is not installed)'} behind the proxy`,
    isSkipped: NGINX_VERSION === undefined,
    async start(folder) {
      const nginx = await startNginx(folder);
      const server = await front({ upstream: nginx.url });
      return {
        url: server.url,
        async close() {
          server.close();
          await nginx.close();
        },
      };
    },
    path: (file, upscale) => `/${file}${upscale === undefined ? '' : `?upscale=${upscale}`}`,
  },
  fixture,
);

describe.skipIf(NGINX_VERSION === undefined)('what passes between client and nginx', () => {
  let nginx: Nginx;
  let server: TestServer;

  beforeAll(async () => {
    nginx = await startNginx(fixture.folder);
    server = await front({ upstream: nginx.url });
  });

  afterAll(async () => {
    server?.close();
    await nginx?.close();
  });

  test('headers of one connection stay there, addresses are added, the host is the upstream', async () => {
    const headers = {
      Connection: 'close, X-Secret',
      'X-Secret': 's',
      TE: 'trailers',
      'X-Forwarded-For': '203.0.113.9',
    };
    const sent = request(`${server.url}/headers?b=%20&a`, {
      headers: { ...headers, 'X-Forwarded-Host': 'spoofed' },
    }).end();
    const [response] = await once(sent, 'response');
    const text = (await response.setEncoding('utf8').toArray()).join('');
    const [upstream, own] = [nginx.url, server.url].map((url) => url.replace('http://', ''));
    expect(text).toBe(`${upstream}|203.0.113.9, 127.0.0.1|${own}|keep-alive|||/headers?b=%20&a`);
    expect(response.headers).not.toHaveProperty('keep-alive');
  });

  test('redirects are passed on, not followed; one to the upstream itself does not name it', async () => {
    for (const path of ['/moved', '/internal', '/internal?upscale=4']) {
      const response = await fetch(`${server.url}${path}`, { redirect: 'manual' });
      expect([response.status, response.headers.get('location')]).toEqual([302, '/photo.png']);
    }
  });

  test("the host's freshness goes along, its validators do not", async () => {
    const { headers } = await fetch(`${server.url}/photo.png?upscale=2`);
    expect(headers.get('cache-control')).toBe('public, max-age=3600');
    expect(headers.get('last-modified')).toBeNull();
  });

  test.each(['POST', 'PUT', 'DELETE'])('%s is refused', async (method) => {
    const response = await fetch(`${server.url}/photo.png`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });

  test.each([
    'http://192.0.2.1/',
    '//192.0.2.1/x',
    '/../etc/passwd',
    '/a/%2e%2E/b',
    '/a/..%2fb',
    '/x%2f..%2f..%2fprivate',
    '/x%2F%2e%2e/b',
    '/..;/b',
    '/a\\b',
    '*',
  ])('the target %s is refused: it does not decide where a request goes', async (target) => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.end(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const answer = (await socket.setEncoding('utf8').toArray()).join('');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).not.toContain('nginx');
  });
});

describe('an upstream that fails', () => {
  async function problemOf(server: TestServer, path = '/photo.png?upscale=2') {
    const response = await fetch(`${server.url}${path}`);
    const { code } = (await response.json()) as { code: string };
    server.close();
    return [response.status, code, response.headers.get('cache-control')];
  }

  test('nobody listens: 502', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const upstream = `http://127.0.0.1:${port}`;
    expect(await problemOf(await front({ upstream }))).toEqual([502, 'DS_UPSTREAM', 'no-store']);
    expect(await problemOf(await front({ upstream }), '/photo.png')).toEqual([502, 'DS_UPSTREAM', 'no-store']);
  });

  test('it does not answer: 504', async () => {
    const silent = await serve(() => {});
    const result = problemOf(await front({ upstream: silent.url, timeoutMs: 100 }));
    expect(await result).toEqual([504, 'DS_UPSTREAM_TIMEOUT', 'no-store']);
    silent.close();
  });

  test('its head is too large: 502', async () => {
    const loud = await serve((_req, res) => res.setHeader('X-Long', 'x'.repeat(3000)).end());
    const result = problemOf(await front({ upstream: loud.url, maxHeaderBytes: 2048 }));
    expect(await result).toEqual([502, 'DS_UPSTREAM', 'no-store']);
    loud.close();
  });

  test('it is the proxy itself: 502, after a few rounds', async () => {
    let handler: ReturnType<typeof createProxy>['handler'] = () => {};
    const server = await serve((req, res) => handler(req, res));
    const proxy = createProxy({ dualscale: fixture.dualscale, upstream: server.url });
    handler = proxy.handler;
    expect(await problemOf(server)).toEqual([502, 'DS_UPSTREAM', 'no-store']);
    proxy.close();
  });

  /** Sends a part of a picture, and then what `end` does. */
  const beginning = (end: (res: ServerResponse) => void) =>
    serve((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'image/png', 'Content-Length': '1000' });
      res.write('x');
      end(res);
    });

  test('its body breaks off: the connection does too, or the answer is a 502; nobody takes a part for the whole', async () => {
    const broken = await beginning((res) => setTimeout(() => res.destroy(), 20));
    const server = await front({ upstream: broken.url });
    await expect(fetch(`${server.url}/a.png`).then((response) => response.text())).rejects.toThrow();
    expect(await problemOf(server, '/a.png?upscale=2')).toEqual([502, 'DS_UPSTREAM', 'no-store']);
    broken.close();
  });

  test('its body stands still: 504 where nothing has gone out yet', async () => {
    const stalled = await beginning(() => {});
    const server = await front({ upstream: stalled.url, timeoutMs: 100 });
    await expect(fetch(`${server.url}/a.png`).then((response) => response.text())).rejects.toThrow();
    expect(await problemOf(server, '/a.png?upscale=2')).toEqual([504, 'DS_UPSTREAM_TIMEOUT', 'no-store']);
    stalled.close();
  });

  test('a client that reads slowly is not its fault: everything arrives', async () => {
    const body = Buffer.alloc(20 * 2 ** 20, 7);
    const quick = await serve((_req, res) => res.setHeader('Content-Type', 'image/gif').end(body));
    const server = await front({ upstream: quick.url, timeoutMs: 100 });
    const [response] = (await once(request(`${server.url}/a.gif`).end(), 'response')) as [IncomingMessage];
    await sleep(500);
    const chunks = await response.toArray();
    expect(Buffer.concat(chunks).equals(body)).toBe(true);
    server.close();
    quick.close();
  });

  /** An upstream below HTTP: `answer` is given how many requests came over this connection. */
  async function rawUpstream(answer: (socket: Socket, count: number) => void) {
    const upstream = createTcpServer((socket) => {
      let count = 0;
      socket.on('error', () => {}).on('data', () => answer(socket, ++count));
    });
    await once(upstream.listen(0, '127.0.0.1'), 'listening');
    const server = await front({ upstream: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` });
    return { server, close: () => upstream.close() };
  }

  test('it closes an idle connection as it is used again: asked once more', async () => {
    const { server, close } = await rawUpstream((socket, count) => {
      if (count === 2) socket.destroy();
      else socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok');
    });
    for (let asked = 0; asked < 3; asked++) {
      const response = await fetch(`${server.url}/a`);
      expect([response.status, await response.text()]).toEqual([200, 'ok']);
    }
    server.close();
    close();
  });

  test('it breaks off an answer on a connection that was used before: not asked again', async () => {
    let asked = 0;
    const { server, close } = await rawUpstream((socket, count) => {
      asked += 1;
      const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n';
      if (count === 1) socket.write(`${head}Content-Length: 2\r\n\r\nok`);
      else socket.write(`${head}Content-Length: 9\r\n\r\nok`, () => socket.resetAndDestroy());
    });
    expect(await (await fetch(`${server.url}/a`)).text()).toBe('ok');
    await expect(fetch(`${server.url}/a`).then((response) => response.text())).rejects.toThrow();
    expect(asked).toBe(2);
    server.close();
    close();
  });

  test.each(['000', '099'])('its status is %s: 502', async (status) => {
    const { server, close } = await rawUpstream((socket) => {
      socket.write(`HTTP/1.1 ${status} X\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok`);
    });
    expect(await problemOf(server, '/a')).toEqual([502, 'DS_UPSTREAM', 'no-store']);
    close();
  });
});

describe('where the upstream may be', () => {
  test.each(['ftp://x/', 'http://u:p@x/', 'http://x/?q=1', 'http://x/#f', 'x', ''])('%j is no upstream', (upstream) => {
    expect(() => createProxy({ dualscale: fixture.dualscale, upstream })).toThrow('upstream');
  });

  test('a private address is refused where it is forbidden, and taken where it was written on purpose', () => {
    const at = (upstream: string, allowPrivate?: boolean) => () =>
      createProxy({ dualscale: fixture.dualscale, upstream, allowPrivate });
    expect(at('http://169.254.169.254/', false)).toThrow('a public address');
    expect(at('http://[::1]:80/', false)).toThrow('a public address');
    expect(at('http://localhost/', false)).toThrow('a public address');
    expect(at('http://127.0.0.1/')).not.toThrow();
    expect(at('http://93.184.216.34/', false)).not.toThrow();
  });

  test('a name is looked up for each connection, and never leads into the private network', async () => {
    const inner = await serve((_req, res) => res.end('secret'));
    const { port } = new URL(inner.url);
    const answers = [['127.0.0.1'], ['10.0.0.1'], ['93.184.216.34', '127.0.0.1'], ['::ffff:127.0.0.1'], []];
    const asked: string[] = [];
    const resolve: NonNullable<ProxyOptions['resolve']> = (hostname, _options, callback) => {
      asked.push(hostname);
      const addresses = answers[asked.length - 1] ?? [];
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    };
    const options = { upstream: `http://images.example:${port}`, resolve };
    const guarded = await front(options);
    for (const _answer of answers) {
      const response = await fetch(`${guarded.url}/x`);
      expect([response.status, await response.text()]).toEqual([502, expect.not.stringContaining('127.0.0.1')]);
    }
    expect(asked).toEqual(answers.map(() => 'images.example'));
    asked.length = 0;
    const allowed = await front({ ...options, allowPrivate: true });
    expect(await (await fetch(`${allowed.url}/x`)).text()).toBe('secret');
    for (const server of [guarded, allowed, inner]) server.close();
  });
});
