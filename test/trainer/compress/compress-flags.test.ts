import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CompressFlags, runCompress } from '../../../src/cli/commands/compress.ts';
import { type ModelsFolder, publishNearestModels } from '../../helpers/nearest-models.ts';

let models: ModelsFolder;
beforeAll(async () => {
  models = await publishNearestModels([2], { featureCount: 8 });
});
afterAll(() => models.remove());

const given = (changes: Partial<CompressFlags>): CompressFlags => ({
  model: 'nearest-x2',
  models: models.directory,
  data: [models.directory],
  out: join(tmpdir(), 'dualscale-never-begun'),
  at: { width: 32, height: 16 },
  multiple: '4',
  method: 'drc',
  budget: 'quick',
  maxPsnrDrop: 0.5,
  seed: 1,
  engine: 'onnx',
  provider: 'cpu',
  weights: 'float32',
  ...changes,
});

test.each([
  [{ engine: 'tfjs', provider: 'cuda', ratio: 0.5 }, '`--provider` to be cpu or auto with --engine tfjs, got `cuda`'],
  [{ engine: 'tfjs', threads: 2, latency: 20 }, '`--threads` to be 1 with --engine tfjs, got `2`'],
  [{ multiple: '8', ratio: 0.5 }, '`--ratio` to be a share that widths in multiples of 8 (`--multiple`) come near to'],
] as const)('compress refuses options that leave no meaning to each other: %j', async (changes, message) => {
  await expect(runCompress(given(changes))).rejects.toThrow(message);
});
