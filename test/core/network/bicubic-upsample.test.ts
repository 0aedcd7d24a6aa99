import { beforeAll, describe, expect, test } from 'vitest';
import { bicubicPhases, bicubicUpsample } from '../../../src/core/network/upsample.ts';
import { tf } from '../../../src/core/tf.ts';
import { largestDifference, randomPlane, toPlane, toTensor } from './bridge.ts';
import { bicubic, plane } from './torch-reference.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('bicubicUpsample', () => {
  test.each([
    { scale: 2, height: 5, width: 7 },
    { scale: 3, height: 4, width: 3 },
    { scale: 4, height: 3, width: 6 },
    { scale: 8, height: 2, width: 3 },
    { scale: 4, height: 1, width: 1 },
  ])("x$scale of $height x $width equals torch's formula", ({ scale, height, width }) => {
    const image = randomPlane(3, height, width);
    const enlarged = toPlane(bicubicUpsample(toTensor(image), scale));
    expect(largestDifference(enlarged, bicubic(image, scale))).toBeLessThan(1e-6);
  });

  test('x2 of a unit impulse is the cubic of coefficient -0.75 at the distances 1/4, 3/4, 5/4 and 7/4', () => {
    const weights = [
      -0.03515625, -0.10546875, 0.26171875, 0.87890625, 0.87890625, 0.26171875, -0.10546875, -0.03515625,
    ];
    const impulse = plane(1, 1, 7, (_, __, x) => (x === 3 ? 1 : 0));
    const row = [...toPlane(bicubicUpsample(toTensor(impulse), 2)).data.slice(0, 14)];
    expect(row.slice(3, 11).map((value) => Number(value.toFixed(6)))).toEqual(weights.map((w) => Number(w.toFixed(6))));
    expect(row.slice(0, 3)).toEqual([0, 0, 0]);
  });

  test('a constant image stays constant, borders included', () => {
    const gray = plane(3, 3, 3, () => 0.7);
    expect(
      largestDifference(
        toPlane(bicubicUpsample(toTensor(gray), 4)),
        plane(3, 12, 12, () => 0.7),
      ),
    ).toBeLessThan(1e-6);
  });

  test.each([2, 3, 4, 8])('each phase of x%i uses at most four taps', (scale) => {
    for (const phase of bicubicPhases(scale)) {
      expect(phase.filter((weight) => Math.abs(weight) > 1e-12).length).toBeLessThanOrEqual(4);
    }
  });
});
