/** A network of a thousand weights, photographs made here, and stages of milliseconds. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publishModel } from '../../../src/core/models/publish.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';
import type { CompressSettings } from '../../../src/trainer/compress/compress-settings.ts';
import type { TrainingBudget } from '../../../src/trainer/compress/training-budget.ts';
import { writeGeneratedPhotos } from '../../helpers/generated-photos.ts';

const TINY_SPEC: NetworkSpec = { family: 'edge', scale: 2, featureCount: 8, innerWidths: [8, 8] };

const TINY_DRN: NetworkSpec = { family: 'drn', scale: 2, featureCount: 8, blockCount: 1 };

const TINY_EFFORT: TrainingBudget = {
  dualSteps: 4,
  searchSteps: 6,
  pruneBatches: 1,
  channelsPerPass: 4,
  layersPerGroup: 1,
  tuneSteps: 24,
  optimizer: 'muon',
  learningRate: 1e-3,
  batchSize: 2,
  lrPatchSize: 12,
};

const PROVENANCE = {
  trainer: 'test',
  data: 'none',
  seeds: [],
  steps: 0,
  recipe: {},
  date: '2026-01-01',
  machine: 'none',
};

export interface TinyBox {
  readonly folder: string;
  readonly settings: CompressSettings;
}

/** An `edge` that is told how its picture was degraded. */
const TINY_BLIND: NetworkSpec = {
  family: 'edge',
  scale: 2,
  featureCount: 8,
  innerWidths: [8, 8],
  code: { width: 5, hidden: 4, estimator: [4, 4, 4] },
};

/** A folder with an `edge`, a blind and a `drn` model without dual networks, photographs, and settings for a run of the first that is accepted. */
export async function createTinyBox(): Promise<TinyBox> {
  const folder = await mkdtemp(join(tmpdir(), 'dualscale-compress-'));
  await writeGeneratedPhotos(join(folder, 'photos'), 10);
  const models = join(folder, 'models');
  for (const [id, spec] of [
    ['tiny-x2', TINY_SPEC],
    ['tiny-drn-x2', TINY_DRN],
    ['tiny-blind-x2', TINY_BLIND],
  ] as const) {
    const parameters = initialiseParameters(createNetwork(spec), createRandom(4));
    // Random weights far from harm: pruning half of them away costs little.
    for (const { data } of Object.values(parameters)) for (let i = 0; i < data.length; i++) data[i] *= 0.2;
    const degradation = spec === TINY_BLIND ? ('blind' as const) : ('bicubic' as const);
    const draft = { id, version: '1.0.0', license: 'MIT', degradation, spec };
    await publishModel(models, { ...draft, provenance: PROVENANCE, quality: [], latency: [] }, parameters);
  }
  const settings: CompressSettings = {
    model: join(models, 'tiny-x2'),
    data: [join(folder, 'photos')],
    out: join(folder, 'run'),
    budget: { kind: 'ratio', ratio: 0.5 },
    effort: TINY_EFFORT,
    maxPsnrDropDb: 3,
    validationShare: 0.4,
    at: { width: 24, height: 16 },
    machine: 'a test',
  };
  return { folder, settings };
}
