import { expect, test } from 'vitest';
import { WorkLog } from '../../../src/jobs/worker/work-log.ts';

function logging() {
  const lines: string[] = [];
  const clock = { ms: Date.UTC(2026, 0, 1) };
  const log = new WorkLog(
    () => clock.ms,
    (line) => void lines.push(line),
  );
  return { log, lines, clock };
}

test('stages, measurements and notes are a line each, with the time', () => {
  const { log, lines } = logging();
  log.message({ type: 'stage', stage: 'data', steps: 0 });
  log.message({ type: 'stage', stage: 'fine-tune', steps: 500 });
  log.message({ type: 'event', body: { type: 'validation', data: { step: 50, psnrDb: 28.004 } } });
  const latency = { kind: 'predicted', model: 'slim', ms: 9.999, width: 64, height: 48 } as const;
  log.message({ type: 'event', body: { type: 'latency', data: latency } });
  log.message({ type: 'event', body: { type: 'note', data: { level: 'warning', message: 'a\r\nb' } } });
  log.message({ type: 'failed', code: 'DS_BAD_DATA', message: 'no pictures' });
  const texts = [
    'stage data',
    'stage fine-tune, 500 steps',
    'step 50: PSNR 28.00 dB on held-out pictures',
    'latency predicted: 10.00 ms of slim at 64x48',
    'warning: a b',
    'failed: DS_BAD_DATA: no pictures',
  ];
  expect(lines).toEqual(texts.map((text) => `2026-01-01T00:00:00.000Z ${text}\n`));
});

test('of steps there is the first of a stage, one in ten seconds, and the last', () => {
  const { log, lines, clock } = logging();
  log.message({ type: 'stage', stage: 'train', steps: 40 });
  for (let step = 1; step <= 40; step++) {
    log.message({ type: 'step', step, steps: 40, numbers: { loss: 0.5 } });
    clock.ms += 1000;
  }
  const steps = lines.slice(1).map((line) => Number(/ step (\d+)\/40, loss 0\.50000/.exec(line)?.[1]));
  expect(steps).toEqual([1, 11, 21, 31, 40]);
});
