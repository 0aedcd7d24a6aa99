import { describe, expect, test } from 'vitest';
import { loadModel, modelDirectory, type StoredModel } from '../../../src/core/models/load.ts';
import { type CompressSettings, resolveSettings } from '../../../src/trainer/compress/compress-settings.ts';
import { publishNearestModels } from '../../helpers/nearest-models.ts';

const models = await publishNearestModels([2], { featureCount: 32 });
const base: StoredModel = await loadModel(modelDirectory(models.directory, 'nearest-x2'));
await models.remove();

const GIVEN: CompressSettings = {
  model: 'models/nearest-x2',
  data: ['photos'],
  out: 'run',
  budget: { kind: 'ratio', ratio: 0.5 },
  machine: 'a box',
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
    expect(resolve({ budget, at: { width: 256, height: 256 } }).at).toEqual({ width: 64, height: 48 });
    expect(resolve({ at: { width: 256, height: 256 } }).at).toEqual({ width: 256, height: 256 });
    expect(() => resolve({ budget: { ...budget, width: 0 } })).toThrow('`--at`');
  });

  test.each([
    [0.2, 16, 0],
    [0.05, 8, 0],
    [0.03, 4, 0],
    [0.99, 16, 16],
  ] as const)(
    'refuses to remove %f of 32 channels in multiples of %i, which would be %i',
    (ratio, multiple, removed) => {
      expect(() => resolve({ budget: { kind: 'ratio', ratio }, multiple })).toThrow(
        `expected \`--ratio\` to be a share that widths in multiples of ${multiple} (\`--multiple\`) come near to: of 32 channels they would remove ${removed}, got \`${ratio}\``,
      );
    },
  );

  test.each([
    [0.3, 16],
    [0.2, 8],
    [0.1, 4],
    [0.7, 4],
  ] as const)('takes a ratio of %f in multiples of %i', (ratio, multiple) => {
    expect(resolve({ budget: { kind: 'ratio', ratio }, multiple })).toMatchObject({ multiple });
  });

  test('takes threads of a timed run with the engine that has them', () => {
    const budget = { kind: 'latency', latencyMs: 5, width: 64, height: 48, threads: 2 } as const;
    expect(resolve({ budget }).budget).toEqual(budget);
    expect(() => resolve({ budget, engine: 'tfjs' })).toThrow(
      'expected `--threads` to be 1 with --engine tfjs, got `2`',
    );
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
