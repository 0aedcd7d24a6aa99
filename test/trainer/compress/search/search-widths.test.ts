import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createOnnxEngine } from '../../../../src/core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../../../src/core/engine/tfjs/tfjs-engine.ts';
import { createNetwork, initialiseParameters } from '../../../../src/core/network/create-network.ts';
import { countParameters } from '../../../../src/core/network/network.ts';
import { withWidths } from '../../../../src/core/network/prunable.ts';
import type { EdgeSpec, ParameterValues } from '../../../../src/core/network/spec.ts';
import { imresize } from '../../../../src/core/pixels/imresize.ts';
import { createRandom } from '../../../../src/core/random.ts';
import { additiveCosts } from '../../../../src/trainer/compress/budget.ts';
import {
  type SearchEvent,
  type SearchOptions,
  searchWidths,
} from '../../../../src/trainer/compress/search/search-widths.ts';
import type { Dataset, ImagePyramid } from '../../../../src/trainer/train/data/dataset.ts';
import { generatedPhoto } from '../../../helpers/generated-photos.ts';

const SPEC: EdgeSpec = { family: 'edge', scale: 2, featureCount: 8, innerWidths: [8, 8, 8] };
const CANDIDATES = SPEC.innerWidths.map(() => [0, 4, 8]);
const countOf = (spec: Parameters<typeof withWidths>[0]) => countParameters(createNetwork(spec));
const COSTS = additiveCosts('parameters', SPEC, CANDIDATES, countOf);

const pyramid = (number: number): ImagePyramid => {
  const hrImage = generatedPhoto(48, 48, number);
  return new Map([
    [1, imresize(hrImage, { scale: 0.5 })],
    [2, hrImage],
  ]);
};
const dataset: Pick<Dataset, 'train' | 'validation' | 'digest'> = {
  train: [0, 1, 2, 3].map(pyramid),
  validation: [pyramid(4)],
  digest: 'generated',
};

/** Random weights around an identity: the middle block does nothing but add a little noise. */
function startParameters(): Record<string, ParameterValues> {
  const values = initialiseParameters(createNetwork(SPEC), createRandom(2));
  values['body.1.conv2.weight'].data.fill(0);
  return values;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'search-'));
});

const options = (name: string, changes: Partial<SearchOptions> = {}): SearchOptions => ({
  spec: SPEC,
  parameters: startParameters(),
  candidates: CANDIDATES,
  dataset,
  recipe: {
    steps: 60,
    batchSize: 2,
    lrPatchSize: 10,
    dualWeight: 0.1,
    seed: 1,
    checkpointEvery: 20,
    chooseEvery: 20,
    weightLearningRate: 5e-3,
    tuneSteps: 3,
  },
  checkpoint: join(folder, name),
  engine: createOnnxEngine(),
  report: () => {},
  ...changes,
});

describe('searchWidths', () => {
  test('keeps a shared budget and lowers the loss', async () => {
    const events: SearchEvent[] = [];
    const limit = 0.6 * countOf(SPEC);
    const result = await searchWidths(
      options('shared', { shared: { model: COSTS, limit }, report: (event) => events.push(event) }),
    );
    const size = countOf(withWidths(SPEC, result?.widths ?? []));
    expect(size).toBeLessThanOrEqual(limit);
    expect(result?.predicted).toBeCloseTo(size, 6);
    const steps = events.filter((event) => event.type === 'search-step');
    expect(steps).toHaveLength(60);
    const mean = (part: typeof steps) => part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
    expect(mean(steps.slice(-10))).toBeLessThan(0.7 * mean(steps.slice(0, 10)));
    // The relaxed network is driven to the limit too, so that what the weights learn is the network that comes out.
    expect(steps.at(-1)?.expected).toBeLessThan(steps[0].expected as number);
    const choices = events.filter((event) => event.type === 'search-choice').filter(({ tuned }) => tuned > 0);
    expect(choices.length).toBeGreaterThan(1);
    const longest = Math.max(...choices.map(({ tuned }) => tuned));
    const last = choices.filter(({ tuned }) => tuned === longest);
    expect(result?.psnrDb).toBe(Math.max(...last.map(({ psnrDb }) => psnrDb)));
    expect(last.find(({ psnrDb }) => psnrDb === result?.psnrDb)?.widths).toEqual(result?.widths);
  });

  test('repeats itself exactly, also when it was stopped and goes on', async () => {
    const shared = { model: COSTS, limit: 0.6 * countOf(SPEC) };
    const whole = await searchWidths(options('whole', { shared }));
    const stop = new AbortController();
    const report = (event: SearchEvent) => {
      if (event.type === 'search-step' && event.step === 33) stop.abort();
    };
    expect(await searchWidths(options('parts', { shared, report, signal: stop.signal }))).toBeUndefined();
    const steps: number[] = [];
    const rest = await searchWidths(
      options('parts', { shared, report: (event) => event.type === 'search-step' && steps.push(event.step) }),
    );
    expect(steps[0]).toBe(34);
    expect(rest).toEqual(whole);
    // Once it has ended, only the result is left to give.
    expect(await searchWidths(options('parts', { shared }))).toEqual(whole);
  });

  test('goes on from its checkpoint with other photographs', async () => {
    const stop = new AbortController();
    const recipe = { ...options('').recipe, steps: 6, chooseEvery: 3, tuneSteps: 1 };
    const report = (event: SearchEvent) => event.type === 'search-step' && event.step === 3 && stop.abort();
    expect(await searchWidths(options('others', { recipe, report, signal: stop.signal }))).toBeUndefined();
    const more = { ...dataset, train: [...dataset.train, pyramid(5)], digest: 'one more' };
    const steps: number[] = [];
    const rest = await searchWidths(
      options('others', {
        recipe,
        dataset: more,
        report: (event) => event.type === 'search-step' && steps.push(event.step),
      }),
    );
    expect(steps).toEqual([4, 5, 6]);
    expect(rest?.widths).toHaveLength(3);
  });

  test('without a shared budget takes the most probable candidates or the largest, by what photographs say', async () => {
    const candidates = SPEC.innerWidths.map(() => [4, 4, 8]);
    const events: SearchEvent[] = [];
    const result = await searchWidths(options('ratio', { candidates, report: (event) => events.push(event) }));
    expect(result?.predicted).toBeUndefined();
    const likely = result?.searched.map(({ alphas }) => candidates[0][alphas.indexOf(Math.max(...alphas))]);
    const tuned = events.filter((event) => event.type === 'search-choice').filter((event) => event.tuned > 0);
    expect(tuned[0].widths).toEqual(likely);
    expect(tuned.map(({ widths }) => widths)).toContainEqual([8, 8, 8]);
    const best = tuned.reduce((a, b) => (b.psnrDb > a.psnrDb ? b : a));
    expect(result?.widths).toEqual(best.widths);
  });

  test('takes the first reading where no photographs are held out', async () => {
    const { recipe } = options('');
    const held = { ...dataset, validation: [] };
    const short = { ...recipe, steps: 4, chooseEvery: 2 };
    const result = await searchWidths(options('blind', { dataset: held, recipe: short }));
    expect(result?.reading).toBe('alphas');
    expect(result?.psnrDb).toBeNaN();
    expect(await searchWidths(options('blind', { dataset: held, recipe: short }))).toEqual(result);
  });

  test('runs on the tfjs engine too', async () => {
    const engine = await createTfjsEngine({ backend: 'cpu' });
    const { recipe } = options('');
    const tiny = { ...recipe, steps: 2, batchSize: 1, lrPatchSize: 4 };
    const held = { ...dataset, validation: [] };
    const result = await searchWidths(options('tfjs', { engine, dataset: held, recipe: tiny }));
    expect(result?.widths).toHaveLength(3);
  });

  test('refuses a budget below the smallest network, and the checkpoint of another search', async () => {
    const shared = { model: COSTS, limit: COSTS.fixed - 1 };
    await expect(searchWidths(options('small', { shared }))).rejects.toThrow('of the smallest widths');
    const { recipe } = options('');
    await searchWidths(options('other', { recipe: { ...recipe, steps: 1 } }));
    await expect(searchWidths(options('other'))).rejects.toThrow(
      /^expected `.*other` to be a checkpoint of a search with steps 60, got one with steps 1$/,
    );
  });
});
