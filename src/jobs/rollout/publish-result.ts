/** Publishes a job's model, once, however often it is tried: what the job process left is its stored result, not yet a model. */
import { DualscaleError } from '../../core/errors.ts';
import { loadModel, modelDirectory, readManifest, type StoredModel } from '../../core/models/load.ts';
import type { LatencyEntry, ModelManifest } from '../../core/models/manifest.ts';
import { publishModel } from '../../core/models/publish.ts';
import { whyNotWritable } from '../data/disk-space.ts';
import type { MeasuredLatency } from './evaluation.ts';

export interface PublishResultOptions {
  readonly modelsDir: string;
  readonly job: string;
  /** Folder that the job's process has left. */
  readonly modelDirectory: string;
  readonly latency: MeasuredLatency;
  readonly provider: string;
  readonly machine: string;
  readonly now: () => number;
}

const JOB = /\bjob-[a-z0-9]{16}\b/;

/** The job that made a model, from its provenance. */
export function jobOf({ provenance }: Pick<ModelManifest, 'provenance'>): string | null {
  return JOB.exec(provenance.data)?.[0] ?? null;
}

function latencyEntry({ latency, provider, machine, now, job }: PublishResultOptions): LatencyEntry {
  const { width: inputWidth, height: inputHeight, medianMs, runs, threads } = latency;
  return {
    device: machine,
    engine: 'onnx',
    provider,
    threads,
    inputWidth,
    inputHeight,
    medianMs,
    runs,
    date: new Date(now()).toISOString().slice(0, 10),
    command: `measured by ${job}`,
  };
}

/** Throws what `loadModel` and `publishModel` throw, and DS_NO_SPACE while nothing can be written into `modelsDir`. */
export async function publishResult(options: PublishResultOptions): Promise<StoredModel> {
  const { modelsDir, job } = options;
  const { manifest, parameters, dualParameters } = await loadModel(options.modelDirectory);
  const directory = modelDirectory(modelsDir, manifest.id);
  const present = await readManifest(directory).catch(() => undefined);
  // The server was killed after the publication and before the journal said so.
  if (present && jobOf(present) === job) return loadModel(directory);
  // Node calls a read-only folder a missing one when it makes folders in it.
  const problem = await whyNotWritable(modelsDir);
  if (problem !== undefined) {
    throw new DualscaleError(
      'DS_NO_SPACE',
      `expected \`modelsDir\` to be a folder that can be written, got ${problem}`,
    );
  }
  const { dtype } = manifest.weights;
  const { id, version, license, spec, degradation, provenance, quality } = manifest;
  return publishModel(
    modelsDir,
    { id, version, license, spec, degradation, provenance, quality, dtype, latency: [latencyEntry(options)] },
    { ...parameters, ...dualParameters },
  );
}
