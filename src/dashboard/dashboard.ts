/** The dashboard: one page for the operator, static files that talk to the job API. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { badOption } from '../core/errors.ts';

export interface DashboardOptions {
  /** Where the page is: its address is this with a slash behind it. @default '/dualscale' */
  readonly mountPath?: string;
  /** Where the job API is: `mountPath` of `createJobs`. @default '/dualscale/api' */
  readonly apiPath?: string;
}

/** For Express, Connect, or plain `node:http`, mounted at the root or at its own path. */
export type DashboardHandler = (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void) => void;

/** Everything comes from this server; pictures that need the token are fetched by script and shown as `blob:`. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  // Files keep their names from version to version; the ETag makes asking again cheap.
  'Cache-Control': 'no-cache',
};

const PATH = /^(\/[A-Za-z0-9._~-]+)+$/;

/** Relative where it can be: a proxy in front may add to the path or take from it. */
function relativeApi(mountPath: string, apiPath: string): string {
  return apiPath.startsWith(`${mountPath}/`) ? `${apiPath.slice(mountPath.length + 1)}/` : `${apiPath}/`;
}

interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
}

/** Browsers run these modules as they are written: the build copies them beside this file. */
const PAGE_ROOT = fileURLToPath(new URL('page', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const VENDOR = { 'vendor/uplot.js': 'uplot/dist/uPlot.esm.js', 'vendor/uplot.css': 'uplot/dist/uPlot.min.css' };

function file(path: string, body: Buffer): PageFile {
  return {
    type: TYPES[extname(path)] as string,
    body,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  };
}

/** By their addresses below the page; the page itself at ``. `apiPath`, relative to the page, is where it looks for the job API: a path of plain characters. */
function loadPageFiles(apiPath: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  const names = readdirSync(PAGE_ROOT, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  for (const name of names) {
    if (!(extname(name) in TYPES) || name === 'index.html') continue;
    files.set(name, file(name, readFileSync(join(PAGE_ROOT, name))));
  }
  const { resolve } = createRequire(import.meta.url);
  for (const [name, source] of Object.entries(VENDOR)) files.set(name, file(name, readFileSync(resolve(source))));
  const html = readFileSync(join(PAGE_ROOT, 'index.html'), 'utf8');
  const page = html.replaceAll('"api/', `"${apiPath}`);
  files.set('', file('index.html', Buffer.from(page)));
  return files;
}

function send(req: IncomingMessage, res: ServerResponse, { type, body, etag }: PageFile): void {
  const known = (req.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(etag)) {
    res.writeHead(304, { ...HEADERS, ETag: etag }).end();
    return;
  }
  res.writeHead(200, { ...HEADERS, ETag: etag, 'Content-Type': type, 'Content-Length': body.length });
  res.end(req.method === 'HEAD' ? undefined : body);
}

/** Express takes the mount path off `url` and keeps the whole in `originalUrl`. */
function wholePath(req: IncomingMessage): string {
  const { originalUrl } = req as { originalUrl?: unknown };
  return (typeof originalUrl === 'string' ? originalUrl : (req.url ?? '/')).split('?')[0] as string;
}

/**
 * The page holds no secret and needs no token: what it shows comes from the API, which asks for one. What the handler does not know goes
 * to `next`, so it can stand before the API and after it. Throws DS_BAD_OPTION.
 */
export function createDashboard(options: DashboardOptions = {}): DashboardHandler {
  const { mountPath = '/dualscale', apiPath = '/dualscale/api' } = options;
  for (const [name, path] of Object.entries({ mountPath, apiPath })) {
    if (!PATH.test(path)) throw badOption(name, 'a path such as /dualscale', path);
  }
  const files = loadPageFiles(relativeApi(mountPath, apiPath));
  return (req, res, next) => {
    const path = wholePath(req);
    const isAsked = req.method === 'GET' || req.method === 'HEAD';
    const file = path.startsWith(`${mountPath}/`) ? files.get(path.slice(mountPath.length + 1)) : undefined;
    // Without the slash the page's own addresses would lie beside it rather than below it.
    if (isAsked && path === mountPath) {
      res.writeHead(308, { Location: `${mountPath.slice(mountPath.lastIndexOf('/') + 1)}/` }).end();
    } else if (isAsked && file) send(req, res, file);
    else if (next) next();
    else res.writeHead(404).end();
  };
}
