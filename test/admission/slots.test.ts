import { expect, test } from 'vitest';
import { createSlots } from '../../src/admission/slots.ts';

/** A task that ends when told, and says that it runs. */
function held() {
  let end = () => {};
  let isRunning = false;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const task = async () => {
    isRunning = true;
    await ended;
  };
  return { task, end: () => end(), isRunning: () => isRunning };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('no more than `concurrency` tasks run, the others follow in their order', async () => {
  const slots = createSlots({ concurrency: 2, queueLimit: 9, now: () => 0 });
  const tasks = [held(), held(), held(), held()];
  const runs = tasks.map(({ task }) => slots.run(task));
  await settle();
  expect(tasks.map((t) => t.isRunning())).toEqual([true, true, false, false]);
  tasks[1].end();
  await settle();
  expect(tasks.map((t) => t.isRunning())).toEqual([true, true, true, false]);
  for (const { end } of tasks) end();
  await Promise.all(runs);
  expect(tasks[3].isRunning()).toBe(true);
});

test('a task that fails gives its slot back', async () => {
  const slots = createSlots({ concurrency: 1, queueLimit: 0, now: () => 0 });
  await expect(slots.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await slots.run(async () => 5)).toBe(5);
});

test('who is aborted while waiting never runs and does not hold up the next', async () => {
  const slots = createSlots({ concurrency: 1, queueLimit: 9, now: () => 0 });
  const [first, second, third] = [held(), held(), held()];
  const controller = new AbortController();
  const runs = [slots.run(first.task), slots.run(second.task, controller.signal), slots.run(third.task)];
  controller.abort();
  await expect(runs[1]).rejects.toMatchObject({ code: 'DS_ABORTED' });
  first.end();
  third.end();
  await Promise.all([runs[0], runs[2]]);
  expect([second.isRunning(), third.isRunning()]).toEqual([false, true]);
});

test('places are bounded by concurrency plus queueLimit, and giving one back twice frees one', () => {
  const slots = createSlots({ concurrency: 1, queueLimit: 2, now: () => 0 });
  const leave = [slots.reserve(), slots.reserve(), slots.reserve()];
  expect(() => slots.reserve()).toThrowError(expect.objectContaining({ code: 'DS_BUSY', status: 503 }));
  leave[0]();
  leave[0]();
  slots.reserve();
  expect(() => slots.reserve()).toThrow();
});

test('the advised wait is what is ahead at the pace of the latest tasks', async () => {
  let time = 0;
  const slots = createSlots({ concurrency: 2, queueLimit: 8, now: () => time });
  expect(slots.retryAfterSeconds()).toBe(1);
  await slots.run(async () => {
    time += 3000;
  });
  for (let i = 0; i < 10; i++) slots.reserve();
  // Ten pictures of 3 s in two slots.
  expect(slots.retryAfterSeconds()).toBe(15);
});

test.each([
  { concurrency: 0, queueLimit: 1 },
  { concurrency: 1.5, queueLimit: 1 },
  { concurrency: 1, queueLimit: -1 },
])('$concurrency and $queueLimit are refused', (options) => {
  expect(() => createSlots({ ...options, now: () => 0 })).toThrowError(
    expect.objectContaining({ code: 'DS_BAD_OPTION' }),
  );
});
