import { expect, test } from 'vitest';
import { ServiceTimeEstimator } from '../../../../src/server/service/admission/service-time.ts';

/** A machine whose clock the test moves. */
function machine() {
  let time = 0;
  const pace = new ServiceTimeEstimator(() => time);
  return {
    pace,
    pass: (ms: number) => {
      time += ms;
    },
    run(model: string, cost: number, ms: number) {
      const done = pace.start(model);
      time += ms;
      done(cost);
    },
  };
}

test('nothing is known until something was finished, also when it was given up', () => {
  const { pace, run } = machine();
  run('large', 0, 500);
  expect([pace.aloneMs('large', 10), pace.relative('large')]).toEqual([undefined, 1]);
});

test('a model takes what it took, one that was never run what its cost says', () => {
  const { pace, run } = machine();
  run('large', 10, 100);
  expect([pace.aloneMs('large', 20), pace.aloneMs('small', 5)]).toEqual([200, 50]);
});

test('models that get unequally much out of the machine are told apart', () => {
  const { pace, run } = machine();
  for (let i = 0; i < 40; i++) {
    run('large', 10, 100);
    run('small', 2, 40);
  }
  expect(Math.abs((pace.aloneMs('large', 10) as number) / 100 - 1)).toBeLessThan(0.02);
  expect(Math.abs((pace.aloneMs('small', 2) as number) / 40 - 1)).toBeLessThan(0.02);
  // Twelve units take 140 milliseconds together.
  expect(pace.relative('large')).toBeCloseTo(10 / (140 / 12), 1);
  expect(pace.relative('small')).toBeCloseTo(20 / (140 / 12), 1);
});

test('pictures made at the same time share the clock: what one takes alone does not grow with what is beside it', () => {
  const { pace, pass } = machine();
  const [first, second] = [pace.start('large'), pace.start('large')];
  pass(200);
  first(10);
  second(10);
  expect(pace.aloneMs('large', 10)).toBeCloseTo(100);
});

test('a machine that slows down slows every model, also those that did not run', () => {
  const { pace, run } = machine();
  for (let i = 0; i < 5; i++) run('large', 10, 100);
  for (let i = 0; i < 5; i++) run('small', 2, 20);
  for (let i = 0; i < 20; i++) run('small', 2, 40);
  expect(pace.aloneMs('large', 10)).toBeGreaterThan(150);
  for (let i = 0; i < 20; i++) run('small', 2, 20);
  expect(pace.aloneMs('large', 10)).toBeLessThan(125);
});

test('one slow start does not shut a model out', () => {
  const { pace, run, pass } = machine();
  for (let i = 0; i < 10; i++) run('large', 10, 100);
  run('small', 2, 400);
  expect(pace.aloneMs('small', 2)).toBeLessThan(35);
  expect(pace.aloneMs('large', 10)).toBeCloseTo(100);
  pass(300_000);
  expect(pace.aloneMs('small', 2)).toBeCloseTo(20, 0);
});
