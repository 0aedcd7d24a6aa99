/** Which blind model stands beside a plain one, what becomes of a damaged one, and what stand-ins make of it. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import type { DualscaleOptions } from '../../../src/server/options.ts';
import { createDualscale } from '../../../src/server/plugin.ts';
import { publishBlindModel } from '../../helpers/blind-model.ts';
import { damageModel } from '../../helpers/damage-model.ts';
import { serveBehind, testPixels } from '../../helpers/http-host.ts';
import { publishNearestModels } from '../../helpers/nearest-models.ts';
import { image } from '../../helpers/plugin-fixture.ts';

const DEGRADED = [0.6, 0, 0, 0.2, 0.25];

/** `nearest-x2` and `nearest-x4`, beside them blind models of scale 2. */
async function publish(blindIds: readonly string[], size = {}): Promise<string> {
  const folder = await publishNearestModels([2, 4], size);
  onTestFinished(() => folder.remove());
  for (const id of blindIds) await publishBlindModel(folder.directory, DEGRADED, id);
  return folder.directory;
}

async function start(modelsDir: string, options: DualscaleOptions = {}) {
  const warnings: string[] = [];
  const logger = { info: () => {}, warn: (text: string) => void warnings.push(text), error: () => {} };
  const dualscale = await createDualscale({ modelsDir, provider: 'cpu', workers: 1, logger, ...options });
  const picture = sharp(testPixels(64, 64).data, { raw: { width: 64, height: 64, channels: 3 } });
  const server = await serveBehind(dualscale.middleware(), image(await picture.png().toBuffer()));
  onTestFinished(async () => {
    server.close();
    await dualscale.close();
  });
  const ask = async (query: string) => {
    const response = await fetch(`${server.url}/a.png?${query}`);
    const body = Buffer.from(await response.arrayBuffer()).toString('latin1');
    return { status: response.status, told: response.headers.get('x-dualscale') ?? '', body };
  };
  return { dualscale, ask, warnings };
}

const flatPng = () =>
  sharp({ create: { width: 40, height: 30, channels: 3, background: '#777' } })
    .png()
    .toBuffer();

test('the wanted blind model takes the pictures that are no clean reductions', async () => {
  const modelsDir = await publish(['told-x2', 'site-x2']);
  for (const id of ['told-x2', 'site-x2']) {
    const { ask, warnings, dualscale } = await start(modelsDir, { blindModels: { 2: id } });
    expect(await dualscale.inspect(await flatPng())).toMatchObject({ model: id, scale: 2 });
    expect((await ask('upscale=2')).told).toContain(`model=${id}; scale=2; degradation=blind; why=degraded`);
    expect((await ask('upscale=2&sr_degradation=bicubic')).told).toContain('model=nearest-x2');
    expect(warnings).toEqual([]);
  }
});

test.each([
  [{ 2: 'nearest-x2' }, '`blindModels[2]` to be one of the blind x2 models (told-x2), got `nearest-x2`'],
  [{ 2: 'absent-x2' }, '`blindModels[2]` to be one of the blind x2 models (told-x2), got `absent-x2`'],
  [{ 4: 'told-x2' }, '`blindModels[4]` to be one of the blind x4 models (none), got `told-x2`'],
])('%j is refused by name', async (blindModels, message) => {
  const modelsDir = await publish(['told-x2']);
  await expect(createDualscale({ modelsDir, provider: 'cpu', workers: 1, blindModels })).rejects.toMatchObject({
    code: 'DS_BAD_OPTION',
    message: expect.stringContaining(message),
  });
});

test.each(['auto', 'bicubic', 'blind'] as const)(
  'a damaged blind model is named in a warning and is as if it were not there (%s)',
  async (degradation) => {
    const modelsDir = await publish(['told-x2']);
    await damageModel(modelsDir, 'told-x2');
    const { ask, warnings, dualscale } = await start(modelsDir, { degradation });
    expect(warnings).toEqual([expect.stringContaining('told-x2')]);
    await dualscale.warmUp();
    expect(await dualscale.inspect(await flatPng())).toBeUndefined();
    const { status, told } = await ask('upscale=2');
    expect([status, told.slice(0, 25)]).toEqual([200, 'model=nearest-x2; scale=2']);
    expect((await ask('upscale=2&sr_degradation=auto')).told).toBe('model=nearest-x2; scale=2');
    const [refused, none] = [await ask('upscale=2&sr_degradation=blind'), await ask('upscale=4&sr_degradation=blind')];
    expect(refused.status).toBe(400);
    expect(refused.body).toBe(none.body);
    expect((await ask('upscale=2&sr_noise=5')).status).toBe(400);
    // Repaired, it is found by `reload`.
    await publishBlindModel(modelsDir, DEGRADED);
    await dualscale.reload();
    expect((await ask('upscale=2&sr_degradation=blind')).told).toContain('model=told-x2');
  },
);

test('the next best takes the place of a damaged one, but not that of one that was named', async () => {
  const modelsDir = await publish(['told-x2', 'site-x2']);
  await damageModel(modelsDir, 'site-x2');
  expect((await (await start(modelsDir)).ask('upscale=2')).told).toContain('model=told-x2');
  const { ask, warnings } = await start(modelsDir, { blindModels: { 2: 'site-x2' } });
  expect(warnings).toEqual([expect.stringContaining('site-x2')]);
  expect((await ask('upscale=2')).told).toBe('model=nearest-x2; scale=2');
});

test.each(['', '&sr_degradation=auto'])('a stand-in makes no estimate and stays plain (upscale=2%s)', async (hint) => {
  const modelsDir = await publish(['told-x2'], { featureCount: 16, blocks: 3 });
  const quick = await publishNearestModels([2]);
  onTestFinished(() => quick.remove());
  await cp(join(quick.directory, 'nearest-x2'), join(modelsDir, 'quick-x2'), { recursive: true });
  const path = join(modelsDir, 'quick-x2', 'manifest.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), id: 'quick-x2' }));
  // No picture is made in a millisecond; nothing is known of the machine before a first one.
  const options = { models: { 2: 'nearest-x2' }, latencyObjectiveMs: 1, cache: false } as const;
  const { ask, dualscale } = await start(modelsDir, options);
  await dualscale.warmUp();
  expect((await ask('upscale=2&sr_model=nearest-x2')).status).toBe(200);
  const { told } = await ask(`upscale=2${hint}`);
  expect(told).toMatch(/^model=quick-x2; scale=2; why=(load|size); degradation=bicubic$/);
  expect((await ask('upscale=2&sr_degradation=blind')).told).toContain('model=told-x2; scale=2; degradation=blind');
  const blind = await start(modelsDir, { ...options, degradation: 'blind' });
  expect((await blind.ask('upscale=2&sr_model=nearest-x2')).status).toBe(200);
  expect((await blind.ask('upscale=2')).told).toContain('model=told-x2; scale=2; degradation=blind');
});
