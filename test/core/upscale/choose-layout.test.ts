import { describe, expect, test } from 'vitest';
import { chooseLayout } from '../../../src/core/upscale/plan-tiles.ts';

const small = { width: 128, height: 128, halo: 18, maxTilePixels: 65_536, workers: 2, threadsPerWorker: 1 };

describe('chooseLayout', () => {
  test('a small picture alone takes one tile with every thread', () => {
    const { tiles, threads } = chooseLayout({ ...small, idleWorkers: 2 });
    expect([tiles.length, threads]).toEqual([1, 2]);
  });

  test.each([0, 1])('with %i of 2 workers idle it takes one tile with one thread', (idleWorkers) => {
    const { tiles, threads } = chooseLayout({ ...small, idleWorkers });
    expect([tiles.length, threads]).toEqual([1, 1]);
  });

  test('while other pictures are decoded or encoded it leaves them a worker, though all are idle', () => {
    const { tiles, threads } = chooseLayout({ ...small, idleWorkers: 2, isShared: true });
    expect([tiles.length, threads]).toEqual([1, 1]);
  });

  test('a large picture alone gives every worker the same number of tiles', () => {
    const { tiles, threads } = chooseLayout({ ...small, width: 900, height: 600, workers: 4, idleWorkers: 4 });
    expect(tiles.length % 4).toBe(0);
    expect(threads).toBe(1);
  });

  test('with many cores a picture is split once that beats threads, whose gain levels off', () => {
    const { tiles, threads } = chooseLayout({ ...small, width: 256, height: 256, workers: 16, idleWorkers: 16 });
    expect(tiles.length).toBeGreaterThan(1);
    expect(threads).toBe(1);
  });

  test('a network that needs the whole picture takes every thread', () => {
    const { tiles, threads } = chooseLayout({ ...small, halo: undefined, idleWorkers: 2 });
    expect([tiles.length, threads]).toEqual([1, 2]);
  });
});
