import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDualscale, type Dualscale } from '../../../src/server/plugin.ts';
import { publishBlindModel } from '../../helpers/blind-model.ts';
import { pixelsOf, serveBehind, type TestServer, testPixels } from '../../helpers/http-host.ts';
import { type ModelsFolder, publishNearestModels, repeatPixels } from '../../helpers/nearest-models.ts';
import { image } from '../../helpers/plugin-fixture.ts';

const source = testPixels(20, 15);
const added = (levels: number) => {
  const repeated = repeatPixels(source, 2);
  return { ...repeated, data: repeated.data.map((value) => Math.min(255, Math.round(value + levels))) };
};

function mostDifferent(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

describe.each([
  { guess: 'degraded', code: [0.6, 0, 0, 0.2, 0.25] },
  { guess: 'clean', code: [0.1, 0, 0, 0.02, 0] },
])('with a blind model that guesses $guess', ({ guess, code }) => {
  let folder: ModelsFolder;
  let dualscale: Dualscale;
  let server: TestServer;
  beforeAll(async () => {
    folder = await publishNearestModels([2, 4]);
    await publishBlindModel(folder.directory, code);
    dualscale = await createDualscale({ modelsDir: folder.directory, provider: 'cpu', workers: 1 });
    const png = await sharp(source.data, { raw: { width: 20, height: 15, channels: 3 } })
      .png()
      .toBuffer();
    server = await serveBehind(dualscale.middleware(), image(png));
  });
  afterAll(async () => {
    server.close();
    await dualscale.close();
    await folder.remove();
  });

  async function get(query: string) {
    const response = await fetch(`${server.url}/a.png?${query}`);
    const body = Buffer.from(await response.arrayBuffer());
    return {
      status: response.status,
      header: response.headers.get('x-dualscale'),
      etag: response.headers.get('etag'),
      body,
    };
  }

  const GUESSED = 'sigma=1.18; noise=5.0; jpeg=75';
  const cases = [
    guess === 'degraded'
      ? {
          query: 'upscale=2',
          header: `model=told-x2; scale=2; degradation=blind; why=degraded; ${GUESSED}`,
          levels: 51,
        }
      : {
          query: 'upscale=2',
          header: 'model=nearest-x2; scale=2; degradation=bicubic; why=clean; sigma=0.00; noise=0.5; jpeg=100',
          levels: 0,
        },
    // Who names a model gets it; the estimate decides only where it is asked to.
    { query: 'upscale=2&sr_model=nearest-x2', header: 'model=nearest-x2; scale=2$', levels: 0 },
    {
      query: 'upscale=2&sr_model=nearest-x2&sr_degradation=auto',
      header:
        guess === 'degraded'
          ? 'model=told-x2; scale=2; degradation=blind; why=degraded'
          : 'model=nearest-x2; scale=2; degradation=bicubic; why=clean',
      levels: guess === 'degraded' ? 51 : 0,
    },
    {
      query: 'upscale=2&sr_model=nearest-x2&sr_noise=25',
      header: 'model=told-x2; scale=2; degradation=blind; why=asked',
      levels: 255,
    },
    {
      query: 'upscale=2&sr_degradation=bicubic',
      header: 'model=nearest-x2; scale=2; degradation=bicubic; why=asked',
      levels: 0,
    },
    {
      query: 'upscale=2&sr_noise=2.5&sr_sigma=1.8',
      header: `model=told-x2; scale=2; degradation=blind; why=asked; sigma=1.80; noise=2.5; jpeg=${guess === 'degraded' ? 75 : 100}`,
      levels: 25.5,
    },
  ];

  test.each(cases)('$query is answered by $header', async ({ query, header, levels }) => {
    const answer = await get(query);
    expect(answer.status).toBe(200);
    expect(answer.header).toMatch(new RegExp(`^${header.replace('.', '\\.')}`));
    expect(mostDifferent((await pixelsOf(answer.body)).data, added(levels).data)).toBeLessThanOrEqual(1);
  });

  test('every hint has its own validator, every spelling of one the same', async () => {
    const etags = await Promise.all(
      ['upscale=2', 'upscale=2&sr_degradation=bicubic', 'upscale=2&sr_degradation=blind', 'upscale=2&sr_noise=5'].map(
        get,
      ),
    );
    expect(new Set(etags.map(({ etag }) => etag)).size).toBe(4);
    expect((await get('sr_degradation=auto&upscale=2')).etag).toBe(etags[0].etag);
    expect((await get('upscale=2&sr_degradation=blind&sr_noise=5')).etag).toBe(etags[3].etag);
  });

  test.each([
    ['upscale=2&sr_degradation=best', 'sr_degradation'],
    ['upscale=2&sr_sigma=9', 'sr_sigma'],
    ['upscale=2&sr_sigma=1.234', 'sr_sigma'],
    ['upscale=2&sr_sigma=-1', 'sr_sigma'],
    ['upscale=2&sr_noise=1&sr_noise=2', 'sr_noise'],
    ['upscale=2&sr_noise=', 'sr_noise'],
    ['upscale=2&sr_degradation=bicubic&sr_noise=5', 'sr_degradation'],
    ['upscale=4&sr_degradation=blind', 'sr_degradation'],
    ['upscale=4&sr_sigma=2', 'sr_degradation'],
  ])('%s is refused, and the answer names %s', async (query, named) => {
    const { status, body } = await get(query);
    expect(status).toBe(400);
    expect(body.toString()).toContain(`\`${named}\``);
  });

  test('a scale without a blind model says nothing of degradations', async () => {
    expect((await get('upscale=4')).header).toBe('model=nearest-x4; scale=4');
  });

  test('a model that is named has a validator of its own', async () => {
    const queries = ['upscale=2', 'upscale=2&sr_model=nearest-x2', 'upscale=2&sr_model=nearest-x2&sr_degradation=auto'];
    expect(new Set((await Promise.all(queries.map(get))).map(({ etag }) => etag)).size).toBe(3);
  });

  test('the function takes the same', async () => {
    const png = await sharp(source.data, { raw: { width: 20, height: 15, channels: 3 } })
      .png()
      .toBuffer();
    const { modelId, degradation, data } = await dualscale.upscale(png, { scale: 2, noise: 2.5 });
    expect([modelId, degradation?.kind, degradation?.why]).toEqual(['told-x2', 'blind', 'asked']);
    expect(mostDifferent((await pixelsOf(data)).data, added(25.5).data)).toBeLessThanOrEqual(1);
    const named = await dualscale.upscale(png, { model: 'nearest-x2' });
    expect([named.modelId, named.degradation]).toEqual(['nearest-x2', undefined]);
    await expect(dualscale.upscale(png, { scale: 2, sigma: 99 })).rejects.toThrow('`sigma`');
    await expect(dualscale.upscale(png, { scale: 4, degradation: 'blind' })).rejects.toThrow('`degradation`');
  });
});
