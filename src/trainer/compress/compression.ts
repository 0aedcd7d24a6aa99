/** One compression under way: what all its stages share. */
import { join } from 'node:path';
import type { Engine } from '../../core/engine/engine.ts';
import { createOnnxEngine } from '../../core/engine/onnx/onnx-engine.ts';
import { createTfjsEngine } from '../../core/engine/tfjs/tfjs-engine.ts';
import { DualscaleError } from '../../core/errors.ts';
import { type LatencyMeter, openLatencyMeter } from '../../core/measure/latency.ts';
import type { StoredModel } from '../../core/models/load.ts';
import { createNetwork } from '../../core/network/create-network.ts';
import { prunableWidths } from '../../core/network/prunable.ts';
import type { NetworkSpec } from '../../core/network/spec.ts';
import type { Dataset } from '../train/data/dataset.ts';
import { chooseMicroBatchSize } from '../train/step/micro-batch.ts';
import type { BatchShape } from '../train/step/objective.ts';
import type { ResolvedSettings } from './compress-settings.ts';
import { readPhotographs } from './photographs.ts';
import { type CompressEvent, type CompressHooks, createProgress, type Progress, type Work } from './progress.ts';
import { type TrainingBudget, trainingBudgetOf } from './training-budget.ts';

/** Where networks are trained: what pools and loops take. */
export interface Resources {
  readonly engine: Engine;
  readonly provider: ResolvedSettings['provider'];
  readonly workers: number;
}

export interface Compression {
  readonly settings: ResolvedSettings;
  readonly base: StoredModel;
  readonly effort: TrainingBudget;
  readonly resources: Resources;
  readonly hooks: CompressHooks;
  readonly progress: Progress;
  /** Reads the photographs when they are first asked for. */
  dataset(): Promise<Dataset>;
  /** Patches per run of a network. */
  microBatchSize(spec: NetworkSpec, shape: BatchShape): number;
  /** Compares with the base; close it when done. */
  openMeter(): Promise<LatencyMeter>;
}

/** Where a stage that has checkpoints of its own keeps them. */
export const stageFolder = ({ settings }: Compression, stage: string): string => join(settings.out, 'stages', stage);

async function openEngine({ engine, provider }: ResolvedSettings, threads: number): Promise<Engine> {
  if (engine === 'onnx') return createOnnxEngine({ provider, threads });
  // TF.js' WASM backend has no gradient of the filters.
  return createTfjsEngine({ backend: 'tensorflow' }).catch(() => createTfjsEngine({ backend: 'cpu' }));
}

/** The stages' steps and the cost of one relative to one of fine-tuning, only to estimate the time left. */
function estimateWork(
  { manifest, dualParameters }: StoredModel,
  effort: TrainingBudget,
  { method }: ResolvedSettings,
): Work {
  const widths = prunableWidths(manifest.spec);
  const passes = widths.reduce((sum, { width }) => sum + Math.ceil(width / 2 / effort.channelsPerPass), 0);
  const pruneSteps = (2 * effort.pruneBatches * passes) / effort.layersPerGroup;
  return {
    duals: dualParameters ? undefined : { steps: effort.dualSteps, cost: 0.5 },
    search: method === 'l1' ? undefined : { steps: effort.searchSteps, cost: 4 },
    prune: method === 'drc' ? { steps: pruneSteps, cost: 1.2 } : undefined,
    'fine-tune': { steps: effort.tuneSteps, cost: 1 },
  };
}

export async function openCompression(
  settings: ResolvedSettings,
  base: StoredModel,
  hooks: CompressHooks,
  report: (event: CompressEvent) => void,
): Promise<Compression> {
  const { workers, provider, budget, at } = settings;
  const { spec } = base.manifest;
  const effort = typeof settings.effort === 'string' ? trainingBudgetOf(settings.effort, spec) : settings.effort;
  const progress = createProgress(estimateWork(base, effort, settings), report, hooks.now);
  const resources = { engine: await openEngine(settings, workers), provider, workers };
  const isCut = settings.engine === 'onnx' && provider === 'cpu';
  let dataset: Promise<Dataset> | undefined;
  const opened: Omit<Compression, 'dataset'> = {
    settings,
    base,
    effort,
    resources,
    hooks,
    progress,
    microBatchSize: (of, shape) =>
      isCut ? chooseMicroBatchSize(createNetwork(of), { ...shape, workers }) : shape.batchSize,
    async openMeter() {
      const { percentile = 50, threads = 1 } = budget.kind === 'latency' ? budget : {};
      const engine = await openEngine(settings, threads);
      const { clock: now, processorTime } = hooks;
      // Threads that wait for each other take processor time too, so one alone is needed.
      const exact = isCut && threads === 1 && processorTime ? { processorTime } : {};
      return openLatencyMeter({ spec, engine, ...at, percentile, now, ...exact });
    },
  };
  return { ...opened, dataset: () => (dataset ??= readPhotographs(opened)) };
}

/** Throws DS_ABORTED when the run is to stop: what a stage did not end is no result. */
export function stopIfAsked({ hooks }: Pick<Compression, 'hooks'>): void {
  if (hooks.signal?.aborted) throw new DualscaleError('DS_ABORTED', 'stopped; it can be resumed from here');
}
