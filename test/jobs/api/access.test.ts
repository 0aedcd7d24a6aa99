import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { DualscaleLogger } from '../../../src/server/options.ts';
import { plainGet } from '../../helpers/http-host.ts';
import { NGINX_VERSION, startNginx } from '../../server/hosts/nginx.ts';
import {
  API,
  createClient,
  createJobsFolder,
  FINETUNE,
  type JobsBox,
  type JobsFolder,
  openJobsBox,
  TOKEN,
} from '../jobs-box.ts';
import { OPERATIONS } from '../openapi.ts';

const lines: string[] = [];
const note = (...texts: unknown[]) => void lines.push(texts.map(String).join(' '));
const logger: DualscaleLogger = { info: note, warn: note, error: note };

let folder: JobsFolder;
let box: JobsBox;
beforeAll(async () => {
  folder = await createJobsFolder(2);
  box = await openJobsBox(folder, { jobs: { logger }, plugin: { logger } });
});
afterAll(async () => {
  await box.close();
  await folder.remove();
});

const guarded = OPERATIONS.filter(({ isPublic }) => !isPublic);

describe('without the token', () => {
  test('every route answers 401 and nothing is started', async () => {
    expect(guarded.length).toBeGreaterThan(15);
    for (const { path, method } of guarded) {
      const response = await fetch(`${box.url}${API}${path}`, {
        method,
        body: method === 'POST' ? JSON.stringify(FINETUNE) : undefined,
        headers: method === 'POST' ? { 'Content-Type': 'application/json' } : undefined,
      });
      expect(response.status, `${method} ${path}`).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(await response.json()).toMatchObject({ code: 'DS_UNAUTHORIZED', status: 401 });
    }
    expect((await fetch(`${box.url}${API}/nothing-there`)).status).toBe(401);
    expect((await fetch(`${box.url}${API}/openapi.json`)).status).toBe(200);
    const { jobs } = (await (await box.call('/jobs')).json()) as { jobs: unknown[] };
    expect(jobs).toEqual([]);
  });

  test('the token in the URL does not help', async () => {
    expect((await fetch(`${box.url}${API}/jobs?token=${TOKEN}&access_token=${TOKEN}`)).status).toBe(401);
  });

  test('a page of another origin is refused even with it', async () => {
    const foreign: Record<string, string>[] = [
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { 'Sec-Fetch-Site': 'cross-site' },
    ];
    for (const headers of foreign) {
      expect((await box.post('/jobs', FINETUNE, headers)).status).toBe(403);
    }
    expect((await box.call('/jobs', { headers: { Origin: box.url } })).status).toBe(200);
  });
});

test('the token is in no log, no file and no answer', async () => {
  await createClient(box.url, `${TOKEN}x`).call('/jobs');
  await box.post('/jobs', { type: 'x' });
  const { id } = (await (await box.post('/jobs', FINETUNE)).json()) as { id: string };
  await box.post(`/jobs/${id}/cancel`);
  expect(lines.join('\n')).not.toContain(TOKEN);
  for (const name of ['job.json', 'events.jsonl']) {
    expect(await readFile(join(folder.dir, 'jobs', id, name), 'utf8')).not.toContain(TOKEN);
  }
});

describe('many wrong tokens from one address', () => {
  test('are answered 429, and the right one as ever', async () => {
    // Behind a proxy all clients have one address: nobody must lock out who runs the server.
    const wrong = createClient(box.url, `${TOKEN}-not`);
    const statuses: number[] = [];
    for (let i = 0; i < 15; i++) statuses.push((await wrong.call('/status')).status);
    expect(statuses.at(-1)).toBe(429);
    expect(statuses.slice(0, 9)).toEqual(Array(9).fill(401));
    expect((await wrong.call('/status')).headers.get('retry-after')).toBe('60');
    expect((await box.call('/status')).status).toBe(200);
    expect((await wrong.call('/status')).status).toBe(429);
  });

  test('do not count tickets, which no one guesses', async () => {
    for (let i = 0; i < 15; i++) {
      const socket = new WebSocket(`${box.socketUrl}?ticket=x${i}`, 'dualscale.v1');
      const [req, response] = await once(
        socket.on('error', () => {}),
        'unexpected-response',
      );
      req.destroy();
      expect(response.statusCode).toBe(401);
    }
    const { ticket } = (await (await box.post('/tickets')).json()) as { ticket: string };
    const socket = new WebSocket(`${box.socketUrl}?ticket=${ticket}`, 'dualscale.v1');
    await once(socket, 'open');
    socket.close();
  });
});

test('a ticket opens the event socket alone: no route and no method', async () => {
  for (const { path, method } of guarded) {
    const { ticket } = (await (await box.post('/tickets')).json()) as { ticket: string };
    expect([method, path, (await fetch(`${box.url}${API}${path}?ticket=${ticket}`, { method })).status]).toEqual([
      method,
      path,
      401,
    ]);
  }
});

describe('a server without a token', () => {
  const open = (more: object) =>
    box.dualscale.jobs({ dir: join(folder.directory, `jobs-${Math.random()}`), minFreeBytes: 0, ...more });

  test.each(['0.0.0.0', '::', '192.168.0.7', 'box.example'])('is refused on %s', async (host) => {
    await expect(open({ host })).rejects.toMatchObject({ code: 'DS_BAD_OPTION' });
  });

  test('is refused when it listens on more than this machine, whatever it was said to do', async () => {
    const jobs = await open({});
    const server = createServer();
    await once(server.listen(0, '0.0.0.0'), 'listening');
    expect(() => jobs.attach(server)).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
    server.close();
    await jobs.close();
  });

  const serveJobs = async () => {
    const jobs = await open({});
    const server = createServer((req, res) => jobs.handler(req, res));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(async () => {
      server.close();
      server.closeAllConnections();
      await jobs.close();
    });
    const { port } = server.address() as AddressInfo;
    return { port, path: `${API}/status`, url: `http://127.0.0.1:${port}${API}/status` };
  };

  test('serves this machine under its own name only, and nobody behind a proxy', async () => {
    const { url, port, path } = await serveJobs();
    expect((await plainGet(url)).status).toBe(200);
    expect((await plainGet(url, { Host: `localhost:${port}` })).status).toBe(200);
    expect((await plainGet(url, { Host: 'rebound.example' })).status).toBe(401);
    for (const [name, value] of [
      ['X-Forwarded-For', '203.0.113.1'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Anything', ''],
      ['X-Real-IP', '203.0.113.1'],
      ['Forwarded', 'for=203.0.113.1'],
      ['Via', '1.1 proxy'],
    ] as const) {
      expect([name, (await plainGet(url, { [name]: value })).status]).toEqual([name, 401]);
    }
    // Browsers and command lines have not spoken it for long; nginx does unless it is told otherwise.
    const old = connect(port, '127.0.0.1');
    old.end(`GET ${path} HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    expect(await text(old)).toMatch(/^HTTP\/1\.1 401 /);
  });

  test.skipIf(NGINX_VERSION === undefined)('serves nobody behind an nginx as it is when nothing is set', async () => {
    const { port, path } = await serveJobs();
    const server = `server { listen 8000; location / { proxy_pass http://127.0.0.1:${port}; } }`;
    const nginx = await startNginx(folder.directory, () => server);
    onTestFinished(() => nginx.close());
    expect((await plainGet(`${nginx.url}${path}`)).status).toBe(401);
  });

  test.each(['', 'short', 'with a space in it.', 'x'.repeat(15)])('takes no token such as %j', async (token) => {
    const failure = await open({ token }).catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'DS_BAD_OPTION' });
    if (token) expect((failure as Error).message).not.toContain(token);
  });
});

test('a folder that a server uses is refused to a second one', async () => {
  await expect(box.dualscale.jobs({ dir: folder.dir, token: TOKEN })).rejects.toMatchObject({ code: 'DS_BAD_OPTION' });
});
