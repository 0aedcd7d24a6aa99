import { expect, test } from 'vitest';
import { Emitter, guard, guardPredicate } from '../../src/core/guarded.ts';

test('an emitter calls each listener once, whatever the others do, until it is stopped', async () => {
  const errors: unknown[] = [];
  const heard: string[] = [];
  const emitter = new Emitter<string>((error) => void errors.push(String(error)));
  emitter.on(() => {
    throw 'thrown';
  });
  emitter.on(() => Promise.reject('rejected'));
  const listener = (event: string) => void heard.push(event);
  const stop = emitter.on(listener);
  emitter.on(listener);
  emitter.emit('a');
  stop();
  stop();
  emitter.emit('b');
  await Promise.resolve();
  expect(heard).toEqual(['a', 'a', 'b']);
  expect(errors.sort()).toEqual(['rejected', 'rejected', 'thrown', 'thrown']);
});

test('a guarded function gives nothing back', () => {
  expect(
    guard(
      (a: number) => a + 1,
      () => {},
    )(1),
  ).toBeUndefined();
});

test('a guarded predicate answers false where there is no answer', () => {
  const ignore = () => {};
  expect(guardPredicate(() => true, ignore)()).toBe(true);
  expect(guardPredicate(() => Promise.resolve(true), ignore)()).toBe(false);
  const failing = guardPredicate(() => {
    throw new Error('failed');
  }, ignore);
  expect(failing()).toBe(false);
});
