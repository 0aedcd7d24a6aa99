/** IPX 3 and 4, each behind the middleware and decorated. */

import { setTimeout as sleep } from 'node:timers/promises';
import { createIPXNodeServer, createIPXWebServer, createIPX as createIpx3, ipxFSStorage as storage3 } from 'ipx';
import {
  createIPXFetchHandler,
  createIPXNodeHandler,
  createIPX as createIpx4,
  parseIPXURL,
  ipxFSStorage as storage4,
} from 'ipx4';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { withUpscale as aroundFetch } from '../../../src/server/hosts/fetch.ts';
import { upscaleParseUrl, withUpscale } from '../../../src/server/hosts/ipx.ts';
import { serve, type TestServer } from '../../helpers/http-host.ts';
import { WIDTH } from '../../helpers/plugin-fixture.ts';
import { describeContract } from './contract.ts';
import { usePictures } from './pictures.ts';
import { versionOf } from './versions.ts';

const fixture = usePictures();

/** IPX keeps frames only where it is asked to. */
const modifiersOf = (file: string) => (file === 'animated.webp' ? ['animated', 'f_webp'] : []);
const inQuery = (file: string, upscale?: string) =>
  `/${modifiersOf(file).join(',') || '_'}/${file}${upscale === undefined ? '' : `?upscale=${upscale}`}`;
const inPath = (file: string, upscale?: string) =>
  `/${[...modifiersOf(file), ...(upscale === undefined ? [] : [`upscale_${upscale}`])].join(',') || '_'}/${file}`;

const ipx3 = (dir: string) => createIpx3({ storage: storage3({ dir }) });
const ipx4 = (dir: string) => createIpx4({ storage: storage4({ dir }) });
const [name3, name4] = [`ipx ${versionOf('ipx')}`, `ipx ${versionOf('ipx4')}`];

describeContract(
  {
    name: `${name3}, middleware`,
    start(folder, dualscale) {
      const [upscale, ipx] = [dualscale.middleware(), createIPXNodeServer(ipx3(folder))];
      return serve((req, res) => upscale(req, res, () => void ipx(req, res)));
    },
    path: inQuery,
    sendsFiles: false,
  },
  fixture,
);

describeContract(
  {
    name: `${name3}, decorator`,
    start: (folder, dualscale) => serve(createIPXNodeServer(withUpscale(ipx3(folder), dualscale))),
    path: inPath,
    sendsFiles: false,
    hasOurHeaders: false,
  },
  fixture,
);

describeContract(
  {
    name: `${name4}, middleware`,
    start(folder, dualscale) {
      const [upscale, ipx] = [dualscale.middleware(), createIPXNodeHandler(ipx4(folder))];
      return serve((req, res) => upscale(req, res, () => void ipx(req as never, res as never)));
    },
    path: inQuery,
    sendsFiles: false,
  },
  fixture,
);

for (const [place, path] of Object.entries({ 'in the path': inPath, 'in the query': inQuery })) {
  describeContract(
    {
      name: `${name4}, decorator, parameter ${place}`,
      start(folder, dualscale) {
        const parseURL = upscaleParseUrl(parseIPXURL, dualscale);
        return serve(createIPXNodeHandler(withUpscale(ipx4(folder), dualscale), { parseURL }) as never);
      },
      path,
      sendsFiles: false,
      hasOurHeaders: false,
    },
    fixture,
  );
}

describe.each([
  [name3, () => withUpscale(ipx3(fixture.folder), fixture.dualscale)],
  [name4, () => withUpscale(ipx4(fixture.folder), fixture.dualscale)],
] as const)('%s decorated, as a function', (_name, create) => {
  test('enlarges what IPX made, in its format, and tells its size', async () => {
    const { data, format, meta } = await create()('photo.png', { w: '10', f: 'webp', upscale: '4' } as never).process();
    expect([format, meta?.width]).toEqual(['webp', 40]);
    expect(await sharp(data as Buffer).metadata()).toMatchObject({ format: 'webp', width: 40 });
  });

  test('auto fills w, which IPX itself does not', async () => {
    const { data } = await create()('photo.png', { w: '50', upscale: 'auto' } as never).process();
    expect((await sharp(data as Buffer).metadata()).width).toBe(50);
    const { data: small } = await create()('photo.png', { w: '15', upscale: 'auto' } as never).process();
    expect((await sharp(small as Buffer).metadata()).width).toBe(15);
  });

  test('without the modifier IPX is left alone', async () => {
    const { data } = await create()('photo.png', { w: '10' }).process();
    expect((await sharp(data as Buffer).metadata()).width).toBe(10);
    expect(() => create()('photo.png', { upscale: '5' } as never)).toThrow('true, auto, 2, 4');
  });

  test('a picture counts as changed when its model began to serve: that date is later than the file’s', async () => {
    const plain = await create()('photo.png', {}).getSourceMeta();
    const enlarged = await create()('photo.png', { upscale: '2' } as never).getSourceMeta();
    expect(enlarged.mtime?.getTime()).toBeGreaterThanOrEqual(plain.mtime?.getTime() ?? Number.POSITIVE_INFINITY);
  });
});

test('what is known of the degradation is heard, and refused as anywhere', async () => {
  const decorated = withUpscale(ipx3(fixture.folder), fixture.dualscale);
  expect(() => decorated('photo.png', { upscale: '2', sr_sigma: '99' } as never)).toThrow('0 to 8');
  // There is no blind model among these.
  expect(() => decorated('photo.png', { upscale: '2', sr_degradation: 'blind' } as never)).toThrow('auto, bicubic');
  const { data } = await decorated('photo.png', { upscale: '2', sr_degradation: 'bicubic' } as never).process();
  expect((await sharp(data as Buffer).metadata()).width).toBe(WIDTH * 2);
  const { modifiers } = await upscaleParseUrl(
    parseIPXURL,
    fixture.dualscale,
  )('http://h/_/a.png?upscale=2&sr_degradation=auto');
  expect(modifiers).toMatchObject({ upscale: '2', sr_degradation: 'auto' });
});

test('dates do not hang on the size that is asked for, and with a version not on the server either', async () => {
  const decorated = withUpscale(ipx3(fixture.folder), fixture.dualscale);
  const dateOf = async (modifiers: object) =>
    (await decorated('photo.png', modifiers as never).getSourceMeta()).mtime?.getTime();
  const first = await dateOf({ upscale: 'auto', w: '300' });
  for (let width = 1; width <= 101; width++) await dateOf({ upscale: 'auto', w: String(width) });
  await sleep(1100);
  expect(await dateOf({ upscale: 'auto', w: '300' })).toBe(first);
  expect(await dateOf({ upscale: '2', sr_version: 'x' })).toBe(await dateOf({}));
});

test('a signal ends the enlargement of a caller that left', async () => {
  const decorated = withUpscale(ipx3(fixture.folder), fixture.dualscale);
  const options = { signal: AbortSignal.abort() };
  const left = decorated('photo.png', { upscale: '2' } as never, options as never);
  await expect(left.process()).rejects.toMatchObject({ status: 499 });
});

test('signed URLs and the decorator exclude each other', async () => {
  const signing = await fixture.create({ signing: { keys: ['0123456789abcdef'] } });
  expect(() => withUpscale(ipx3(fixture.folder), signing)).toThrow('signing');
  await signing.close();
});

test('the ETag of IPX 4 changes with the model: its version lies in the modifiers', async () => {
  const parse = (plugin: typeof fixture.dualscale) =>
    upscaleParseUrl(parseIPXURL, plugin)('http://h/_/a.png?upscale=2&w=9');
  const { modifiers } = await parse(fixture.dualscale);
  expect(modifiers).toMatchObject({ upscale: '2', w: '9', sr_version: expect.stringMatching(/^[\w-]{16}$/) });
  const { core } = fixture.dualscale;
  const models = {
    scales: [2, 4],
    modelIds: () => ['m'],
    modelFor: () => ({ id: 'm', scale: 2, digest: 'another' }),
  };
  const other = await parse({ core: { deps: { ...core.deps, models } } } as never);
  expect(other.modifiers['sr_version']).not.toBe(modifiers['sr_version']);
  expect(await upscaleParseUrl(parseIPXURL, fixture.dualscale)('http://h/w_9/a.png')).toMatchObject({
    modifiers: { w: '9' },
  });
});

describe('304 of IPX itself', () => {
  async function revalidates(server: TestServer, path: string, names: readonly [string, string]) {
    try {
      const { headers } = await fetch(`${server.url}${path}`);
      const pixels = async () =>
        (await fixture.dualscale.registry.getSingleMetric('dualscale_pixels_total')?.get())?.values;
      const before = await pixels();
      const again = await fetch(`${server.url}${path}`, { headers: { [names[0]]: headers.get(names[1]) as string } });
      expect(again.status).toBe(304);
      expect(await pixels()).toEqual(before);
    } finally {
      server.close();
    }
  }

  test(`${name3}: by date, without any work`, async () => {
    const server = await serve(createIPXNodeServer(withUpscale(ipx3(fixture.folder), fixture.dualscale)));
    await revalidates(server, '/upscale_4/photo.png', ['If-Modified-Since', 'last-modified']);
  });

  test(`${name4}: by ETag, without any work`, async () => {
    const parseURL = upscaleParseUrl(parseIPXURL, fixture.dualscale);
    const server = await serve(
      createIPXNodeHandler(withUpscale(ipx4(fixture.folder), fixture.dualscale), { parseURL }) as never,
    );
    await revalidates(server, '/_/photo.png?upscale=4', ['If-None-Match', 'etag']);
  });
});

test.each([
  [name3, () => createIPXWebServer(ipx3(fixture.folder))],
  [name4, () => createIPXFetchHandler(ipx4(fixture.folder))],
] as const)('%s as a fetch handler is enlarged too', async (_name, create) => {
  const handler = aroundFetch(create() as (request: Request) => Promise<Response>, fixture.dualscale);
  const response = await handler(new Request('http://host/_/photo.png?upscale=2'));
  expect((await sharp(await response.arrayBuffer()).metadata()).width).toBe(WIDTH * 2);
});
