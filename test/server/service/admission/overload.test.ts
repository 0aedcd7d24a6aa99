import { expect, test } from 'vitest';
import { createRandom } from '../../../../src/core/random.ts';
import { Admission } from '../../../../src/server/service/admission/admission.ts';

const DEADLINE_MS = 5000;
const COSTS = [2, 10, 40, 100];
/** Cost units a millisecond that the two slots together get done. */
const PACE = 0.2;

/** Requests come at `load` times what can be done, for a minute of a clock that only moves from event to event. */
async function simulate(load: number, paceAt: (time: number) => number) {
  let time = 0;
  const random = createRandom(5);
  const events: { at: number; run: () => void }[] = [];
  const at = (when: number, run: () => void) => {
    const index = events.findLastIndex((event) => event.at <= when);
    events.splice(index + 1, 0, { at: when, run });
  };
  const admission = new Admission({ concurrency: 2, queueLimit: 1e6, queueCost: 1e9, now: () => time });
  const done: { cost: number; tookMs: number }[] = [];
  const codes: Record<string, number> = {};
  let lateMs = 0;
  const request = () => {
    const [cost, start] = [COSTS[Math.floor(random() * COSTS.length)] as number, time];
    const task = () => new Promise<void>((resolve) => at(time + cost / (paceAt(time) / 2), resolve));
    admission.run({ cost, deadline: start + DEADLINE_MS }, task).then(
      () => {
        lateMs = Math.max(lateMs, time - start - DEADLINE_MS);
        if (time - start <= DEADLINE_MS) done.push({ cost, tookMs: time - start });
      },
      ({ code }: { code: string }) => {
        codes[code] = (codes[code] ?? 0) + 1;
      },
    );
  };
  const meanCost = COSTS.reduce((sum, cost) => sum + cost) / COSTS.length;
  for (let when = 0; when < 60_000; when += meanCost / (PACE * load)) at(when, request);
  while (events.length > 0) {
    const next = events.shift();
    time = next?.at as number;
    next?.run();
    // Promises settle before the clock moves on.
    for (let i = 0; i < 6; i++) await Promise.resolve();
  }
  return { work: done.reduce((sum, { cost }) => sum + cost, 0), done, codes, lateMs, endMs: time };
}

test('ten times too much: the machine stays busy with work that ends in time, the rest is refused', async () => {
  const { work, codes, done, endMs } = await simulate(10, () => PACE);
  expect(work / (PACE * 60_000)).toBeGreaterThan(0.9);
  expect(Object.keys(codes).every((code) => code === 'DS_BUSY' || code === 'DS_DEADLINE')).toBe(true);
  // Hardly any work is taken in and then given up.
  expect((codes['DS_DEADLINE'] ?? 0) / done.length).toBeLessThan(0.1);
  expect(endMs).toBeLessThan(60_000 + 1.5 * DEADLINE_MS);
});

test('half of what it can do: nothing is refused', async () => {
  const { codes, lateMs } = await simulate(0.5, () => PACE);
  expect(codes).toEqual({});
  expect(lateMs).toBeLessThanOrEqual(0);
});

test('a machine that was ten times slower for a while serves as before when it is over', async () => {
  const { done } = await simulate(3, (time) => (time > 10_000 && time < 25_000 ? PACE / 10 : PACE));
  const { done: steady } = await simulate(3, () => PACE);
  // Three quarters of the time are as they were.
  expect(done.length / steady.length).toBeGreaterThan(0.6);
});
