import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openRunLog, readRunLog } from '../../../src/trainer/train/run/run-log.ts';
import type { RunEvent } from '../../../src/trainer/train/train-model.ts';

let folder: string;
let clock: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-log-'));
  clock = Date.UTC(2026, 0, 2);
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const dataset = { digest: 'd', skipped: [], trainImages: 3, validationImages: 1 };
const started = (step: number): RunEvent => ({ type: 'start', step, parameterCount: 9, dataset });
const step = (number: number, primalLoss: number): RunEvent => {
  const rest = { dualLoss: primalLoss / 2, learningRate: 1e-3 * number, gradientNorm: 1, skipped: number === 7 };
  return { type: 'step', step: number, primalLoss, ...rest };
};

const open = (resumedStep: number) => {
  const settings = { steps: 100 };
  return openRunLog({ path: join(folder, 'log.jsonl'), settings, now: () => clock, every: 4 }, resumedStep);
};

describe('the run log', () => {
  test('sums up steps, with the speed by the clock', () => {
    const log = open(0);
    log.report(started(0));
    log.report({ type: 'stage', step: 0, batchSize: 8, lrPatchSize: 16 });
    for (let i = 1; i <= 8; i++) {
      clock += 500;
      log.report(step(i, i));
    }
    const records = readRunLog(join(folder, 'log.jsonl'));
    expect(records).toEqual(log.records);
    expect(records[0]).toMatchObject({ type: 'start', step: 0, dataDigest: 'd', settings: { steps: 100 } });
    expect(records.slice(1)).toEqual([
      {
        type: 'steps',
        time: '2026-01-02T00:00:02.000Z',
        step: 4,
        steps: 4,
        primalLoss: 2.5,
        dualLoss: 1.25,
        gradientNorm: 1,
        learningRate: 4e-3,
        skipped: 0,
        patchesPerSecond: 16,
      },
      expect.objectContaining({ step: 8, primalLoss: 6.5, skipped: 1, patchesPerSecond: 16 }),
    ]);
  });

  test('goes on from a checkpoint, without what came after it or was cut short', async () => {
    const log = open(0);
    log.report(started(0));
    log.report({ type: 'stage', step: 0, batchSize: 8, lrPatchSize: 16 });
    for (let i = 1; i <= 8; i++) log.report(step(i, i));
    log.report({ type: 'validation', step: 8, psnrDb: 30 });
    await appendFile(join(folder, 'log.jsonl'), '{"type":"steps","st');
    const resumed = open(4);
    resumed.report(started(4));
    for (let i = 5; i <= 8; i++) resumed.report(step(i, 1));
    resumed.report({ type: 'validation', step: 8, psnrDb: Number.NaN });
    const records = readRunLog(join(folder, 'log.jsonl'));
    const summary = records.map((record) => [record.type, record.step]);
    expect(summary).toEqual([
      ['start', 0],
      ['steps', 4],
      ['start', 4],
      ['steps', 8],
      ['validation', 8],
    ]);
    expect(records.at(-1)).toMatchObject({ psnrDb: null });
    expect(records.at(-2)).toMatchObject({ primalLoss: 1 });
  });

  test('begins anew with a new run', async () => {
    open(0).report(started(0));
    open(0).report(started(0));
    expect((await readFile(join(folder, 'log.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(1);
  });
});
