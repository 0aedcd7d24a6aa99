import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeRgb } from '../../../src/core/codec/decode.ts';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../../src/core/engine/tfjs/tfjs-engine.ts';
import type { ParameterValues } from '../../../src/core/network/spec.ts';
import { checkpointPath, type TrainOptions } from '../../../src/trainer/train/train-model.ts';
import { writeGeneratedPhotos } from '../../helpers/generated-photos.ts';
import { recordRun } from './record-run.ts';
import { TINY } from './tiny-recipe.ts';

let folder: string;
let runs = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-train-'));
  await writeGeneratedPhotos(join(folder, 'photos'), 6);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function train(options: Partial<TrainOptions> = {}) {
  return recordRun({
    recipe: TINY.recipe,
    data: [join(folder, 'photos')],
    resume: false,
    engine: createOnnxEngine(),
    decode: decodeRgb,
    microBatchSize: 2,
    out: join(folder, `run-${runs++}`),
    ...options,
  });
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const withSteps = (steps: number) => ({ ...TINY.recipe, schedule: { ...TINY.recipe.schedule, steps } });
const bits = (parameters: Readonly<Record<string, ParameterValues>>) =>
  Object.values(parameters).map(({ data }) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'),
  );

describe('trainModel', () => {
  test('lowers the loss', async () => {
    const { losses, step, parameters, dualParameters } = await train();
    expect(step).toBe(80);
    expect(mean(losses.slice(-10))).toBeLessThan(0.6 * mean(losses.slice(0, 10)));
    expect(Object.keys(parameters)).toContain('tail.weight');
    expect(Object.keys(dualParameters)).toEqual(['dual.0.weight', 'dual.1.weight']);
  });

  test('repeats itself bit by bit, and not with another seed', async () => {
    const recipe = withSteps(12);
    const [first, second] = [await train({ recipe }), await train({ recipe })];
    expect(bits(second.parameters)).toEqual(bits(first.parameters));
    const other = await train({ recipe: { ...recipe, seed: 2 } });
    expect(bits(other.parameters)).not.toEqual(bits(first.parameters));
  });

  test('takes over the weights it is given where name and shape agree', async () => {
    const given = (shape: readonly number[], value: number) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b)).fill(value);
      return { shape, data };
    };
    // No step is done, so what comes out is the start. The tail is that of a x4 network.
    const controller = new AbortController();
    const { parameters } = await train({
      signal: controller.signal,
      startFrom: { 'head.weight': given([3, 3, 3, 4], 0.25), 'tail.weight': given([3, 3, 4, 48], 0.25) },
      report: (event) => event.type === 'start' && controller.abort(),
    });
    expect(new Set(parameters['head.weight'].data)).toEqual(new Set([0.25]));
    expect(parameters['tail.weight'].shape).toEqual([3, 3, 4, 12]);
    expect(parameters['tail.weight'].data).not.toContain(0.25);
  });

  test('saves a checkpoint when it is told to stop, and goes on to the same end', async () => {
    const whole = await train({ recipe: withSteps(40) });
    const controller = new AbortController();
    const stopped = await train({
      recipe: withSteps(40),
      signal: controller.signal,
      report: (event) => event.type === 'step' && event.step === 17 && controller.abort(),
    });
    expect(stopped.step).toBe(17);
    const resumed = await train({ recipe: withSteps(40), out: stopped.out, resume: true });
    expect(resumed.events.find(({ type }) => type === 'start')).toMatchObject({ step: 17 });
    expect(resumed.losses).toEqual(whole.losses.slice(17));
    const read = (out: string) => readFile(checkpointPath(out));
    expect((await read(resumed.out)).equals(await read(whole.out))).toBe(true);
  });

  test('stops at once while photographs are read', async () => {
    await expect(train({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'DS_ABORTED' });
  });

  test('goes the same way on TF.js in plain JavaScript', async () => {
    const recipe = { ...withSteps(4), batchSize: 2 };
    const onnx = await train({ recipe });
    const tfjs = await train({ recipe, engine: await createTfjsEngine({ backend: 'cpu' }) });
    for (const [i, loss] of tfjs.losses.entries()) expect(loss).toBeCloseTo(onnx.losses[i], 4);
  });
});
