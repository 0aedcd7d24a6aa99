import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encode } from '../../../src/core/codec/encode.ts';
import { compileServedModel } from '../../../src/core/engine/served/served-model.ts';
import { loadModel, modelDirectory } from '../../../src/core/models/load.ts';
import type { PixelImage } from '../../../src/core/pixels/image.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';
import type { Upscaler } from '../../../src/core/upscale/upscaler.ts';
import { describeInspection, inspectPicture } from '../../../src/server/inspect/inspect-picture.ts';
import { createDualscale, type Dualscale } from '../../../src/server/plugin.ts';
import { publishBlindModel } from '../../helpers/blind-model.ts';
import { generatedPhoto } from '../../helpers/generated-photos.ts';
import { type ModelsFolder, publishNearestModels } from '../../helpers/nearest-models.ts';
import { runCli } from '../../helpers/run-cli.ts';

const flat: PixelImage = { width: 40, height: 30, channels: 3, data: new Uint8Array(3600).fill(100) };

let folder: ModelsFolder;
let upscaler: Upscaler;
let dualscale: Dualscale;

/** The model that repeats pixels and adds the noise it guesses (0.2: 51 levels). */
async function inspect(image: PixelImage, guess: readonly number[]) {
  await publishBlindModel(folder.directory, guess);
  const model = compileServedModel(await loadModel(modelDirectory(folder.directory, 'told-x2')));
  return describeInspection(await inspectPicture(image, { upscaler, model }), model);
}

beforeAll(async () => {
  folder = await publishNearestModels([2, 4]);
  upscaler = await createUpscaler({ provider: 'cpu', workers: 1 });
  await publishBlindModel(folder.directory, [0.6, 0, 0, 0, 0.25]);
  dualscale = await createDualscale({ modelsDir: folder.directory, provider: 'cpu', workers: 1 });
});
afterAll(async () => {
  await upscaler.close();
  await dualscale.close();
  await folder.remove();
});

describe('an inspected picture', () => {
  test('comes with blur, noise, compression and the kernel of the blur', async () => {
    // A tenth of an LR pixel is the photograph's own softness at x2.
    const { kernel, ...seen } = await inspect(flat, [Math.hypot(0.6, 0.1), 0, 0, 0.1, 0.25]);
    expect(seen).toMatchObject({ model: 'told-x2', scale: 2, jpegQuality: 75 });
    expect(seen.sigmaX).toBeCloseTo(1.2);
    expect(seen.sigmaY).toBeCloseTo(1.2);
    expect(seen.noiseSigma).toBeCloseTo(2.5);
    const numbers = kernel.flat();
    expect(numbers).toHaveLength(kernel.length ** 2);
    expect(numbers.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1);
    const middle = kernel.length >> 1;
    expect(kernel[middle][middle]).toBe(Math.max(...numbers));
  });

  test('is consistent with its enlargement where that reduces to it, and by as many levels as it does not', async () => {
    expect((await inspect(flat, [0.6, 0, 0, 0, 0])).consistencyError).toBe(0);
    expect((await inspect(flat, [0.6, 0, 0, 0.2, 0])).consistencyError).toBeCloseTo(51, 0);
    // Repeated pixels lose their detail to the blur: more by more of it.
    const photo = generatedPhoto(64, 48, 3);
    const [sharp, soft] = [await inspect(photo, [0, 0, 0, 0, 0]), await inspect(photo, [0.6, 0, 0, 0, 0])];
    expect(sharp.consistencyError).toBeLessThan(soft.consistencyError);
    expect(soft.consistencyError).toBeGreaterThan(1);
  });

  test('of many pixels is looked at where it has most detail', async () => {
    const photo = generatedPhoto(256, 256, 3);
    const large = { width: 800, height: 600, channels: 3, data: new Uint8Array(800 * 600 * 3).fill(90) };
    for (let y = 0; y < 256; y++)
      large.data.set(photo.data.subarray(y * 768, (y + 1) * 768), ((y + 320) * 800 + 512) * 3);
    const guess = [0.6, 0, 0, 0, 0];
    expect((await inspect(large, guess)).consistencyError).toBeCloseTo(
      (await inspect(photo, guess)).consistencyError,
      1,
    );
  });
});

describe('the function of the plugin', () => {
  test('takes encoded bytes, and says nothing of a scale without a model that can tell', async () => {
    const png = await encode(flat, undefined, { format: 'png' });
    expect(await dualscale.inspect(png)).toMatchObject({ model: 'told-x2', jpegQuality: 75, consistencyError: 0 });
    expect(await dualscale.inspect(png, { scale: 2 })).toMatchObject({ model: 'told-x2' });
    expect(await dualscale.inspect(png, { scale: 4 })).toBeUndefined();
    await expect(dualscale.inspect(Buffer.from('no picture'))).rejects.toMatchObject({ code: 'DS_UNSUPPORTED_IMAGE' });
  });
});

describe('dualscale inspect', () => {
  test('prints what was seen and draws the blur', async () => {
    const [path, drawing] = ['flat.png', 'kernel.svg'].map((name) => join(folder.directory, name));
    await writeFile(path, await encode(flat, undefined, { format: 'png' }));
    const width = Math.hypot(0.75, 0.1);
    await publishBlindModel(folder.directory, [width, 0.8 * width, 0, 0, 0.25]);
    const { stdout } = await runCli(['inspect', path, '--models', folder.directory, '--out', drawing]);
    expect(stdout).toMatch(
      /blur +sigma 2\.01 along 0 degrees, 0\.67 across pixels of the enlarged picture \(1\.01 of this one\)/,
    );
    expect(stdout).toMatch(/noise +sigma 0\.0/);
    expect(stdout).toMatch(/JPEG +quality 75/);
    expect(stdout).toMatch(/consistency +0\.00/);
    expect(stdout).toContain('%%@@%%');
    const json = JSON.parse((await runCli(['inspect', path, '--models', folder.directory, '--json'])).stdout);
    expect(json).toMatchObject({ model: 'told-x2', scale: 2, dualError: null });
  });
});
