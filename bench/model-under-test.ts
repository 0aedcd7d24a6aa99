/** The model that is measured: a stored one, or one of the same size without training where there is none. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel, modelDirectory, type StoredModel } from '../src/core/models/load.ts';
import { publishModel } from '../src/core/models/publish.ts';
import { createNetwork, initialiseParameters } from '../src/core/network/create-network.ts';
import type { EdgeSpec } from '../src/core/network/spec.ts';
import { createRandom } from '../src/core/random.ts';
import { VERSION } from '../src/core/version.ts';
import type { BenchOptions } from './benchmark.ts';

export interface ModelUnderTest {
  readonly stored: StoredModel;
  /** The folder that holds the model's folder. */
  readonly modelsDir: string;
  /** False: its times mean something, its pictures do not. */
  readonly isTrained: boolean;
  remove(): Promise<void>;
}

const UNTRAINED: EdgeSpec = { family: 'edge', scale: 4, featureCount: 48, innerWidths: Array(8).fill(48) };

async function publishUntrained(): Promise<ModelUnderTest> {
  const modelsDir = await mkdtemp(join(tmpdir(), 'dualscale-bench-'));
  const date = new Date().toISOString().slice(0, 10);
  const provenance = {
    trainer: VERSION,
    data: 'none: random weights for timing',
    seeds: [1],
    steps: 0,
    recipe: {},
    date,
    machine: 'any',
  };
  const draft = { id: 'untrained-x4', version: '0.0.0', license: 'MIT', degradation: 'bicubic' as const, provenance };
  const parameters = initialiseParameters(createNetwork(UNTRAINED), createRandom(1));
  const stored = await publishModel(modelsDir, { ...draft, spec: UNTRAINED, quality: [], latency: [] }, parameters);
  return { stored, modelsDir, isTrained: false, remove: () => rm(modelsDir, { recursive: true, force: true }) };
}

/** Falls back only when the folder is not there: a model that is there and broken is an error. */
export async function openModelUnderTest({ modelsDir, modelId, log }: BenchOptions): Promise<ModelUnderTest> {
  const directory = modelDirectory(modelsDir, modelId);
  if (!existsSync(directory)) {
    log(`there is no model in ${directory}: an untrained 48-channel network of 8 blocks is timed instead`);
    return publishUntrained();
  }
  const stored = await loadModel(directory);
  if (stored.manifest.scale !== 4) throw new Error(`expected --model to be a x4 model, got x${stored.manifest.scale}`);
  return { stored, modelsDir, isTrained: true, remove: async () => {} };
}

export function describeModel({ stored: { manifest }, isTrained }: ModelUnderTest): string {
  const size = `${manifest.id}, ${(manifest.parameters / 1000).toFixed(0)} k parameters`;
  return isTrained ? size : `${size}, untrained`;
}
