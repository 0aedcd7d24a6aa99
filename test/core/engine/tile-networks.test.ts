import { describe, expect, test } from 'vitest';
import { createTileNetworks, type TileNetwork } from '../../../src/core/engine/tile/tile-networks.ts';
import type { TileTask } from '../../../src/core/engine/tile/tile-task.ts';

const task = (digest: string, more: object = {}) =>
  ({ model: { digest }, runtime: { engine: 'onnx', provider: 'cpu' }, threads: 1, ...more }) as unknown as TileTask;

/** Networks that note when they are made and released, on a clock that the test sets. */
function counted() {
  const clock = { now: 0 };
  const events: string[] = [];
  const create = async ({ model: { digest }, estimate }: TileTask): Promise<TileNetwork> => {
    const name = estimate ? `${digest} estimator` : digest;
    if (digest === 'broken') throw new Error('damaged');
    events.push(`+${name}`);
    return { run: () => Promise.resolve(), release: async () => void events.push(`-${name}`) };
  };
  const networkFor = createTileNetworks(create, () => clock.now);
  const ask = async (...tasks: readonly TileTask[]) => {
    for (const one of tasks) await networkFor(one);
  };
  return { clock, events, ask };
}

const digests = (count: number) => Array.from({ length: count }, (_, i) => task(String(i)));

describe('createTileNetworks', () => {
  test('what a server with all scales uses in turns is made once', async () => {
    const { events, ask } = counted();
    for (let round = 0; round < 3; round++) await ask(...digests(16));
    expect(events).toEqual(digests(16).map(({ model }) => `+${model.digest}`));
  });

  test('beyond that the least recently used one goes', async () => {
    const { events, ask } = counted();
    await ask(...digests(16), task('0'), task('new'));
    expect(events.slice(16)).toEqual(['+new', '-1']);
  });

  test('those that nobody asked for in a minute go, but for four', async () => {
    const { clock, events, ask } = counted();
    await ask(...digests(8));
    clock.now = 60_001;
    await ask(task('7'));
    expect(events.slice(8)).toEqual(['-0', '-1', '-2', '-3']);
  });

  test('an estimator is not the network it belongs to; threads and models are told apart', async () => {
    const { events, ask } = counted();
    const estimate = { estimate: new SharedArrayBuffer(4) };
    await ask(task('a', estimate), task('a', estimate), task('a'), task('a', { threads: 2 }));
    expect(events).toEqual(['+a estimator', '+a', '+a']);
  });

  test('one that cannot be made is tried anew, and hinders no other', async () => {
    const { clock, events, ask } = counted();
    await expect(ask(task('broken'))).rejects.toThrow('damaged');
    await expect(ask(task('broken'))).rejects.toThrow('damaged');
    await ask(...digests(6));
    clock.now = 60_001;
    await ask(task('5'));
    expect(events).toContain('-0');
  });
});
