/** The files of the dashboard's page, read once: nothing that a request says becomes a path. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PageFile {
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
export function loadPageFiles(apiPath: string): ReadonlyMap<string, PageFile> {
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
