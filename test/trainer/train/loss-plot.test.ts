import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { linearAxis, logAxis } from '../../../src/core/measure/plot.ts';
import { drawLossPlot } from '../../../src/trainer/train/run/loss-plot.ts';
import type { RunRecord } from '../../../src/trainer/train/run/run-log.ts';

const time = '2026-01-01T00:00:00.000Z';
const steps = (step: number, primalLoss: number): RunRecord => ({
  type: 'steps',
  time,
  step,
  steps: 10,
  primalLoss,
  dualLoss: primalLoss / 10,
  gradientNorm: 1,
  learningRate: 1e-3,
  skipped: 0,
  patchesPerSecond: 1,
});

describe('axes', () => {
  test('have round ticks around the values', () => {
    expect(linearAxis(27.6, 29.3, 5).ticks).toEqual([27.5, 28, 28.5, 29, 29.5]);
    expect(linearAxis(0, 14_000, 7).ticks).toEqual([0, 2000, 4000, 6000, 8000, 10_000, 12_000, 14_000]);
    expect(logAxis(0.013, 0.3).ticks).toEqual([0.01, 0.02, 0.05, 0.1, 0.2, 0.5]);
    expect(linearAxis(30, 30, 5).ticks.length).toBeGreaterThan(1);
  });

  test('put values where they belong', () => {
    const linear = linearAxis(0, 10, 5);
    expect([0, 5, 10].map(linear.at)).toEqual([0, 0.5, 1]);
    const log = logAxis(0.01, 1);
    expect(log.at(0.1)).toBeCloseTo(0.5, 12);
  });
});

describe('drawLossPlot', () => {
  const records: RunRecord[] = [];
  for (let step = 10; step <= 5000; step += 10) {
    records.push(steps(step, 0.1 / step + 0.01));
    if (step % 500 === 0) records.push({ type: 'validation', time, step, psnrDb: 28 + step / 5000 });
  }

  test('draws what a renderer understands, in the colours of its lines', async () => {
    const { data, info } = await sharp(Buffer.from(drawLossPlot('a < b & c', records)))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([860, 612]);
    const count = (red: number, green: number, blue: number) => {
      let found = 0;
      for (let i = 0; i < data.length; i += 3) {
        if (data[i] === red && data[i + 1] === green && data[i + 2] === blue) found += 1;
      }
      return found;
    };
    expect(count(0x0b, 0x62, 0xa4)).toBeGreaterThan(300);
    expect(count(0xc1, 0x44, 0x0e)).toBeGreaterThan(300);
    expect(count(0x2e, 0x7d, 0x32)).toBeGreaterThan(300);
  });

  test('stays small for long runs, and says the last step', () => {
    const long = Array.from({ length: 100_000 }, (_, i) => steps((i + 1) * 10, 0.01 + 1 / (i + 1)));
    const svg = drawLossPlot('long', long);
    expect(svg.length).toBeLessThan(40_000);
    expect(svg).toContain('1,000,000');
  });

  test('can be drawn of a run that has measured nothing', async () => {
    const start = { type: 'start', time, step: 0, dataDigest: '', trainImages: 1, validationImages: 0, settings: {} };
    for (const nothing of [
      [],
      [start as RunRecord],
      [{ type: 'validation', time, step: 0, psnrDb: null } as RunRecord],
    ]) {
      const svg = drawLossPlot('nothing', nothing);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      expect((await sharp(Buffer.from(svg)).metadata()).width).toBe(860);
    }
  });
});
