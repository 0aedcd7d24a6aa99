import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ModelManifest } from '../../../src/core/models/manifest.ts';
import type { Enlargement, Serving } from '../../../src/core/upscale/serving.ts';
import { EventLog } from '../../../src/jobs/events/event-log.ts';
import type { JobRequest } from '../../../src/jobs/queue/job.ts';
import { Activator } from '../../../src/jobs/rollout/activator.ts';
import type { Evaluation } from '../../../src/jobs/rollout/evaluation.ts';
import { gate } from '../../../src/jobs/rollout/gate.ts';
import { createRollbackWatch } from '../../../src/jobs/rollout/rollback-watch.ts';
import { createServingStats } from '../../../src/jobs/rollout/serving-stats.ts';

/** Serving as a table: which model serves is all that matters here. @param loadMs until a model serves */
function createTable(first: string, ids: readonly string[], loadMs = 0) {
  const models = ids.map((id) => ({ id, scale: 4 }) as ModelManifest);
  let active = first;
  const serving: Pick<Serving, 'models' | 'servedBy' | 'activate' | 'reload'> = {
    models,
    servedBy: (scale) => (scale === 4 ? models.find(({ id }) => id === active) : undefined),
    async activate(_, id) {
      if (loadMs > 0) await sleep(loadMs);
      active = id;
    },
    reload: async () => {},
  };
  return serving as Serving;
}

const OPERATOR = { reason: 'operator', job: null, detail: '' } as const;
const BACK = { reason: 'rollback', job: null, detail: '' } as const;

let directory: string;
let log: EventLog;
const warnings: string[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dualscale-activation-'));
  log = new EventLog({ now: Date.now });
});
afterEach(async () => {
  await log.close();
  await rm(directory, { recursive: true });
});

const open = (serving: Serving) =>
  Activator.open({ serving, log, path: join(directory, 'models.jsonl'), warn: (text) => void warnings.push(text) });

describe('the history of a scale', () => {
  test('is gone back through one by one, and no further than its beginning', async () => {
    const serving = createTable('a', ['a', 'b', 'c', 'd']);
    const activator = await open(serving);
    for (const id of ['b', 'c', 'd']) await activator.activate(id, OPERATOR);
    const served: (string | undefined)[] = [];
    for (let i = 0; i < 2; i++) served.push((await activator.rollback(4, BACK)).modelId);
    // Forward again, then all the way back.
    await activator.activate('d', OPERATOR);
    for (let i = 0; i < 2; i++) served.push((await activator.rollback(4, BACK)).modelId);
    expect(served).toEqual(['c', 'b', 'b', 'a']);
    await expect(activator.rollback(4, BACK)).rejects.toMatchObject({ code: 'DS_CONFLICT' });
    expect(serving.servedBy(4)?.id).toBe('a');
  });

  test('survives a restart, with what serves', async () => {
    const first = await open(createTable('a', ['a', 'b']));
    await first.activate('b', { reason: 'job', job: 'job-0000000000000001', detail: '' });
    await log.close();
    log = new EventLog({ now: Date.now });
    const serving = createTable('a', ['a', 'b']);
    const again = await open(serving);
    await again.restore();
    expect(serving.servedBy(4)?.id).toBe('b');
    expect(again.wasActivatedBy('job-0000000000000001')).toBe(true);
    expect((await again.rollback(4, BACK)).modelId).toBe('a');
  });

  test('knows no model that is not there', async () => {
    await expect((await open(createTable('a', ['a']))).activate('z', OPERATOR)).rejects.toMatchObject({
      code: 'DS_MODEL_NOT_FOUND',
    });
  });
});

const input = { bytes: Buffer.alloc(0) };

describe('a model that has just begun to serve', () => {
  async function watchSwitch(sampleOf: (modelId: string, i: number) => Partial<Enlargement>, count: number) {
    const serving = createTable('old', ['old', 'new']);
    const activator = await open(serving);
    const stats = createServingStats(() => performance.now());
    const rolledBack: string[] = [];
    const warn = (text: string) =>
      void rolledBack.push(/^(\S+) was replaced by the model before it/.exec(text)?.[1] ?? text);
    const watch = createRollbackWatch({ minRequests: 10 }, { activator, stats, now: Date.now, warn });
    const record = (modelId: string, i: number) =>
      stats.record({ modelId, scale: 4, milliseconds: 100, outputPixels: 1e6, input, ...sampleOf(modelId, i) });
    for (let i = 0; i < 30; i++) record('old', i);
    await activator.activate('new', OPERATOR);
    expect(watch.watching()).toMatchObject([{ modelId: 'new', previousModelId: 'old' }]);
    for (let i = 0; i < count; i++) record('new', i);
    await new Promise((resolve) => setTimeout(resolve, 20));
    watch.close();
    return { serves: serving.servedBy(4)?.id, rolledBack, last: activator.history()[0] };
  }

  test('goes on when it does as well as the one before', async () => {
    expect(await watchSwitch(() => ({}), 50)).toMatchObject({ serves: 'new', rolledBack: [] });
  });

  test('is replaced when too many pictures fail', async () => {
    const result = await watchSwitch((id, i) => (id === 'new' && i % 3 === 0 ? { error: 'DS_ENGINE' } : {}), 50);
    expect(result).toMatchObject({ serves: 'old', rolledBack: ['new'], last: { reason: 'automatic-rollback' } });
  });

  test('is replaced when it takes too long for each pixel', async () => {
    const result = await watchSwitch((id) => (id === 'new' ? { milliseconds: 200 } : {}), 50);
    expect(result).toMatchObject({
      serves: 'old',
      last: { detail: expect.stringContaining('200.0 ms per megapixel') },
    });
  });

  test('is not blamed for larger pictures, damaged ones, and clients that leave', async () => {
    const sampleOf = (id: string, i: number): Partial<Enlargement> => {
      if (id === 'old') return {};
      if (i % 3 === 0) return { error: i % 2 === 0 ? 'DS_BAD_IMAGE' : 'DS_ABORTED' };
      return { milliseconds: 300, outputPixels: 3e6 };
    };
    expect(await watchSwitch(sampleOf, 60)).toMatchObject({ serves: 'new', rolledBack: [] });
  });

  test('is not put back over the one that an operator has put in its place meanwhile', async () => {
    const serving = createTable('a', ['a', 'b', 'c'], 50);
    const activator = await open(serving);
    const stats = createServingStats(() => performance.now());
    const rolledBack: string[] = [];
    const warn = (text: string) =>
      void rolledBack.push(/^(\S+) was replaced by the model before it/.exec(text)?.[1] ?? text);
    const watch = createRollbackWatch({ minRequests: 10 }, { activator, stats, now: Date.now, warn });
    await activator.activate('b', OPERATOR);
    const failOnce = () =>
      stats.record({ modelId: 'b', scale: 4, milliseconds: 100, outputPixels: 1e6, input, error: 'DS_ENGINE' });
    for (let i = 0; i < 9; i++) failOnce();
    const replaced = activator.activate('c', OPERATOR);
    await sleep(10);
    // The tenth comes while the replacement is being loaded.
    failOnce();
    await replaced;
    await sleep(150);
    expect(serving.servedBy(4)?.id).toBe('c');
    expect(activator.history().map(({ modelId }) => modelId)).toEqual(['c', 'b']);
    expect(rolledBack).toEqual([]);
    expect(watch.watching()).toMatchObject([{ modelId: 'c', previousModelId: 'b' }]);
    watch.close();
  });

  test('is not rolled back for its first few pictures', async () => {
    expect(await watchSwitch((id) => (id === 'new' ? { error: 'DS_ENGINE' } : {}), 9)).toMatchObject({ serves: 'new' });
  });
});

describe('the gate', () => {
  const evaluation = (changes: object): Evaluation => ({
    modelId: 'm',
    parameters: 1,
    macs: 1000,
    psnrDb: 30,
    consistencyDb: 44,
    pictures: 4,
    latency: { medianMs: 10, percentileMs: 10, percentile: 50, width: 64, height: 64, runs: 20, threads: 1 },
    ...changes,
  });
  const latency = (percentileMs: number) => ({ latency: { ...evaluation({}).latency, percentileMs } });
  const request = { type: 'compress', maxPsnrDropDb: 0.5 } as JobRequest;
  const size = { width: 64, height: 64, percentile: 50, engine: 'onnx' } as const;
  const full = evaluation({});

  test.each([
    ['as good', {}, {}, 'passed', []],
    ['half a decibel worse', {}, { psnrDb: 29.5 }, 'passed', []],
    ['more than that worse', {}, { psnrDb: 29.499 }, 'refused', ['psnr']],
    ['never seen a held-out picture', {}, { psnrDb: null, consistencyDb: null }, 'refused', ['psnr']],
    ['less true to its input', {}, { consistencyDb: 42.9 }, 'refused', ['consistency']],
    ['just within the latency', { latencyMs: 6, ...size }, latency(6), 'passed', []],
    ['just above the latency', { latencyMs: 6, ...size }, latency(6.01), 'refused', ['latency']],
    ['within the share', { ratio: 0.6 }, latency(5.9), 'passed', []],
    ['above the share', { ratio: 0.6 }, latency(6.1), 'refused', ['latency']],
    ['too much work', { macs: 999 }, {}, 'refused', ['macs']],
  ] as const)('%s', (_, target, changes, verdict, failed) => {
    const asked = Object.keys(target).length === 0 ? request : { ...request, target: target as never };
    const decided = gate(asked, { candidate: evaluation(changes), active: full, base: full });
    expect(decided.checks.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual(failed);
    expect(decided.verdict).toBe(verdict);
  });

  test('lets the first model of a scale pass that has nothing to be compared with', () => {
    const decided = gate(request, { candidate: evaluation({ psnrDb: 12 }), active: null, base: null });
    expect(decided.verdict).toBe('passed');
  });
});
