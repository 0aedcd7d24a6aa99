import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { loadModel, modelDirectory } from '../../../src/core/models/load.ts';
import type { Budget, Target } from '../../../src/jobs/queue/job.ts';
import type { JobSpec } from '../../../src/jobs/queue/job-spec.ts';
import { JobReporter } from '../../../src/jobs/worker/child-channel.ts';
import { runCompressJob } from '../../../src/jobs/worker/compress-job.ts';
import { measureLatency } from '../../../src/jobs/worker/measure-latency.ts';
import { publishBlindModel } from '../../helpers/blind-model.ts';
import { writeGeneratedPhotos } from '../../helpers/generated-photos.ts';
import { type ModelsFolder, publishNearestModels } from '../../helpers/nearest-models.ts';

/** A tenth of the pixels that count where a target names no picture. */
const SIZE = { width: 96, height: 64 };

let folder: string;
let models: ModelsFolder;
let jobs = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-compress-job-'));
  models = await publishNearestModels([2], { featureCount: 16, blocks: 6 });
  await publishBlindModel(models.directory, [0.6, 0, 0, 0.2, 0.25]);
  await writeGeneratedPhotos(join(folder, 'photos'), 6, { width: 96, height: 80 });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await models.remove();
});

interface Latency {
  readonly kind: string;
  readonly width: number;
  readonly height: number;
}

/** The job's process without a process, until it ends or has reported a `last` kind of latency. */
async function run(
  target: Target,
  { last, model = 'nearest-x2', budget = { steps: 4 } }: { last?: string; model?: string; budget?: Budget } = {},
) {
  const stop = new AbortController();
  const work = join(folder, `work-${jobs++}`);
  await mkdir(work);
  const latencies: Latency[] = [];
  const spec: JobSpec = {
    job: 'job-1',
    name: 'slim-x2',
    modelDirectory: modelDirectory(models.directory, model),
    request: {
      type: 'compress',
      model,
      target,
      data: { folders: ['photos'] },
      budget,
      maxPsnrDropDb: 20,
      publish: 'manual',
    },
    data: { pairs: [join(folder, 'photos')], unpaired: [] },
    threads: 1,
    latencyThreads: 1,
    provider: 'cpu',
    nice: 0,
    memoryMegabytes: 4096,
  };
  const error = await runCompressJob({
    spec,
    work,
    machine: 'a test',
    now: Date.now,
    signal: stop.signal,
    report: new JobReporter((message) => {
      if (message.type !== 'event' || message.body.type !== 'latency') return;
      latencies.push(message.body.data);
      if (message.body.data.kind === last) stop.abort();
    }),
  }).then(
    () => undefined,
    (cause: Error) => cause,
  );
  return { error, latencies };
}

const timeFor = (latencyMs: number): Target => ({ latencyMs, ...SIZE, percentile: 50, engine: 'onnx' });

/** What the model takes, by the message that refuses a target above it. */
async function timeNow(): Promise<number> {
  const { error } = await run(timeFor(1e6));
  return Number(/below ([\d.]+) ms, what the model takes now/.exec(error?.message ?? '')?.[1]);
}

describe("the picture whose latency counts in a compression job is the target's", () => {
  test('when the model is timed', async () => {
    const found = await timeNow();
    const model = await loadModel(modelDirectory(models.directory, 'nearest-x2'));
    const [large] = await measureLatency(createOnnxEngine({ threads: 1 }), [model], {
      latency: { width: 256, height: 256, percentile: 50 },
      threads: 1,
      provider: 'cpu',
    });
    expect(found).toBeLessThan(large.medianMs / 4);
  });

  test('when the server is told of latencies', async () => {
    const { latencies } = await run(timeFor(0.7 * (await timeNow())), { last: 'predicted' });
    expect(latencies.map(({ kind }) => kind)).toEqual(['target', 'predicted']);
    expect(latencies.map(({ width, height }) => ({ width, height }))).toEqual([SIZE, SIZE]);
  });

  test('and that of plain jobs where the target is a share of its latency', async () => {
    const { latencies } = await run({ ratio: 0.8 }, { last: 'target' });
    expect(latencies).toMatchObject([{ kind: 'target', width: 256, height: 256 }]);
  });
}, 120_000);

test('minutes are counted in steps of a blind model as it is trained', async () => {
  const budget = { minutes: 0.001 };
  const { error, latencies } = await run({ ratio: 0.8 }, { last: 'target', model: 'told-x2', budget });
  expect(error).toMatchObject({ code: 'DS_ABORTED' });
  expect(latencies).toHaveLength(1);
}, 60_000);
