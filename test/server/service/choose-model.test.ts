import { expect, test } from 'vitest';
import { Admission, type ModelFacts } from '../../../src/server/service/admission/admission.ts';
import { ServiceTimeEstimator } from '../../../src/server/service/admission/service-time.ts';
import { chooseInTime, ModelChooser } from '../../../src/server/service/choose-model.ts';

test.each([
  [[100, 50, 20], 120, 0],
  [[100, 50, 20], 100, 0],
  [[100, 50, 20], 60, 1],
  [[100, 50, 20], 20, 2],
  [[100, 50, 20], 5, 2],
  // The one that is said to be quicker is not: no reason to take the worse picture.
  [[20, 50, 90], 5, 0],
  [[100, 30, 50], 5, 1],
  [[100, 50, 20], -400, 2],
])('of %j ms the objective of %i ms takes number %i', (times, left, index) => {
  expect(
    chooseInTime(
      times.map((afterQueue) => ({ afterQueue, alone: 0 })),
      left,
    ),
  ).toBe(index);
});

/** x1, so that a megapixel costs its multiply-accumulates, and a little for encoding. */
const model = (id: string, perLrPixel: number): ModelFacts => ({ id, scale: 1, manifest: { macs: { perLrPixel } } });
const MODELS = [model('large', 400_000), model('middle', 200_000), model('small', 50_000)];
const MEGAPIXEL = 1e6;

/** A machine that does a giga multiply-accumulate in a millisecond, with `waiting` megapixels of `large` before it. */
async function choose(objectiveMs: number, { waiting = 0, elapsed = 0, pixels = MEGAPIXEL } = {}) {
  let time = 0;
  const now = () => time;
  const admission = new Admission({ concurrency: 1, queueLimit: 99, queueCost: 1e9, now });
  const serviceTime = new ServiceTimeEstimator(now);
  const work = (cost: number) =>
    admission.run({ cost }, async () => {
      const done = serviceTime.start('large');
      time += cost;
      done(cost);
    });
  await work(400);
  const never = new Promise<void>(() => {});
  for (let i = 0; i < waiting; i++) void admission.run({ cost: 400 }, () => never);
  const { model: chosen, ...rest } = new ModelChooser({ objectiveMs, admission, serviceTime, now }).choose(
    MODELS,
    pixels,
    time - elapsed,
  );
  return { id: chosen.id, why: rest.why, better: rest.better.map(({ id }) => id) };
}

test('with time enough the best model answers', async () => {
  expect(await choose(500)).toEqual({ id: 'large', why: undefined, better: [] });
});

test('a picture that is too large for it even alone: the best that is in time, because of its size', async () => {
  expect(await choose(300)).toEqual({ id: 'middle', why: 'size', better: ['large'] });
  expect(await choose(500, { pixels: 2 * MEGAPIXEL })).toMatchObject({ id: 'middle', why: 'size' });
});

test('work before it leaves less time: because of the load', async () => {
  expect(await choose(900, { waiting: 1 })).toMatchObject({ id: 'large' });
  expect(await choose(700, { waiting: 1 })).toMatchObject({ id: 'middle', why: 'load', better: ['large'] });
  expect(await choose(500, { waiting: 1 })).toMatchObject({ id: 'small', why: 'load', better: ['large', 'middle'] });
});

test('the quickest answers where none is in time', async () => {
  expect(await choose(500, { waiting: 5 })).toMatchObject({ id: 'small', why: 'load' });
});

test('what the host took is gone', async () => {
  expect(await choose(500, { elapsed: 200 })).toMatchObject({ id: 'middle', why: 'load' });
});

test('before anything was finished nothing is known, and the best model answers', () => {
  const now = () => 0;
  const admission = new Admission({ concurrency: 1, queueLimit: 9, queueCost: 1e9, now });
  const chooser = new ModelChooser({ objectiveMs: 1, admission, serviceTime: new ServiceTimeEstimator(now), now });
  expect(chooser.choose(MODELS, MEGAPIXEL, 0).model.id).toBe('large');
});
