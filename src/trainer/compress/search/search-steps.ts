/** The two kinds of steps that a search alternates between. */
import type { Engine, Executable } from '../../../core/engine/engine.ts';
import { learningRateAt } from '../../train/run/schedule.ts';
import type { BatchGradient, GradientPool } from '../../train/step/gradients.ts';
import { adamProgram, nextName, STATE } from '../../train/step/optimizer.ts';
import { scalarTensors, stateTensors, type TrainState } from '../../train/step/stepper.ts';
import type { SharedBudget } from '../budget.ts';
import { alphaStep } from './relaxation.ts';
import type { SearchState } from './search-state.ts';
import { candidateGradients, certain, probabilitiesOf, relaxedVector, type SearchObjective } from './super-net.ts';

export interface SearchRates {
  readonly steps: number;
  /** Peak rate of the weights; falls to 1e-7 over half a cosine, as that of the alphas. @default 1e-4 */
  readonly weightLearningRate?: number;
  /** @default 10 / steps: the released 3e-4 over 2,500 steps moves an alpha by 0.4 at most, which leaves all widths about equally probable. */
  readonly alphaLearningRate?: number;
}

/** The paper's, for the alphas. */
const WEIGHT_DECAY = 1e-3;
/** Norm that gradients of the weights are clipped to, as in the released code. */
const CLIP_NORM = 5;
const NO_CLIPPING = 1e9;

export interface SearchContext {
  readonly search: SearchObjective;
  readonly candidates: readonly (readonly number[])[];
  readonly shared?: SharedBudget;
  readonly rates: SearchRates;
  readonly pool: GradientPool;
  readonly updates: { readonly weights: Executable; readonly alphas: Executable };
}

export async function compileUpdates(engine: Engine, trainedSize: number, alphaCount: number) {
  return {
    weights: await engine.compile(adamProgram(trainedSize, { clipNorm: CLIP_NORM })),
    alphas: await engine.compile(adamProgram(alphaCount, { clipNorm: NO_CLIPPING })),
  };
}

async function applyAdam(
  update: Executable,
  state: TrainState,
  gradient: Float32Array,
  { step, learningRate }: { readonly step: number; readonly learningRate: number },
): Promise<TrainState> {
  const results = await update.run({
    ...stateTensors(state),
    gradient: { dtype: 'float32', shape: [gradient.length], data: gradient },
    ...scalarTensors({
      learningRate,
      beta1Correction: 1 - 0.9 ** (step + 1),
      beta2Correction: 1 - 0.999 ** (step + 1),
      emaDecay: Math.min(0.999, (step + 1) / (step + 10)),
    }),
  });
  return Object.fromEntries(STATE.map((name) => [name, results[nextName(name)].data])) as unknown as TrainState;
}

/** Starts the gradient of the relaxed network on the batch that lies in the pool's buffers. */
function startGradient({ search, candidates, pool }: SearchContext, { weights, alphas }: SearchState) {
  const probabilities = probabilitiesOf(alphas.parameters, candidates);
  const { vector, ranks } = relaxedVector(search, weights.parameters, candidates, probabilities);
  return { probabilities, ranks, computing: pool.compute(vector) };
}

export interface TakenStep {
  readonly state: SearchState;
  /** L_DR of the batch. */
  readonly loss: number;
  /** Expected cost of the widths before the step; undefined without a shared budget. */
  readonly expected?: number;
}

const lossOf = ({ search }: SearchContext, { primalLoss, dualLoss }: BatchGradient): number =>
  primalLoss + search.objective.dualWeight * dualLoss;

/**
 * @param prepare puts the next batch into the pool's buffers; called while the workers compute.
 * A loss that is not a number changes nothing.
 */
export async function stepAlphas(context: SearchContext, state: SearchState, prepare: () => void): Promise<TakenStep> {
  const { search, candidates, shared, rates, updates } = context;
  const { probabilities, ranks, computing } = startGradient(context, state);
  prepare();
  const result = await computing;
  const loss = lossOf(context, result);
  if (!Number.isFinite(loss)) return { state, loss };
  const ofLoss = candidateGradients(search, result.gradient, candidates, ranks).map((options) =>
    options.map((value) => value / loss),
  );
  const { gradient, multiplier, expected } = alphaStep(probabilities, ofLoss, state.multiplier, shared);
  const { step } = state;
  // It remembers a tenth of the search.
  const keep = 1 - 1 / Math.min(step + 1, Math.max(1, rates.steps / 10));
  const worth = ofLoss.flat().map((value) => -value);
  const values = state.values.map((value, i) => keep * value + (1 - keep) * worth[i]);
  const decayed = Float32Array.from(gradient.flat(), (value, i) => value + WEIGHT_DECAY * state.alphas.parameters[i]);
  const { steps, alphaLearningRate = 10 / steps } = rates;
  const learningRate = learningRateAt(step, { steps, learningRate: alphaLearningRate, warmupSteps: 0 });
  const alphas = await applyAdam(updates.alphas, state.alphas, decayed, { step, learningRate });
  return { state: { ...state, alphas, values, multiplier }, loss, expected };
}

/** As `stepAlphas`, for the weights. */
export async function stepWeights(context: SearchContext, state: SearchState, prepare: () => void): Promise<TakenStep> {
  const { computing } = startGradient(context, state);
  prepare();
  const result = await computing;
  const loss = lossOf(context, result);
  if (!Number.isFinite(loss)) return { state, loss };
  const { steps, weightLearningRate = 1e-4 } = context.rates;
  const { step } = state;
  const learningRate = learningRateAt(step, { steps, learningRate: weightLearningRate, warmupSteps: 0 });
  const gradient = result.gradient.slice(0, context.search.trainedSize);
  const weights = await applyAdam(context.updates.weights, state.weights, gradient, { step, learningRate });
  return { state: { ...state, weights }, loss };
}

/** Peak rate with which a chosen network recovers, a usual one of fine-tuning. */
const TUNE_RATE = 1e-3;

/**
 * Trains the network of a choice for a little while from the search's weights: what a choice is worth shows only when
 * the channels that stay have taken over from those that go. Returns the vector of `relaxedVector`.
 * @param fill puts the batch of a step into the pool's buffers.
 */
export async function tuneChoice(
  { search, candidates, pool, updates }: SearchContext,
  start: Float32Array,
  choice: readonly number[],
  steps: number,
  { fill, signal }: { readonly fill: (step: number) => void; readonly signal?: AbortSignal },
): Promise<Float32Array> {
  const { vector } = relaxedVector(search, start, candidates, certain(candidates, choice));
  let weights = freshState(vector.slice(0, search.trainedSize));
  const schedule = { steps, learningRate: TUNE_RATE, warmupSteps: Math.min(10, steps) };
  for (let step = 0; step < steps && !signal?.aborted; step++) {
    fill(step);
    const { gradient } = await pool.compute(vector);
    const trained = gradient.slice(0, search.trainedSize);
    weights = await applyAdam(updates.weights, weights, trained, {
      step,
      learningRate: learningRateAt(step, schedule),
    });
    // The channels that stay are those of the start, whatever becomes of their weights.
    vector.set(weights.parameters);
  }
  vector.set(weights.average);
  return vector;
}

/** No step taken yet. */
export function freshState(parameters: Float32Array): TrainState {
  const zeros = () => new Float32Array(parameters.length);
  return { parameters, firstMoment: zeros(), secondMoment: zeros(), average: parameters.slice() };
}
