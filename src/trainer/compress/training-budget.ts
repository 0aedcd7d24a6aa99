/** How many steps each stage of a compression takes. */
import { modelCost } from '../../core/models/manifest.ts';
import { prunableWidths } from '../../core/network/prunable.ts';
import type { NetworkSpec } from '../../core/network/spec.ts';
import type { BatchShape } from '../train/step/objective.ts';
import type { OptimizerName } from '../train/step/optimizer.ts';

export interface TrainingBudget extends BatchShape {
  /** Steps that teach the dual networks of a model that was published without them. */
  readonly dualSteps: number;
  /** Each of two batches: one for the weights, one for the widths. */
  readonly searchSteps: number;
  /** See `PruneSettings`. */
  readonly pruneBatches: number;
  readonly channelsPerPass: number;
  readonly layersPerGroup: number;
  readonly tuneSteps: number;
  /** Of fine-tuning. */
  readonly optimizer: OptimizerName;
  /** Peak rate of fine-tuning. */
  readonly learningRate: number;
}

export const TRAINING_BUDGETS = ['quick', 'default'] as const;
export type TrainingBudgetName = (typeof TRAINING_BUDGETS)[number];

export const isTrainingBudgetName = (name: string): name is TrainingBudgetName =>
  (TRAINING_BUDGETS as readonly string[]).includes(name);

/** Multiply-accumulates per LR pixel of the network that the steps are meant for: 10 blocks of 32 channels at x4. */
const USUAL_MACS = 200_000;
/** Networks with many layers prune neighbours together, so that they take about as many steps. */
const MAX_GROUPS = 16;

interface Steps extends Omit<TrainingBudget, 'lrPatchSize' | 'layersPerGroup' | 'optimizer' | 'learningRate'> {
  readonly rates: Readonly<Record<OptimizerName, number>>;
}

const STEPS: Readonly<Record<TrainingBudgetName, Steps>> = {
  quick: {
    dualSteps: 120,
    searchSteps: 80,
    pruneBatches: 3,
    channelsPerPass: 8,
    tuneSteps: 900,
    batchSize: 16,
    rates: { muon: 4e-3, adam: 1e-3 },
  },
  default: {
    dualSteps: 400,
    searchSteps: 600,
    pruneBatches: 8,
    channelsPerPass: 4,
    tuneSteps: 12_000,
    // As from random weights; half of it was no better (dev/LOG.md).
    batchSize: 16,
    rates: { muon: 4e-3, adam: 2e-3 },
  },
};

/** For two cores: at most 10 minutes and an hour for `edge-x4`. Networks that cost more per pixel take fewer steps, down to a third. */
export function trainingBudgetOf(name: TrainingBudgetName, spec: NetworkSpec): TrainingBudget {
  const share = Math.min(1, Math.max(1 / 3, USUAL_MACS / modelCost(spec).macs.perLrPixel));
  const scaled = (steps: number) => Math.round(steps * share);
  const { dualSteps, searchSteps, tuneSteps, rates, ...rest } = STEPS[name];
  // Measured on plain `edge` networks; those with a degradation code and DRN stay with what they were trained with.
  const optimizer = spec.family === 'edge' && !spec.code ? 'muon' : 'adam';
  return {
    ...rest,
    optimizer,
    learningRate: rates[optimizer],
    dualSteps: scaled(dualSteps),
    searchSteps: scaled(searchSteps),
    tuneSteps: scaled(tuneSteps),
    layersPerGroup: Math.ceil(prunableWidths(spec).length / MAX_GROUPS),
    // DRN works at HR resolution too.
    lrPatchSize: spec.family === 'drn' ? 24 : 32,
  };
}
