/** A real nginx from Debian (`nginx-light`) that serves a folder, on a free port. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const BINARY = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find(
  (path) => spawnSync(path, ['-v']).status === 0,
);

/** Undefined where there is no nginx. */
export const NGINX_VERSION = BINARY && /nginx\/([\d.]+)/.exec(spawnSync(BINARY, ['-v']).stderr.toString())?.[1];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const hostServer = (folder: string, port: number) => `
  server {
    listen 127.0.0.1:${port};
    root ${folder};
    location /moved { return 302 /photo.png; }
    location /internal { return 302 http://127.0.0.1:${port}/photo.png; }
    location /headers { default_type text/plain; return 200 "$http_host|$http_x_forwarded_for|$http_x_forwarded_host|$http_connection|$http_te|$http_x_secret|$request_uri"; }
    location / { add_header Cache-Control "public, max-age=3600"; }
  }`;

const configuration = (home: string, server: string) => `
daemon off; master_process off; worker_processes 1; pid ${home}/pid; error_log ${home}/error.log;
events { worker_connections 64; }
http {
  access_log off;
  types { image/png png; image/jpeg jpg; image/webp webp; image/svg+xml svg; }
  client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/fastcgi;
  uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
${server}
}
`;

export interface Nginx {
  readonly url: string;
  close(): Promise<void>;
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 200 && child.exitCode === null; i++) {
    if (await fetch(url).catch(() => undefined)) return;
    await sleep(50);
  }
  throw new Error('nginx does not answer');
}

/** Serves `folder`, or what `write` puts into `http { }`; its `listen 8000` becomes the port. */
export async function startNginx(folder: string, write?: (home: string) => string): Promise<Nginx> {
  const home = await mkdtemp(join(tmpdir(), 'dualscale-nginx-'));
  await mkdir(join(home, 'body'));
  const port = await freePort();
  const server = write ? write(home).replace('listen 8000', `listen 127.0.0.1:${port}`) : hostServer(folder, port);
  await writeFile(join(home, 'nginx.conf'), configuration(home, server));
  const child = spawn(BINARY as string, ['-c', join(home, 'nginx.conf'), '-p', home], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const close = async () => {
    child.kill('SIGKILL');
    await rm(home, { recursive: true, force: true });
  };
  await answers(url, child).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return { url, close };
}
