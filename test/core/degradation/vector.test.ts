import { describe, expect, test } from 'vitest';
import { disturbKernel, gaussianKernel } from '../../../src/core/degradation/kernel.ts';
import { parseDegradation } from '../../../src/core/degradation/parse.ts';
import { decodeDegradation, encodeDegradation, withoutOwnSoftness } from '../../../src/core/degradation/vector.ts';

describe("an estimate without the photograph's own softness", () => {
  const of = (sigmaX: number, sigmaY: number, scale: number) =>
    encodeDegradation({ blur: { sigmaX, sigmaY, angle: 0.4, size: 31 }, noise: { sigma: 5 } }, scale);

  // 0.05 LR pixels times the scale: 0.8 of the enlarged picture's pixels at x4, 0.2 at x2.
  test.each([
    [4, 0.8],
    [2, 0.2],
  ])('at x%i is the blur that with one of %f gives what was seen', (scale, own) => {
    const seen = withoutOwnSoftness(of(Math.hypot(2, own), Math.hypot(2, own), scale), scale);
    const wanted = of(2, 2, scale);
    for (const [i, value] of seen.entries()) expect(value).toBeCloseTo(wanted[i] as number, 5);
  });

  test('is none where there was no more than that, and keeps noise and compression', () => {
    expect([...withoutOwnSoftness(Float32Array.of(0.15, 0.1, 0.05, 0.5, 0.25), 4)]).toEqual([0, 0, 0, 0.5, 0.25]);
    expect([...withoutOwnSoftness(Float32Array.of(-0.1, 0.1, 0, 0, 0), 4)]).toEqual([0, 0, 0, 0, 0]);
  });

  test('is as elongated, in the same direction', () => {
    const given = of(3, 1, 4);
    const [before, after] = [decodeDegradation(given, 4), decodeDegradation(withoutOwnSoftness(given, 4), 4)];
    expect(after.angle).toBeCloseTo(before.angle, 5);
    expect(after.sigmaX / after.sigmaY).toBeCloseTo(before.sigmaX / before.sigmaY, 4);
    expect(after.sigmaX).toBeLessThan(before.sigmaX);
  });
});

describe('a degradation code', () => {
  test('of a clean reduction is 0', () => {
    expect([...encodeDegradation({}, 4)]).toEqual([0, 0, 0, 0, 0]);
    expect(encodeDegradation({ blur: { sigmaX: 0, size: 21 } }, 4).every((value) => value === 0)).toBe(true);
  });

  test('has lengths in LR pixels', () => {
    const four = encodeDegradation({ blur: { sigmaX: 2.4, size: 21 } }, 4);
    expect(four[0]).toBeCloseTo(0.6, 6);
    expect(four[1]).toBeCloseTo(0, 6);
    expect(encodeDegradation({ blur: { sigmaX: 1.2, size: 21 } }, 2)[0]).toBeCloseTo(0.6, 6);
  });

  test.each([
    [3, 1, 0],
    [4, 0.8, Math.PI / 3],
    [2, 1.5, -Math.PI / 4],
  ])('of a Gaussian %d x %d at %d comes back', (sigmaX, sigmaY, angle) => {
    const code = encodeDegradation(
      { blur: { sigmaX, sigmaY, angle, size: 31 }, noise: { sigma: 10 }, jpegQuality: 40 },
      4,
    );
    const back = decodeDegradation(code, 4);
    expect(back.sigmaX).toBeCloseTo(sigmaX, 4);
    expect(back.sigmaY).toBeCloseTo(sigmaY, 4);
    expect(back.angle).toBeCloseTo(angle, 4);
    expect(back.noiseSigma).toBeCloseTo(10, 4);
    expect(back.jpegQuality).toBe(40);
  });

  test('of a kernel is that of the Gaussian with its moments, whichever way it is turned', () => {
    const shape = { sigmaX: 2.5, sigmaY: 1.2, angle: 0.9, size: 31 };
    const [named, sampled] = [
      encodeDegradation({ blur: shape }, 4),
      encodeDegradation({ blur: gaussianKernel(shape) }, 4),
    ];
    for (const [i, value] of named.entries()) expect(sampled[i]).toBeCloseTo(value, 2);
    const disturbed = encodeDegradation({ blur: disturbKernel(gaussianKernel(shape), 0.25, () => 0.5) }, 4);
    expect(disturbed[0]).toBeCloseTo(named[0], 2);
  });

  test.each([
    [100, 0],
    [50, 0.5],
    [30, 0.83333],
    [90, 0.1],
  ])('has half of libjpeg factor on the tables: quality %d gives %d', (jpegQuality, expected) => {
    expect(encodeDegradation({ jpegQuality }, 4)[4]).toBeCloseTo(expected, 4);
    expect(decodeDegradation([0, 0, 0, 0, expected], 4).jpegQuality).toBe(jpegQuality);
  });

  test('counts shot noise as at middle gray', () => {
    // sqrt(255 * 127.5 / photons) of 255: 25 at 52.02 photons.
    expect(encodeDegradation({ shotNoise: { photons: 52.02 } }, 4)[3]).toBeCloseTo(1, 3);
  });

  test('of an impossible estimate is read as the nearest possible one', () => {
    const estimate = decodeDegradation([0.2, 0.5, 0, -0.3, -0.1], 4);
    expect(estimate.sigmaY).toBe(0);
    expect(estimate.noiseSigma).toBe(0);
    expect(estimate.jpegQuality).toBe(100);
  });
});

describe('parseDegradation', () => {
  test('reads what people write', () => {
    expect(parseDegradation('gaussian:2.4,noise:10,jpeg:60')).toEqual({
      blur: { sigmaX: 2.4, size: 21 },
      noise: { sigma: 10 },
      jpegQuality: 60,
    });
    expect(parseDegradation('gaussian:4x1@90,direct')).toEqual({
      blur: { sigmaX: 4, sigmaY: 1, angle: Math.PI / 2, size: 31 },
      subsample: 'direct',
    });
    expect(parseDegradation('none')).toEqual({});
  });

  test.each([
    '',
    'gauss:2',
    'gaussian:',
    'gaussian:2,gaussian:3',
    'noise:-1',
    'jpeg:0',
    'jpeg:101',
    'gaussian:21',
    'noise:1e3',
  ])('refuses `%s`', (text) => {
    expect(() => parseDegradation(text)).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
  });
});
