import { expect, test } from 'vitest';
import { nesterovStep } from '../../../src/trainer/compress/prune/prune-layers.ts';

test('two steps as PyTorch takes them, on the masked values alone', () => {
  const values = Float32Array.of(3, 7, 4);
  const velocity = new Float32Array(3);
  const mask = Uint8Array.of(1, 0, 1);
  // |w| is 5 and |g| is 1, so the step is 5 g. v = 5 g, w -= 0.1 (5 g + 0.5 v).
  nesterovStep(values, velocity, Float32Array.of(1, 100, 0), mask, { rate: 0.1, momentum: 0.5 });
  expect([...values]).toEqual([2.25, 7, 4].map((value) => expect.closeTo(value, 6)));
  // |w| is 4.58939..., |g| is 2: the step is 2.29469 g. v = 0.5 * 5 = 2.5 where g is 0.
  nesterovStep(values, velocity, Float32Array.of(0, 0, 2), mask, { rate: 0.1, momentum: 0.5 });
  const step = Math.hypot(2.25, 4);
  expect([...values]).toEqual([2.25 - 0.125, 7, 4 - 0.15 * step].map((value) => expect.closeTo(value, 5)));
});

test('leaves values alone whose gradient vanishes', () => {
  const values = Float32Array.of(3);
  nesterovStep(values, new Float32Array(1), Float32Array.of(0), Uint8Array.of(1), { rate: 0.1 });
  expect([...values]).toEqual([3]);
});
