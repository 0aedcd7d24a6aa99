/** From a finished run to a model folder that every command can read. */

import { badOption } from '../../../core/errors.ts';
import { nextVersion } from '../../../core/models/convert.ts';
import type { StoredModel } from '../../../core/models/load.ts';
import type { Provenance } from '../../../core/models/manifest.ts';
import { type ModelDraft, publishModel } from '../../../core/models/publish.ts';
import type { StoredDtype } from '../../../core/models/safetensors.ts';
import type { NetworkSpec, ParameterValues } from '../../../core/network/spec.ts';
import { VERSION } from '../../../core/version.ts';
import type { TrainPreset } from '../../presets/presets.ts';
import { describeAugmentation } from '../data/augmentation.ts';
import type { DatasetSummary } from '../data/dataset.ts';
import type { DegradationRecipe } from '../data/degradation-recipe.ts';
import { describeOptimizer } from '../step/optimizer.ts';
import type { TrainRecipe, TrainResult } from '../train-model.ts';
import type { Stage } from './schedule.ts';

export interface RunSettings {
  readonly workers: number;
  /** Of each stage, joined by commas. */
  readonly microBatchSize: number | string;
  /** e.g. `onnx/cpu`. */
  readonly engine: string;
  /** Id and digest of the model whose weights it started from. */
  readonly startFrom?: string;
  /** Id and digest of the model whose images it learnt to make. */
  readonly teacher?: string;
  readonly distillWeight?: number;
  /** Ids and digests of the models whose images were the ground truth, joined by commas, and their share of it. */
  readonly pseudoLabelsFrom?: string;
  readonly pseudoLabelsShare?: number;
  /** Share of every batch that had no ground truth. */
  readonly unpairedShare?: number;
}

export interface PublishRunOptions {
  readonly preset: TrainPreset;
  readonly settings: RunSettings;
  /** Where the photographs come from, in words. */
  readonly dataNote?: string;
  readonly license: string;
  /** How the weights are stored. @default 'float32' */
  readonly weights?: StoredDtype;
  /** What it was trained on: processor, cores, memory. */
  readonly machine: string;
  readonly date: Date;
}

const LOSS = 'L1 + dualWeight * dual L1';

/** Most characters of a text in a manifest. */
const LONGEST_TEXT = 500;

/** Enough digits to know a number by. */
const short = (value: number, digits = 6): string => String(Number(value.toPrecision(digits)));

/** e.g. `from 0.5: 8 of 48 pixels; from 0.8: 4 of 64 pixels`; with fewer words where a line would not hold them. */
function describeStages(stages: readonly Stage[] = []): { readonly stages?: string } {
  if (stages.length === 0) return {};
  const describe = (isShort: boolean) => {
    const texts = stages.map(({ fromShare, batchSize, lrPatchSize, learns = 'all', learningRate }) => {
      const alone = isShort ? `, ${learns}` : ` for the ${learns} alone`;
      const peak = isShort ? `, rate ${short(learningRate ?? 0, 4)}` : ` from a rate of ${learningRate}`;
      const part = `${learns === 'all' ? '' : alone}${learningRate === undefined ? '' : peak}`;
      return `from ${Number(fromShare.toFixed(3))}: ${batchSize} of ${lrPatchSize} pixels${part}`;
    });
    return texts.join('; ');
  };
  const whole = describe(false);
  return { stages: whole.length <= LONGEST_TEXT ? whole : describe(true) };
}

const span = ([low, high]: readonly [number, number]): string => `${short(low)} to ${short(high)}`;

function describeDegradation(recipe: DegradationRecipe): string {
  const { sigma, anisotropicSigma, noiseSigma, jpegQuality } = recipe;
  const { anisotropicShare, clearShare, disturbance, noiseShare, jpegShare, givenShare } = recipe;
  return [
    `isotropic sigma ${span(sigma)}`,
    `anisotropic ${span(anisotropicSigma)} for ${short(anisotropicShare)} of the patches, disturbed by ${short(disturbance)}`,
    `none for ${short(clearShare)}`,
    `noise ${span(noiseSigma)} for ${short(noiseShare)}`,
    `JPEG ${span(jpegQuality)} for ${short(jpegShare)}`,
    `the code given to ${short(givenShare)}`,
  ].join('; ');
}

/** Everything that decides the numbers of a run, by name; network and seed have their own places. */
export function describeSettings(
  { dualWeight, schedule, batchSize, lrPatchSize, ...rest }: TrainRecipe,
  { engine, workers, microBatchSize, ...optional }: RunSettings,
): Provenance['recipe'] {
  const { learningRate, warmupSteps = 100, finalLearningRate = 1e-7 } = schedule;
  return {
    loss: optional.teacher ? `${LOSS} + distillWeight * L1 to the teacher` : LOSS,
    dualWeight,
    optimizer: describeOptimizer(rest.optimizer),
    learningRate,
    warmupSteps,
    finalLearningRate,
    decay: 'cosine',
    clipNorm: rest.adam?.clipNorm ?? 1,
    emaDecay: rest.emaDecay ?? 0.999,
    batchSize,
    lrPatchSize,
    ...describeStages(rest.stages),
    workers,
    microBatchSize,
    engine,
    augmentation: rest.augmentation ? describeAugmentation(rest.augmentation) : undefined,
    degradation: rest.degradation ? describeDegradation(rest.degradation) : undefined,
    ...optional,
  };
}

/** What the manifest would refuse after the last step is refused before the first. */
export function checkDescription(described: Provenance['recipe']): void {
  for (const [name, value] of Object.entries(described)) {
    if (typeof value !== 'string' || value.length <= LONGEST_TEXT) continue;
    throw badOption(name, `what ${LONGEST_TEXT} characters can describe, for the manifest`, value);
  }
}

function describeData(summary: DatasetSummary, { degradation }: TrainRecipe, note?: string): string {
  const { trainImages, copies, validationImages, digest, unpaired } = summary;
  const counts = `${trainImages} photographs${copies ? ` and ${copies} smaller copies` : ''}, ${validationImages} more held out by hash for validation`;
  const prepared = 'those above 400,000 pixels halved; LR made by bicubic imresize';
  const made = degradation ? `${prepared} after random blur, then noise and JPEG (see the recipe)` : prepared;
  const pairs = `${note ? `${note}: ` : ''}${counts}; ${made}; sha256 of the files' sha256s ${digest}`;
  return unpaired ? `${pairs}; and ${unpaired.images} pictures without ground truth, sha256 ${unpaired.digest}` : pairs;
}

export interface TrainedModel {
  readonly id: string;
  readonly license: string;
  readonly spec: NetworkSpec;
  readonly degradation: ModelDraft['degradation'];
  /** Where the photographs come from, how many and which. */
  readonly data: string;
  readonly seed: number;
  readonly steps: number;
  readonly recipe: Provenance['recipe'];
  readonly date: Date;
  readonly machine: string;
  readonly latency?: ModelDraft['latency'];
  /** How the weights are stored. */
  readonly dtype: StoredDtype;
}

/** Publishes what a training or a compression made as the next version of its id. Throws as `publishModel` does. */
export async function publishTrained(
  root: string,
  { data, seed, steps, recipe, date, machine, latency = [], ...model }: TrainedModel,
  parameters: Readonly<Record<string, ParameterValues>>,
): Promise<StoredModel> {
  const provenance = {
    trainer: `dualscale ${VERSION}`,
    data,
    seeds: [seed],
    steps,
    recipe,
    date: date.toISOString().slice(0, 10),
    machine,
  };
  const version = await nextVersion(root, model.id);
  return publishModel(root, { ...model, version, provenance, quality: [], latency }, parameters);
}

/** Publishes the averaged weights, those of the dual networks included, as `<root>/<preset id>`. */
export async function publishRun(root: string, result: TrainResult, options: PublishRunOptions): Promise<StoredModel> {
  const { preset, settings, dataNote, license, machine, date, weights = 'float32' } = options;
  const { id, recipe } = preset;
  const model: TrainedModel = {
    id,
    license,
    spec: recipe.spec,
    degradation: recipe.degradation ? 'blind' : 'bicubic',
    data: describeData(result.dataset, recipe, dataNote),
    seed: recipe.seed,
    steps: result.step,
    recipe: describeSettings(recipe, settings),
    date,
    machine,
    dtype: weights,
  };
  return publishTrained(root, model, { ...result.parameters, ...result.dualParameters });
}
