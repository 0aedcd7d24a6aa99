/**
 * The part of a run in which only the estimator of a network with a degradation code learns: from small pictures and how they were made.
 * Enlarging is nearly all of a step's work, so patches may be large here, and an estimate wants much to look at.
 */
import { badOption } from '../../../core/errors.ts';
import type { Program } from '../../../core/graph/program.ts';
import { ESTIMATOR } from '../../../core/network/estimator.ts';
import type { Tensor, Tensor4D } from '../../../core/tf.ts';
import { tf } from '../../../core/tf.ts';
import { codeError } from '../step/losses.ts';
import type { BatchShape, Objective } from '../step/objective.ts';
import { batchInputs, CODES, levelInput, PAIR_WEIGHTS } from '../step/objective.ts';
import type { ParameterLayout } from '../step/parameter-layout.ts';
import { nameParameters, sliceParameters } from '../step/parameter-layout.ts';
import type { TrainState } from '../step/stepper.ts';

const isLearning = ({ name }: { readonly name: string }): boolean => name.startsWith(ESTIMATOR);

/** Batches hold small pictures alone. Throws DS_BAD_OPTION for a network that guesses nothing. */
export function estimatorObjective(objective: Objective): Objective {
  if (!objective.primal.estimate)
    throw badOption('stages[].learns', '`all`: the network has no estimator', 'estimator');
  return { ...objective, levels: [1] };
}

/** Inputs and outputs as those of `gradientProgram`, of the losses only `codeLoss`; the gradient is 0 but for the estimator's. */
export function estimatorProgram(objective: Objective, shape: BatchShape): Program {
  const { layout, primal } = objective;
  const learning = layout.slots.map(isLearning);
  return {
    name: 'estimator',
    inputs: { parameters: { shape: [layout.size] }, ...batchInputs(objective, shape) },
    constants: {},
    run(inputs) {
      const all = sliceParameters(layout, inputs['parameters']);
      const loss = (...weights: Tensor[]) => {
        const rest = [...weights];
        const mixed = all.map((tensor, i) => (learning[i] ? (rest.shift() as Tensor) : tensor));
        const estimate = primal.estimate?.(
          nameParameters(layout, mixed),
          inputs[levelInput(1)] as Tensor4D,
        ) as Tensor4D;
        return codeError(estimate, inputs[CODES], inputs[PAIR_WEIGHTS]) as never;
      };
      const { value, grads } = tf.valueAndGrads(loss)(all.filter((_, i) => learning[i]));
      const found = [...grads];
      const parts = layout.slots.map(({ size }, i) =>
        learning[i] ? tf.reshape(found.shift() as Tensor, [size]) : tf.zeros([size]),
      );
      return { gradient: tf.concat(parts), codeLoss: value };
    },
  };
}

/** The same state with the other weights frozen: what is left of their momentum would move them on. */
export function freezeOthers({ slots }: ParameterLayout, state: TrainState): TrainState {
  const firstMoment = state.firstMoment.slice();
  for (const slot of slots) if (!isLearning(slot)) firstMoment.fill(0, slot.offset, slot.offset + slot.size);
  return { ...state, firstMoment };
}
