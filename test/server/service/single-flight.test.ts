import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type FlightView, SingleFlight } from '../../../src/server/service/single-flight.ts';

const never = () => ({ signal: new AbortController().signal });

test('equal keys at the same time share one run, later ones start a new one', async () => {
  const flights = new SingleFlight<number>();
  let runs = 0;
  const work = async () => {
    await sleep(10);
    runs += 1;
    return runs;
  };
  const together = await Promise.all([1, 2, 3].map(() => flights.run('a', work, never())));
  expect(together).toEqual([1, 1, 1]);
  expect(await flights.run('b', work, never())).toBe(2);
  expect(await flights.run('a', work, never())).toBe(3);
});

test('a failure reaches everyone who waits and is not kept', async () => {
  const flights = new SingleFlight<number>();
  const fail = () => Promise.reject(new Error('no'));
  const results = await Promise.allSettled([flights.run('a', fail, never()), flights.run('a', fail, never())]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await flights.run('a', async () => 7, never())).toBe(7);
});

test('one who leaves is let go at once; the work goes on for the others', async () => {
  const flights = new SingleFlight<string>();
  const leaving = new AbortController();
  let isAborted = false;
  const work = async ({ signal }: FlightView) => {
    signal.addEventListener('abort', () => {
      isAborted = true;
    });
    await sleep(30);
    return 'done';
  };
  const first = flights.run('a', work, leaving);
  const second = flights.run('a', work, never());
  leaving.abort();
  await expect(first).rejects.toMatchObject({ code: 'DS_ABORTED' });
  await expect(second).resolves.toBe('done');
  expect(isAborted).toBe(false);
});

test('when the last one leaves the work is aborted, and a newcomer gets a fresh run', async () => {
  const flights = new SingleFlight<string>();
  const leaving = new AbortController();
  const aborted: string[] = [];
  const work =
    (name: string) =>
    async ({ signal }: FlightView) => {
      signal.addEventListener('abort', () => aborted.push(name));
      await sleep(20);
      return name;
    };
  const first = flights.run('a', work('first'), leaving);
  leaving.abort();
  await expect(first).rejects.toMatchObject({ code: 'DS_ABORTED' });
  expect(await flights.run('a', work('second'), never())).toBe('second');
  expect(aborted).toEqual(['first']);
});

test('a signal that fired before starts nothing', async () => {
  const flights = new SingleFlight<number>();
  let runs = 0;
  const work = async () => ++runs;
  await expect(flights.run('a', work, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'DS_ABORTED' });
  expect(runs).toBe(0);
});

test('work may take as long as the most patient of those who wait', async () => {
  const flights = new SingleFlight<string>();
  const seen: (number | undefined)[] = [];
  const leaving = new AbortController();
  const work = async (flight: FlightView) => {
    seen.push(flight.deadline);
    await sleep(10);
    seen.push(flight.deadline);
    leaving.abort();
    seen.push(flight.deadline);
    return 'done';
  };
  const first = flights.run('a', work, { ...never(), deadline: 100 });
  const second = flights.run('a', work, { ...never(), deadline: 300 });
  const patient = flights.run('a', work, leaving);
  await expect(patient).rejects.toMatchObject({ code: 'DS_ABORTED' });
  expect(await Promise.all([first, second])).toEqual(['done', 'done']);
  expect(seen).toEqual([100, undefined, 300]);
});
