/**
 * The training objective as a program: dual regression, L = L_P(P(x), y) + dualWeight * L_D(D(P(x)), x)
 * (Guo et al., "Closed-loop Matters", CVPR 2020, eq. 1; L1 losses as in the released trainer).
 */
import type { Program, TensorSpec } from '../graph/program.ts';
import { createNetwork } from '../network/create-network.ts';
import { createDuals } from '../network/dual.ts';
import type { Network, NetworkSpec } from '../network/network.ts';
import type { Tensor, Tensor4D } from '../tf.ts';
import { tf } from '../tf.ts';
import type { ParameterLayout } from './parameter-layout.ts';
import { layOutParameters, nameParameters, sliceParameters } from './parameter-layout.ts';

export interface Objective {
  readonly primal: Network;
  /** Empty when the dual weight is 0. */
  readonly duals: readonly Network[];
  readonly layout: ParameterLayout;
  readonly dualWeight: number;
  /** Enlargements of the LR patch that a batch must hold, ascending; 1 is the LR patch itself, the last one the scale. */
  readonly levels: readonly number[];
}

/** Sizes of the images `forward` returns, relative to its input: all levels for `drn`, only the result otherwise. */
function outputLevels(spec: NetworkSpec): number[] {
  if (spec.family !== 'drn') return [spec.scale];
  return Array.from({ length: Math.log2(spec.scale) + 1 }, (_, level) => 2 ** level);
}

/** @param dualWeight weight of L_D, 0 or more; 0 leaves the dual networks out. 0.1 in the paper's code. */
export function createObjective(spec: NetworkSpec, dualWeight: number): Objective {
  const primal = createNetwork(spec);
  const duals = dualWeight > 0 ? createDuals(spec) : [];
  const levels = [...new Set([1, ...outputLevels(spec)])];
  return { primal, duals, layout: layOutParameters([primal, ...duals]), dualWeight, levels };
}

/** Name of the program input that holds the patch at one level; `image1` is the network's input. */
export const levelInput = (level: number): string => `image${level}`;

const l1 = (a: Tensor, b: Tensor): Tensor => tf.mean(tf.abs(tf.sub(a, b)));

interface Losses {
  readonly primal: Tensor;
  readonly dual: Tensor;
}

/** L_P sums the L1 losses of every image the primal network returns; L_D those of every dual against the next smaller level. */
function dualRegressionLosses(
  objective: Objective,
  parameters: Readonly<Record<string, Tensor>>,
  images: (level: number) => Tensor4D,
): Losses {
  const { primal, duals } = objective;
  const spec = primal.spec as NetworkSpec;
  const levels = outputLevels(spec);
  const srImages = primal.forward(parameters, images(1));
  const primalTerms = srImages.map((srImage, i) => l1(srImage, images(levels[i])));
  const dualTerms = duals.map((dual, i) => {
    const from = srImages.length - duals.length + i;
    const target = levels[from] / dual.spec.scale;
    return l1(dual.forward(parameters, srImages[from])[0], images(target));
  });
  return { primal: tf.addN(primalTerms), dual: dualTerms.length > 0 ? tf.addN(dualTerms) : tf.scalar(0) };
}

export interface BatchShape {
  readonly batchSize: number;
  /** Side of the square LR patch in pixels. */
  readonly lrPatchSize: number;
}

function imageInputs(objective: Objective, { batchSize, lrPatchSize }: BatchShape): Record<string, TensorSpec> {
  return Object.fromEntries(
    objective.levels.map((level) => [
      levelInput(level),
      { shape: [batchSize, lrPatchSize * level, lrPatchSize * level, 3] },
    ]),
  );
}

/**
 * Inputs: `parameters` [P] and the batch's images in 0..1 (`image1` [n, h, h, 3] up to `image<scale>`).
 * Outputs: `gradient` [P] of the total loss, `primalLoss` and `dualLoss` (unweighted) as scalars.
 */
export function gradientProgram(objective: Objective, shape: BatchShape): Program {
  const { layout, dualWeight } = objective;
  return {
    name: 'gradient',
    inputs: { parameters: { shape: [layout.size] }, ...imageInputs(objective, shape) },
    run(inputs) {
      let losses: Losses | undefined;
      const total = (...weights: Tensor[]) => {
        const { primal, dual } = dualRegressionLosses(
          objective,
          nameParameters(layout, weights),
          (level) => inputs[levelInput(level)] as Tensor4D,
        );
        // An eager engine disposes what is made inside; the parts are reported, so they are kept until returned.
        losses = { primal: tf.keep(primal.clone()), dual: tf.keep(dual.clone()) };
        return tf.add(primal, tf.mul(dual, dualWeight)) as never;
      };
      const { grads } = tf.valueAndGrads(total)(sliceParameters(layout, inputs['parameters']));
      const gradient = tf.concat(grads.map((grad, i) => tf.reshape(grad, [layout.slots[i].size])));
      const { primal, dual } = losses as Losses;
      const outputs = { gradient, primalLoss: primal.clone(), dualLoss: dual.clone() };
      tf.dispose([primal, dual]);
      return outputs;
    },
  };
}
