import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDashboard } from '../../src/dashboard/dashboard.ts';
import { serve, type TestServer } from '../helpers/http-host.ts';

const PAGE_ROOT = fileURLToPath(new URL('../../src/dashboard/page/', import.meta.url));
const served = readdirSync(PAGE_ROOT, { recursive: true, encoding: 'utf8' }).filter((name) =>
  /\.(js|css|svg)$/.test(name),
);

let server: TestServer;
beforeAll(async () => {
  const dashboard = createDashboard();
  server = await serve((req, res) => dashboard(req, res, () => void res.writeHead(418).end()));
});
afterAll(() => server.close());

const get = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, { redirect: 'manual', ...init });

describe('the dashboard over HTTP', () => {
  test('the page refers to files that are there, and to no other server', async () => {
    const html = await (await get('/dualscale/')).text();
    const links = [...html.matchAll(/(?:src|href)="([^#"]+)"/g)].map(([, link]) => link as string);
    expect(links.length).toBeGreaterThan(8);
    for (const link of links.filter((name) => !name.startsWith('api/'))) {
      expect([link, (await get(`/dualscale/${link}`)).status]).toEqual([link, 200]);
    }
    expect(html).not.toMatch(/https?:|<script>|<style|\sstyle=|\son\w+=/);
  });

  test.each([...served, 'vendor/uplot.js', 'vendor/uplot.css'])('%s imports only what is served', async (name) => {
    const response = await get(`/dualscale/${name}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const text = await response.text();
    for (const [, path] of text.matchAll(/^import (?:.* from )?'([^']+)';/gm)) {
      const url = new URL(path as string, `${server.url}/dualscale/${name}`);
      expect([path, (await fetch(url)).status]).toEqual([path, 200]);
    }
  });

  test('writes no HTML and evaluates no text', async () => {
    for (const name of served.filter((file) => file.endsWith('.js'))) {
      const text = await (await get(`/dualscale/${name}`)).text();
      expect([
        name,
        text.match(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/),
      ]).toEqual([name, null]);
    }
  });

  test('comes with a policy that allows this server alone', async () => {
    const policy = (await get('/dualscale/')).headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  test('a known file is a 304, a changed one is not', async () => {
    const etag = (await get('/dualscale/main.js')).headers.get('etag') as string;
    const again = (tag: string) => get('/dualscale/main.js', { headers: { 'If-None-Match': tag } });
    expect((await again(`"x", W/${etag}`)).status).toBe(304);
    expect((await again('"x"')).status).toBe(200);
  });

  test('HEAD has the headers and no body', async () => {
    const response = await get('/dualscale/', { method: 'HEAD' });
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(1000);
    expect(await response.text()).toBe('');
  });

  test.each([
    '/dualscale/nothing.js',
    '/dualscale/../package.json',
    '/dualscale/%2e%2e/dashboard.ts',
    '/dualscale/vendor/uplot.d.ts',
    '/dualscale/index.html',
    '/dualscalex/',
    '/',
  ])('%s is left to others', async (path) => {
    expect((await get(path)).status).toBe(418);
  });

  test('other methods are left to others', async () => {
    expect((await get('/dualscale/', { method: 'POST' })).status).toBe(418);
  });
});

describe('where it is mounted', () => {
  test('without the slash, the browser is sent to the page, whatever a proxy put before the path', async () => {
    const response = await get('/dualscale');
    expect(response.status).toBe(308);
    expect(new URL(response.headers.get('location') as string, 'https://site.example/pics/dualscale').pathname).toBe(
      '/pics/dualscale/',
    );
  });

  test('Express may mount it at its path or at the root', async () => {
    for (const mount of ['/admin/sr', '/']) {
      const app = express().use(mount, createDashboard({ mountPath: '/admin/sr', apiPath: '/admin/sr/v1' }));
      const host = await serve(app);
      const response = await fetch(`${host.url}/admin/sr/`);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('name="dualscale-api" content="v1/"');
      host.close();
    }
  });

  test('an API elsewhere is named by its whole path', async () => {
    const elsewhere = createServer(createDashboard({ apiPath: '/jobs/api' }));
    const host = await serve((req, res) => void elsewhere.emit('request', req, res));
    expect(await (await fetch(`${host.url}/dualscale/`)).text()).toContain('content="/jobs/api/"');
    expect((await fetch(`${host.url}/other`)).status).toBe(404);
    host.close();
  });

  test.each([
    { mountPath: '/' },
    { mountPath: 'dualscale' },
    { apiPath: '/api/' },
    { apiPath: '/a"><script>' },
    { apiPath: '//evil.example/x' },
  ])('refuses %j by name', (wrong) => {
    const name = Object.keys(wrong)[0] as string;
    expect(() => createDashboard(wrong)).toThrow(
      expect.objectContaining({ code: 'DS_BAD_OPTION', message: expect.stringContaining(name) }),
    );
  });
});
