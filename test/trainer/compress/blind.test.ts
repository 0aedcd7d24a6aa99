import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeRgb } from '../../../src/core/codec/decode.ts';
import { loadModel } from '../../../src/core/models/load.ts';
import { compressModel } from '../../../src/trainer/compress/recipe.ts';
import { createTinyBox, type TinyBox } from './tiny-compression.ts';

let box: TinyBox;
beforeAll(async () => {
  box = await createTinyBox();
});
afterAll(() => rm(box.folder, { recursive: true }));

test('a blind model goes through every stage of compression and comes out blind, its modulation cut with its channels', async () => {
  const { accepted, directory } = await compressModel({
    settings: { ...box.settings, model: join(box.folder, 'models/tiny-blind-x2') },
    decode: decodeRgb,
    now: Date.now,
    clock: () => performance.now(),
    report: () => {},
  });
  expect(accepted).toBe(true);
  const { manifest, parameters, dualParameters } = await loadModel(directory);
  expect(manifest.degradation).toBe('blind');
  expect(manifest.spec).toMatchObject({ innerWidths: [4, 4], code: { width: 5, hidden: 4, estimator: [4, 4, 4] } });
  expect(parameters['body.0.conv1.scale.weight'].shape).toEqual([1, 1, 4, 4]);
  expect(parameters['estimator.0.weight'].shape).toEqual([3, 3, 6, 4]);
  expect(Object.keys(dualParameters ?? {})).toContain('dual.0.scale.weight');
});
