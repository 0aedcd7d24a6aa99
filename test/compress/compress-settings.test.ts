import { describe, expect, test } from 'vitest';
import { type CompressSettings, resolveSettings } from '../../src/compress/compress-settings.ts';
import { loadModel, modelDirectory, type StoredModel } from '../../src/model-store/load.ts';
import { publishNearestModels } from '../helpers/nearest-models.ts';

const models = await publishNearestModels([2]);
const base: StoredModel = await loadModel(modelDirectory(models.directory, 'nearest-x2'));
await models.remove();

const GIVEN: CompressSettings = {
  ...{
    model: 'models/nearest-x2',
    data: ['photos'],
    out: 'run',
    budget: { kind: 'ratio', ratio: 0.5 },
    machine: 'a box',
  },
};
const LONG = 'x'.repeat(1001);
const resolve = (changes: Partial<CompressSettings> = {}) => resolveSettings({ ...GIVEN, ...changes }, base);

describe('resolveSettings', () => {
  test.each([
    [{}, 'nearest-x2-p50'],
    [{ budget: { kind: 'ratio', ratio: 0.125 } }, 'nearest-x2-p12-5'],
    [{ budget: { kind: 'latency', latencyMs: 7.5, width: 64, height: 64 } }, 'nearest-x2-7-5ms'],
    [{ budget: { kind: 'params', parameters: 500 } }, 'nearest-x2-0-5k-params'],
    [{ budget: { kind: 'macs', macs: 5e7 }, method: 'l1' }, 'nearest-x2-50m-macs-l1'],
    [{ id: 'mine' }, 'mine'],
  ] as const)('names the result of %j %s', (changes, id) => {
    expect(resolve(changes).id).toBe(id);
  });

  test('measures at the size of the latency that is asked for', () => {
    expect(resolve().at).toEqual({ width: 320, height: 180 });
    const budget = { kind: 'latency', latencyMs: 5, width: 64, height: 48 } as const;
    expect(resolve({ budget }).at).toEqual({ width: 64, height: 48 });
  });

  test.each([
    [{ budget: { kind: 'ratio', ratio: 1 } }, '--ratio'],
    [{ multiple: 5 as 4 }, '--multiple'],
    [{ method: 'magic' as 'drc' }, '--method'],
    [{ effort: 'slow' as 'quick' }, '--budget'],
    [{ maxPsnrDropDb: 0 }, '--max-psnr-drop'],
    [{ maxPsnrDropDb: Number.NaN }, '--max-psnr-drop'],
    [{ id: '../up' }, '--id'],
    [{ at: { width: 0, height: 9 } }, '--at'],
    [{ at: { width: 9, height: 8193 } }, '--at'],
    [{ validationShare: 0 }, 'validationShare'],
    [{ license: '' }, '--license'],
    [{ dataNote: LONG }, '--data-note'],
  ] as const)('refuses case %# of bad options', (changes, option) => {
    expect(() => resolve(changes as Partial<CompressSettings>)).toThrow(`\`${option}\``);
  });
});
