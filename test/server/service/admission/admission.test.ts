import { expect, test } from 'vitest';
import { Admission, type AdmissionOptions, type Load } from '../../../../src/server/service/admission/admission.ts';

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

const create = (options: Partial<AdmissionOptions> = {}) =>
  new Admission({ concurrency: 1, queueLimit: 9, queueCost: 1000, now: () => 0, ...options });

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('no more than `concurrency` tasks run, the others follow in their order', async () => {
  const admission = create({ concurrency: 2, queueLimit: 9 });
  const tasks = [held(), held(), held(), held()];
  const runs = tasks.map(({ task }) => admission.run({ cost: 1 }, task));
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
  const admission = create({ concurrency: 1, queueLimit: 0 });
  await expect(admission.run({ cost: 1 }, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await admission.run({ cost: 1 }, async () => 5)).toBe(5);
});

test('who is aborted while waiting never runs and does not hold up the next', async () => {
  const admission = create({ concurrency: 1, queueLimit: 9 });
  const [first, second, third] = [held(), held(), held()];
  const controller = new AbortController();
  const runs = [
    admission.run({ cost: 1 }, first.task),
    admission.run({ cost: 1, signal: controller.signal }, second.task),
    admission.run({ cost: 1 }, third.task),
  ];
  controller.abort();
  await expect(runs[1]).rejects.toMatchObject({ code: 'DS_ABORTED' });
  first.end();
  third.end();
  await Promise.all([runs[0], runs[2]]);
  expect([second.isRunning(), third.isRunning()]).toEqual([false, true]);
});

test('places are bounded by concurrency plus queueLimit, and giving one back twice frees one', () => {
  const admission = create({ concurrency: 1, queueLimit: 2 });
  const leave = [admission.reserve(), admission.reserve(), admission.reserve()];
  expect(() => admission.reserve()).toThrowError(expect.objectContaining({ code: 'DS_BUSY', status: 503 }));
  leave[0]();
  leave[0]();
  admission.reserve();
  expect(() => admission.reserve()).toThrow();
});

/** A clock that work moves on: 100 cost units take a second. */
function paced(options: Partial<AdmissionOptions> = {}) {
  let time = 0;
  const admission = create({ now: () => time, ...options });
  const work = (cost: number) => async () => {
    time += cost * 10;
  };
  const pass = (ms: number) => {
    time += ms;
  };
  return { admission, work, now: () => time, pass };
}

test('the forecast is what runs, what waits and the work itself, at the pace of the latest work', async () => {
  const { admission, work, pass } = paced();
  expect(admission.predictedMs(100)).toBe(0);
  await admission.run({ cost: 300 }, work(300));
  expect(admission.predictedMs(100)).toBeCloseTo(1000);
  const running = held();
  const [first, second] = [admission.run({ cost: 200 }, running.task), admission.run({ cost: 400 }, async () => {})];
  expect(admission.predictedMs(100)).toBeCloseTo(7000);
  expect(admission.retryAfterSeconds()).toBe(6);
  pass(1500);
  expect(admission.predictedMs(100)).toBeCloseTo(5500);
  // However long it took already, something of it is left.
  pass(60_000);
  expect(admission.predictedMs(100)).toBeCloseTo(5200);
  running.end();
  await Promise.all([first, second]);
});

test('work that would be late is refused at once, the rest is taken', async () => {
  const { admission, work, now } = paced();
  await admission.run({ cost: 100 }, work(100));
  const running = held();
  const first = admission.run({ cost: 300, deadline: now() + 10_000 }, running.task);
  const late = admission.run({ cost: 100, deadline: now() + 3900 }, async () => 'late');
  await expect(late).rejects.toMatchObject({ code: 'DS_BUSY' });
  const timely = admission.run({ cost: 100, deadline: now() + 4100 }, async () => 'timely');
  running.end();
  expect(await timely).toBe('timely');
  await first;
  // Nothing ahead: only trying tells.
  expect(await admission.run({ cost: 1000, deadline: now() + 1 }, async () => 'tried')).toBe('tried');
});

test('work whose time ran out while it waited never runs', async () => {
  const { admission, work, now, pass } = paced();
  await admission.run({ cost: 100 }, work(100));
  const running = held();
  const first = admission.run({ cost: 100 }, running.task);
  let ran = false;
  const late = admission.run({ cost: 100, deadline: now() + 2500 }, async () => {
    ran = true;
  });
  const patient = admission.run({ cost: 100 }, async () => 'patient');
  pass(2000);
  running.end();
  await expect(late).rejects.toMatchObject({ code: 'DS_DEADLINE', status: 503 });
  expect([await patient, ran]).toEqual(['patient', false]);
  await first;
});

test('a deadline that moves while the work waits counts as it is when its turn comes', async () => {
  const { admission, work, now, pass } = paced();
  await admission.run({ cost: 100 }, work(100));
  const running = held();
  const first = admission.run({ cost: 100 }, running.task);
  const moving = { cost: 100, deadline: (now() + 2500) as number | undefined };
  const joined = admission.run(moving, async () => 'joined');
  moving.deadline = undefined;
  pass(2000);
  running.end();
  expect(await joined).toBe('joined');
  await first;
});

test('the cost that waits is bounded for work with a deadline; one alone may be larger', async () => {
  const admission = create({ queueCost: 50 });
  const running = held();
  const [deadline, task] = [1e9, async () => 'done'];
  const first = admission.run({ cost: 1 }, running.task);
  const large = admission.run({ cost: 80, deadline }, task);
  await expect(admission.run({ cost: 1, deadline }, task)).rejects.toMatchObject({ code: 'DS_BUSY' });
  const patient = admission.run({ cost: 1 }, task);
  running.end();
  expect(await Promise.all([large, patient])).toEqual(['done', 'done']);
  await first;
});

test('closed: what is there ends, what comes is refused, and idle says when', async () => {
  const admission = create();
  const running = held();
  const both = [admission.run({ cost: 1 }, running.task), admission.run({ cost: 1 }, async () => {})];
  admission.close();
  await expect(admission.run({ cost: 1 }, async () => {})).rejects.toMatchObject({ code: 'DS_CLOSING', status: 503 });
  expect(() => admission.reserve()).toThrowError(expect.objectContaining({ code: 'DS_CLOSING' }));
  let isIdle = false;
  const idle = admission.idle().then(() => {
    isIdle = true;
  });
  await settle();
  expect(isIdle).toBe(false);
  running.end();
  await Promise.all([...both, idle]);
  await admission.idle();
});

test('every change is told, and in the end nothing is left', async () => {
  const loads: Load[] = [];
  const admission = create({ onChange: (load) => void loads.push(load) });
  const running = held();
  const controller = new AbortController();
  const first = admission.run({ cost: 0.1 }, running.task);
  const left = admission.run({ cost: 0.2, signal: controller.signal }, async () => {});
  const last = admission.run({ cost: 0.3 }, async () => {});
  expect(loads.at(-1)).toEqual({ running: 1, waiting: 2, waitingCost: 0.5 });
  controller.abort();
  expect(loads.at(-1)).toMatchObject({ running: 1, waiting: 1 });
  running.end();
  await Promise.allSettled([first, left, last]);
  expect(loads.at(-1)).toEqual({ running: 0, waiting: 0, waitingCost: 0 });
});

test.each([{ concurrency: 0 }, { concurrency: 1.5 }, { queueLimit: -1 }, { queueCost: 0 }, { queueCost: Number.NaN }])(
  '%j is refused',
  (options) => {
    expect(() => create(options)).toThrowError(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
  },
);
