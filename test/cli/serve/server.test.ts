import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PAGE_HTML } from '../../../src/cli/serve/page/html.ts';
import { PAGE_JS } from '../../../src/cli/serve/page/script.ts';
import { PAGE_CSS } from '../../../src/cli/serve/page/styles.ts';
import { type RunningServer, startServer } from '../../../src/cli/serve/server.ts';
import { encoder, pixelsOf, testPixels } from '../../helpers/http-host.ts';
import { type ModelsFolder, publishNearestModels, repeatPixels } from '../../helpers/nearest-models.ts';

const NAME = `<img onerror='x'> & "50%".png`;
const logger = { info: () => {}, warn: () => {}, error: () => {} };

let models: ModelsFolder;
let folder: string;
let server: RunningServer;

beforeAll(async () => {
  models = await publishNearestModels();
  folder = await mkdtemp(join(tmpdir(), 'dualscale-photos-'));
  await writeFile(join(folder, 'a.png'), await encoder(30, 20).png().toBuffer());
  await writeFile(join(folder, 'b.JPG'), await encoder(30, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer());
  await writeFile(join(folder, NAME), await encoder(30, 20).png().toBuffer());
  await writeFile(join(folder, '.hidden.png'), 'x');
  await writeFile(join(folder, 'notes.txt'), 'secret');
  server = await startServer({ imagesDir: folder, port: 0, dualscale: options(), logger });
});

afterAll(async () => {
  await server.close();
  await models.remove();
  await rm(folder, { recursive: true });
});

const options = () => ({ modelsDir: models.directory, provider: 'cpu' as const, workers: 1 });
const get = (path: string) => fetch(new URL(path, server.url));

describe('the server over a folder of photographs', () => {
  test('lists the pictures of the folder and nothing else', async () => {
    expect(await (await get('/photos.json')).json()).toEqual({ photos: [NAME, 'a.png', 'b.JPG'], scales: [2, 4] });
  });

  test('serves each of them, enlarged by the networks when asked to', async () => {
    const response = await get('/photos/a.png?upscale=4');
    expect(response.headers.get('server-timing')).toContain('infer;dur=');
    const pixels = await pixelsOf(Buffer.from(await response.arrayBuffer()));
    expect(pixels).toEqual(repeatPixels(testPixels(30, 20), 4));
  });

  test('serves them under their bare names too', async () => {
    const response = await get('/a.png?upscale=2');
    expect(response.headers.get('x-dualscale')).toMatch(/^model=nearest-x2; scale=2/);
    const pixels = await pixelsOf(Buffer.from(await response.arrayBuffer()));
    expect(pixels).toEqual(repeatPixels(testPixels(30, 20), 2));
  });

  test('a photograph stored on its side is upright before and after', async () => {
    for (const [query, width, height] of [
      ['', 20, 30],
      ['?upscale=2', 40, 60],
    ] as const) {
      const metadata = await sharp(await (await get(`/photos/b.JPG${query}`)).arrayBuffer()).metadata();
      expect([metadata.width, metadata.height, metadata.orientation ?? 1]).toEqual([width, height, 1]);
      expect(metadata.chromaSubsampling).toBe('4:4:4');
    }
  });

  test('a name full of markup and percent signs is a name', async () => {
    const response = await get(`/photos/${encodeURIComponent(NAME)}?upscale=2`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png']);
  });

  test.each([
    '/photos/..%2f..%2fetc%2fpasswd',
    '/photos/%2e%2e/x.png',
    '/photos/%',
    '/nothing',
    '/photos/none.png',
    '/none.png',
    '/notes.txt',
    '/.hidden.png',
    '/%2e%2e%2fx.png',
    '/%',
  ])('%s is a 4xx without a path or a stack', async (path) => {
    const response = await get(path);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    const text = await response.text();
    expect(text).not.toContain(folder);
    expect(text).not.toMatch(/\bat .*:\d+/);
  });

  test('health and metrics', async () => {
    expect(await (await get('/livez')).text()).toBe('ok\n');
    expect((await get('/readyz')).status).toBe(200);
    const metrics = await get('/metrics');
    expect(metrics.headers.get('content-type')).toContain('version=0.0.4');
    expect(await metrics.text()).toContain('dualscale_model_info{model="nearest-x4",scale="4"} 1');
  });
});

describe('the page', () => {
  test('comes with a policy that allows this server alone', async () => {
    const response = await get('/');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'.*script-src 'self'/);
    expect(PAGE_HTML).not.toMatch(/<script>|<style>|\son\w+=|style="|https?:\/\//);
  });

  test('its script is a script, writes no HTML, and finds every element it asks for', () => {
    expect(() => new Script(PAGE_JS)).not.toThrow();
    expect(PAGE_JS).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
    const asked = [...PAGE_JS.matchAll(/\$\('([#.])([\w-]+)/g)].map(([, kind, name]) => ({ kind, name }));
    expect(asked.length).toBeGreaterThan(10);
    for (const { kind, name } of asked) {
      const attribute = kind === '#' ? `id="${name}"` : new RegExp(`class="[^"]*\\b${name}\\b`);
      expect(PAGE_HTML).toMatch(attribute);
    }
  });

  test('has the style of every class it uses, dark and light', () => {
    for (const [, names] of PAGE_HTML.matchAll(/class="([^"]+)"/g)) {
      for (const name of (names as string).split(' ')) {
        const isStyled = PAGE_CSS.includes(`.${name}`) || PAGE_JS.includes(`'.${name}`);
        expect([name, isStyled]).toEqual([name, true]);
      }
    }
    expect(PAGE_CSS).toContain('prefers-color-scheme: light');
  });
});

describe('startServer', () => {
  test.each([{ imagesDir: '/no/such/folder' }, { port: -1 }, { port: 70_000 }, { port: 1.5 }])(
    'refuses %j by name',
    async (wrong) => {
      const failure = startServer({ imagesDir: folder, port: 0, dualscale: options(), logger, ...wrong });
      const name = Object.keys(wrong)[0] as string;
      await expect(failure).rejects.toMatchObject({ code: 'DS_BAD_OPTION', message: expect.stringContaining(name) });
    },
  );

  test('a port that is taken is an error, not a silence', async () => {
    const failure = startServer({
      imagesDir: folder,
      port: Number(new URL(server.url).port),
      dualscale: options(),
      logger,
    });
    await expect(failure).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
