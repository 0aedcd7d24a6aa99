/** What every host has to keep: the same pictures in, the same answers out. Each host's test file hands its own server to it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dualscale } from '../../../src/server/plugin.ts';
import { pixelsOf, plainGet, testPixels } from '../../helpers/http-host.ts';
import { repeatPixels } from '../../helpers/nearest-models.ts';
import { HEIGHT, WIDTH } from '../../helpers/plugin-fixture.ts';
import { ALPHA } from './pictures.ts';

export interface RunningHost {
  /** e.g. `http://127.0.0.1:1234/photos`. */
  readonly url: string;
  close(): unknown;
}

export interface ContractHost {
  /** As the test's output names it: package, version and how it is mounted. */
  readonly name: string;
  start(folder: string, dualscale: Dualscale): Promise<RunningHost> | RunningHost;
  /** The path below `url` for a file, with a value of `upscale` or without. */
  path(file: string, upscale?: string): string;
  /** Whether the host sends files byte for byte; one that encodes anew does not. @default true */
  readonly sendsFiles?: boolean;
  /** Whether answers carry headers of ours; where a host's own function is decorated it writes them. @default true */
  readonly hasOurHeaders?: boolean;
  /** @default false */
  readonly isSkipped?: boolean;
}

const metricValue = async (dualscale: Dualscale, name: string, labels: Readonly<Record<string, string>> = {}) => {
  const values = (await dualscale.registry.getSingleMetric(name)?.get())?.values ?? [];
  const matching = values.filter((value) =>
    Object.entries(labels).every(([label, wanted]) => value.labels[label] === wanted),
  );
  return matching.reduce((sum, { value }) => sum + value, 0);
};

const outcome = (dualscale: Dualscale, name: string) =>
  metricValue(dualscale, 'dualscale_requests_total', { outcome: name });

export function describeContract(
  { name, start, path, sendsFiles = true, hasOurHeaders = true, isSkipped = false }: ContractHost,
  fixture: { readonly folder: string; readonly dualscale: Dualscale },
): void {
  describe.skipIf(isSkipped)(name, () => {
    let host: RunningHost;

    beforeAll(async () => {
      host = await start(fixture.folder, fixture.dualscale);
    });

    afterAll(() => host?.close());

    const get = (file: string, upscale?: string, init: RequestInit = {}) =>
      fetch(`${host.url}${path(file, upscale)}`, init);
    const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());
    const original = (file: string) => readFile(join(fixture.folder, file));
    const status = (response: Response) => (hasOurHeaders ? response.headers.get('x-dualscale') : undefined);

    test(`${name}: a picture comes back as the network makes it`, async () => {
      const response = await get('photo.png', '4');
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png']);
      if (hasOurHeaders) {
        expect(status(response)).toBe('model=nearest-x4; scale=4');
        expect(response.headers.get('x-content-type-options')).toBe('nosniff');
        expect(response.headers.get('etag')).toMatch(/^W\/"ds-/);
        expect(response.headers.get('server-timing')).toContain('host;dur=');
      }
      const body = await bytesOf(response);
      expect(await pixelsOf(body)).toEqual(repeatPixels(testPixels(WIDTH, HEIGHT), 4));
    });

    test(`${name}: JPEG stays JPEG`, async () => {
      const response = await get('photo.jpg', '2');
      expect(response.headers.get('content-type')).toBe('image/jpeg');
      const { format, width, height } = await sharp(await bytesOf(response)).metadata();
      expect([format, width, height]).toEqual(['jpeg', WIDTH * 2, HEIGHT * 2]);
    });

    test(`${name}: alpha is kept`, async () => {
      const { channels, data } = await pixelsOf(await bytesOf(await get('alpha.png', '2')));
      expect(channels).toBe(4);
      expect(new Set(data.filter((_, i) => i % 4 === 3))).toEqual(new Set([ALPHA]));
    });

    test(`${name}: without the parameter the host answers as if we were not there`, async () => {
      const response = await get('photo.png');
      expect([response.status, response.headers.get('x-dualscale')]).toEqual([200, null]);
      expect(response.headers.get('etag') ?? '').not.toContain('ds-');
      const body = await bytesOf(response);
      if (sendsFiles) expect(body.equals(await original('photo.png'))).toBe(true);
      else expect(await pixelsOf(body)).toEqual(testPixels(WIDTH, HEIGHT));
    });

    test.each(['3', 'junk', '', '4.0', '-4'])(
      `${name}: upscale=%s is a 400 that says what is allowed`,
      async (value) => {
        const response = await get('photo.png', value);
        expect(response.status).toBe(400);
        const text = await response.text();
        expect(text).toContain('true, auto, 2, 4');
        expect(text).not.toMatch(/node_modules|\.ts\b|\n\s+at /);
        if (!hasOurHeaders) return;
        expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
        expect(response.headers.get('cache-control')).toBe('no-store');
      },
    );

    test(`${name}: a missing picture is the host’s own 404`, async () => {
      const response = await get('missing.png', '4');
      expect([response.status, response.headers.get('x-dualscale')]).toEqual([404, null]);
      expect(response.headers.get('content-type') ?? '').not.toContain('problem+json');
    });

    test(`${name}: SVG and animations go out as they are, marked`, async () => {
      const svg = await get('logo.svg', '4');
      expect([svg.status, status(svg) ?? 'skipped; reason=svg']).toEqual([200, 'skipped; reason=svg']);
      expect(await svg.text()).toContain('<svg');
      const animated = await get('animated.webp', '4');
      expect([animated.status, status(animated) ?? 'skipped; reason=animated']).toEqual([
        200,
        'skipped; reason=animated',
      ]);
      const { pages, width } = await sharp(await bytesOf(animated)).metadata();
      expect([pages, width]).toEqual([2, 8]);
    });

    test(`${name}: a range is ignored: part of a small picture is not one of the large`, async () => {
      const response = await get('photo.png', '2', { headers: { Range: 'bytes=0-10' } });
      expect([response.status, response.headers.get('content-range')]).toEqual([200, null]);
      expect((await pixelsOf(await bytesOf(response))).width).toBe(WIDTH * 2);
    });

    test(`${name}: HEAD: the head of the GET, without its body and without the length of the small picture`, async () => {
      const response = await get('photo.png', '2', { method: 'HEAD' });
      expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 0]);
      if (!hasOurHeaders) return;
      expect(status(response)).toBe('model=nearest-x2; scale=2');
      const { length } = await original('photo.png');
      expect(response.headers.get('content-length')).not.toBe(String(length));
      const etag = response.headers.get('etag');
      if (etag !== null) expect(etag).toBe((await get('photo.png', '2')).headers.get('etag'));
    });

    test.runIf(hasOurHeaders)(`${name}: its ETag is answered with a 304, for which nothing is computed`, async () => {
      const { dualscale } = fixture;
      const url = `${host.url}${path('photo.jpg', '4')}`;
      const etag = (await fetch(url)).headers.get('etag') as string;
      const before = await metricValue(dualscale, 'dualscale_pixels_total', { direction: 'out' });
      const notModified = await outcome(dualscale, 'not-modified');
      for (const header of [etag, `"x", ${etag}`, '*']) {
        const { status: code, headers } = await plainGet(url, { 'If-None-Match': header });
        expect([code, headers['etag'], headers['content-length']]).toEqual([304, etag, undefined]);
      }
      expect((await plainGet(url, { 'If-None-Match': '"x"' })).status).toBe(200);
      expect(await outcome(dualscale, 'not-modified')).toBe(notModified + 3);
      expect(await metricValue(dualscale, 'dualscale_pixels_total', { direction: 'out' })).toBe(before);
    });

    test.runIf(hasOurHeaders)(`${name}: a client that leaves ends the work`, async () => {
      const { dualscale } = fixture;
      const before = await outcome(dualscale, 'aborted');
      const controller = new AbortController();
      const response = get('big.png', '4', { signal: controller.signal });
      const inFlight = () => metricValue(dualscale, 'dualscale_inflight');
      while ((await inFlight()) === 0) await sleep(2);
      controller.abort();
      await expect(response).rejects.toThrow('aborted');
      while ((await inFlight()) > 0) await sleep(5);
      expect(await outcome(dualscale, 'aborted')).toBe(before + 1);
    });
  });
}
