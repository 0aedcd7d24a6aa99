/**
 * Channel pruning (arXiv 2207.07929, second stage; the greedy selection of DCP, Zhuang et al., NeurIPS 2018). Layer after
 * layer, the convolution that reads the prunable channels starts without any of them; those are added whose weights have
 * the largest gradient of L_M + L_DR, with the weights they had, and what is there so far is tuned a little.
 */
import type { Engine } from '../../../core/engine/engine.ts';
import type { Provider } from '../../../core/engine/runtime.ts';
import { DualscaleError } from '../../../core/errors.ts';
import { prunableWidths } from '../../../core/network/prunable.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import { createRandom } from '../../../core/random.ts';
import { degradationOf } from '../../presets/recipes.ts';
import { createBatchFiller } from '../../train/data/batch-filler.ts';
import type { Dataset } from '../../train/data/dataset.ts';
import { openGradients } from '../../train/step/gradient-pool.ts';
import type { GradientPool } from '../../train/step/gradients.ts';
import { type BatchShape, createObjective, type Objective } from '../../train/step/objective.ts';
import { flattenParameters, type ParameterLayout, unflattenParameters } from '../../train/step/parameter-layout.ts';
import {
  addChannels,
  bestChannels,
  countPasses,
  emptyLayer,
  gradientNorms,
  groupLayers,
  type LayerGroup,
  nesterovStep,
  tunable,
} from './prune-layers.ts';
import { FOCUS, layOutPruning, pruneProgram } from './prune-program.ts';
import type { KeptChannels, Values } from './pruned-network.ts';

export interface PruneSettings extends BatchShape {
  /** Batches of one pass: as many to score channels, as many again to tune. 10 in the paper's code. */
  readonly batchesPerPass: number;
  /** Channels of a layer that one pass adds: 1 in the paper, more is quicker. */
  readonly channelsPerPass: number;
  /** Neighbouring layers that are pruned at the same time: 1 in the paper. */
  readonly layersPerGroup: number;
  /** See `NesterovOptions`. */
  readonly rate: number;
}

export interface PruneOptions extends PruneSettings {
  readonly spec: NetworkSpec;
  /** Of the network and of its dual networks. */
  readonly parameters: Values;
  /** How many channels stay, one number per `prunableWidths(spec)`. */
  readonly widths: readonly number[];
  readonly dualWeight: number;
  readonly dataset: Pick<Dataset, 'train'>;
  readonly seed: number;
  /** The `tfjs` engine computes the gradients in this thread. */
  readonly engine: Engine;
  /** @default 'cpu' */
  readonly provider?: Provider;
  /** @default 1 */
  readonly workers?: number;
  readonly microBatchSize?: number;
  readonly report?: (event: PruneEvent) => void;
  readonly signal?: AbortSignal;
}

export interface PruneEvent {
  readonly step: number;
  readonly steps: number;
  /** Mean L_P of the pruned network over the last steps. */
  readonly primalLoss: number;
  /** Mean L_M over them, relative to the features' mean square: 0 is the original, 1 about as good as no features. */
  readonly featureLoss: number;
  /** What is worked on, e.g. `body.3`. */
  readonly layer: string;
}

export interface PruneResult {
  readonly kept: KeptChannels;
  /** Of the whole network: the weights of the channels that were not kept are zero. */
  readonly parameters: Values;
}

interface Work {
  readonly values: Float32Array;
  readonly original: Float32Array;
  readonly layout: ParameterLayout;
  /** The gradient for the next batch; overwritten by the next call. */
  readonly next: (values: Float32Array, group: LayerGroup) => Promise<Float32Array>;
}

async function score(work: Work, group: LayerGroup, settings: PruneSettings): Promise<void> {
  const { values, original, layout, next } = work;
  const sum = new Float32Array(layout.size);
  for (let batch = 0; batch < settings.batchesPerPass; batch++) {
    const gradient = await next(values, group);
    for (let i = 0; i < sum.length; i++) sum[i] += gradient[i];
  }
  for (const layer of group) {
    const { weight, chosen, target } = layer;
    const scores = gradientNorms(sum.subarray(weight.offset, weight.offset + weight.size), weight.shape);
    const count = Math.min(settings.channelsPerPass, target - chosen.size);
    addChannels(values, original, layer, bestChannels(scores, count, chosen));
  }
}

async function tune(work: Work, group: LayerGroup, { batchesPerPass, rate }: PruneSettings): Promise<void> {
  const { values, layout, next } = work;
  const masks = group.filter(({ target }) => target > 0).map((layer) => tunable(layout, layer));
  const velocity = new Float32Array(layout.size);
  for (let batch = 0; batch < batchesPerPass; batch++) {
    const gradient = await next(values, group);
    // Down to nothing, for steps of a given length do not settle by themselves.
    const share = 1 - batch / batchesPerPass;
    for (const mask of masks) nesterovStep(values, velocity, gradient, mask, { rate: rate * share });
  }
}

const focusOffset = ({ slots }: ParameterLayout): number => slots.find(({ name }) => name === FOCUS)?.offset ?? 0;

async function pruneGroup(work: Work, group: LayerGroup, settings: PruneSettings): Promise<void> {
  const { values, layout } = work;
  const offset = focusOffset(layout);
  for (const layer of group) {
    values[offset + layer.index] = 1;
    emptyLayer(values, layer);
  }
  for (let pass = countPasses(group, settings.channelsPerPass); pass > 0; pass--) {
    await score(work, group, settings);
    await tune(work, group, settings);
  }
  for (const { index } of group) values[offset + index] = 0;
}

function createPool(objective: Objective, options: PruneOptions): Promise<GradientPool> {
  const { spec, parameters, engine, workers = 1, provider = 'cpu', batchSize, lrPatchSize, microBatchSize } = options;
  const program = pruneProgram(prunableWidths(spec), parameters);
  return openGradients(objective, engine, { batchSize, lrPatchSize, microBatchSize, program, workers, provider });
}

/** One batch after another; the next one is cut while the workers compute. */
function createNext(pool: GradientPool, { layout }: Objective, options: PruneOptions, steps: number): Work['next'] {
  const { dataset, seed, report, signal, batchesPerPass } = options;
  const fillBatch = createBatchFiller(dataset, { ...options, degradation: degradationOf(options.spec) }, pool);
  const fill = (step: number) => fillBatch(createRandom(seed, 0x9121, step));
  const offset = focusOffset(layout);
  const recent: { readonly primalLoss: number; readonly featureLoss: number }[] = [];
  const mean = (pick: (losses: (typeof recent)[number]) => number) =>
    recent.reduce((sum, losses) => sum + pick(losses), 0) / recent.length;
  let step = 0;
  fill(step);
  return async (values, group) => {
    if (signal?.aborted) throw new DualscaleError('DS_ABORTED', 'stopped while channels were pruned');
    const computing = pool.compute(values);
    step += 1;
    fill(step);
    const { gradient, primalLoss } = await computing;
    // The gradient of a layer's focus is its L_M.
    const featureLoss = group.reduce((sum, { index }) => sum + gradient[offset + index], 0) / group.length;
    recent.push({ primalLoss, featureLoss });
    if (recent.length > batchesPerPass) recent.shift();
    const layer = group.map(({ width }) => width.name).join(', ');
    report?.({ step, steps, primalLoss: mean((l) => l.primalLoss), featureLoss: mean((l) => l.featureLoss), layer });
    return gradient;
  };
}

/** Throws DS_ABORTED when the signal fires. */
export async function pruneChannels(options: PruneOptions): Promise<PruneResult> {
  const { spec, parameters, dualWeight, widths, batchesPerPass, channelsPerPass } = options;
  const all = prunableWidths(spec);
  const base = createObjective(spec, dualWeight);
  const layout = layOutPruning(base, all);
  const objective = { ...base, layout };
  const focus = { shape: [all.length], data: new Float32Array(all.length) };
  const original = flattenParameters(layout, { ...parameters, [FOCUS]: focus });
  const groups = groupLayers(layout, all, widths, options.layersPerGroup);
  const steps = groups.reduce((sum, group) => sum + 2 * batchesPerPass * countPasses(group, channelsPerPass), 0);
  const pool = await createPool(objective, options);
  try {
    const work: Work = {
      values: original.slice(),
      original,
      layout,
      next: createNext(pool, objective, options, steps),
    };
    for (const group of groups) await pruneGroup(work, group, options);
    const changed = unflattenParameters(layout, work.values, base.primal);
    const own = Object.fromEntries(base.primal.parameters.map(({ name }) => [name, parameters[name]] as const));
    const kept = groups.flat().map(({ width, chosen }) => [width.name, [...chosen].sort((a, b) => a - b)] as const);
    return { kept: Object.fromEntries(kept), parameters: { ...own, ...changed } };
  } finally {
    await pool.close();
  }
}
