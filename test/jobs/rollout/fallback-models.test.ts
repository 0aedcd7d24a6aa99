import { expect, test } from 'vitest';
import type { Activation } from '../../../src/jobs/rollout/activation.ts';
import { mayFallBack } from '../../../src/jobs/rollout/fallback-models.ts';

const JOB = 'job-0123456789abcdef';

function model(id: string, data: string) {
  return { id, provenance: { trainer: '0', data, seeds: [], steps: 0, recipe: {}, date: '', machine: '' } };
}

/** Latest first, as `<model>` after `<previous>`. */
const history = (...entries: [modelId: string, previousModelId: string, reason: Activation['reason']][]) =>
  entries.map(([modelId, previousModelId, reason]): Activation => {
    return { time: '', scale: 4, modelId, previousModelId, reason, job: null, detail: '' };
  });

const shipped = model('shipped', 'photographs');
const made = model('made', `20 photographs, ${JOB}`);

test('models of the folder may, what a job made waits to be activated', () => {
  expect([mayFallBack(shipped, []), mayFallBack(made, [])]).toEqual([true, false]);
  expect(mayFallBack(made, history(['other', 'shipped', 'operator']))).toBe(false);
  expect(mayFallBack(made, history(['made', 'shipped', 'job']))).toBe(true);
});

test('a model that another was activated over may, one that was rolled back may not until it is activated again', () => {
  const over = history(['shipped', 'made', 'operator'], ['made', 'shipped', 'job']);
  expect([mayFallBack(made, over), mayFallBack(shipped, over)]).toEqual([true, true]);
  for (const reason of ['rollback', 'automatic-rollback'] as const) {
    const back = history(['shipped', 'made', reason], ['made', 'shipped', 'job']);
    expect([mayFallBack(made, back), mayFallBack(shipped, back)]).toEqual([false, true]);
    expect(mayFallBack(made, [...history(['made', 'shipped', 'operator']), ...back])).toBe(true);
  }
});
