import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/core/engine/engine.ts';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import type { Program } from '../../../src/core/graph/program.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { EdgeSpec } from '../../../src/core/network/spec.ts';
import { imresize } from '../../../src/core/pixels/imresize.ts';
import { createRandom } from '../../../src/core/random.ts';
import { searchWidths } from '../../../src/trainer/compress/search/search-widths.ts';
import { trainDuals } from '../../../src/trainer/compress/train-duals.ts';
import type { ImagePyramid } from '../../../src/trainer/train/data/dataset.ts';
import { generatedPhoto } from '../../helpers/generated-photos.ts';

const SPEC: EdgeSpec = {
  family: 'edge',
  scale: 2,
  featureCount: 2,
  innerWidths: [2],
  code: { width: 5, hidden: 2, estimator: [2, 2, 2] },
};
const SHAPE = { batchSize: 4, lrPatchSize: 4 };

const pyramid = (number: number): ImagePyramid => {
  const hrImage = generatedPhoto(48, 48, number);
  return new Map([
    [1, imresize(hrImage, { scale: 0.5 })],
    [2, hrImage],
  ]);
};
const dataset = { train: [0, 1].map(pyramid), validation: [], digest: 'generated' };
const parameters = initialiseParameters(createNetwork(SPEC), createRandom(2));

interface SeenBatch {
  readonly image: Float32Array;
  readonly codes: Float32Array;
}

/** An engine that keeps the batches that programs of this name get. */
async function spyOn(name: string) {
  const engine = await createTfjsEngine({ backend: 'cpu' });
  const seen: SeenBatch[] = [];
  const spy: Engine = {
    ...engine,
    async compile(program: Program) {
      const executable = await engine.compile(program);
      return {
        ...executable,
        run(inputs) {
          if (program.name === name) {
            const [image, codes] = ['image1', 'codes'].map((input) => (inputs[input].data as Float32Array).slice());
            seen.push({ image, codes });
          }
          return executable.run(inputs);
        },
      };
    },
  };
  return { engine: spy, seen };
}

/** One of four is clear on average, and has zeros for a code. */
const told = ({ codes }: SeenBatch): boolean => codes.some((value) => value !== 0);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blind-stages-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a blind model is compressed with pictures degraded as in training', () => {
  test('by the search, which tells the estimator what they suffer from', async () => {
    const { engine, seen } = await spyOn('gradient');
    await searchWidths({
      spec: SPEC,
      parameters,
      candidates: [[0, 2]],
      dataset,
      engine,
      report: () => {},
      recipe: { ...SHAPE, steps: 2, dualWeight: 0.1, seed: 1, checkpointEvery: 9, chooseEvery: 9, tuneSteps: 1 },
      checkpoint: join(folder, 'search'),
    });
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expect(seen.every(told)).toBe(true);
  });

  test('by the dual networks that it lacks', async () => {
    const { engine, seen } = await spyOn('duals');
    await trainDuals({
      ...SHAPE,
      spec: SPEC,
      parameters,
      steps: 2,
      seed: 1,
      dataset,
      engine,
      report: () => {},
      provider: 'cpu',
      workers: 1,
      microBatchSize: 4,
    });
    expect(seen).toHaveLength(2);
    expect(seen.every(told)).toBe(true);
  });
});
