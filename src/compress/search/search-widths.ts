/**
 * Channel number search (arXiv 2207.07929, stage one): the weights learn on one half of the training photographs, how
 * probable each width is on the other half, in turns and to first order (the released code's second-order term is
 * multiplied by its step size instead of divided, and has no effect). The loss of both is dual regression.
 */
import type { Engine, Provider } from '../../engine/engine.ts';
import { badOption } from '../../errors.ts';
import type { ParameterValues } from '../../network/create-network.ts';
import type { NetworkSpec } from '../../network/network.ts';
import { createPatchSampler, fillBatch } from '../../train/batches.ts';
import type { Dataset } from '../../train/dataset.ts';
import { createEagerGradients } from '../../train/eager-gradients.ts';
import { createGradientPool } from '../../train/gradient-pool.ts';
import type { BatchShape } from '../../train/objective.ts';
import { createRandom } from '../../train/random.ts';
import type { TrainState } from '../../train/stepper.ts';
import { createValidator } from '../../train/validate.ts';
import { costOf } from '../budget.ts';
import { proposeChoices, readValues, type SharedBudget } from './pick-widths.ts';
import { type FoundChoice, loadSearch, type SearchState, saveSearch } from './search-checkpoint.ts';
import { createSearchObjective } from './search-objective.ts';
import type { SearchResult } from './search-result.ts';
import { compileUpdates, type SearchParts, type SearchRates, stepAlphas, stepWeights } from './search-steps.ts';
import { certain, relaxedVector, splitByWidth, startWeights } from './super-net.ts';

export interface SearchRecipe extends SearchRates, BatchShape {
  /** Weight of the dual regression loss. */
  readonly dualWeight: number;
  readonly seed: number;
  /** Steps between checkpoints. */
  readonly checkpointEvery: number;
  /** Steps between choices that held-out photographs judge, in the second half of the search; also after the last step. */
  readonly chooseEvery: number;
}

export type SearchEvent =
  | {
      readonly type: 'search-step';
      readonly step: number;
      readonly steps: number;
      /** L_DR on the half that teaches the weights. */
      readonly loss: number;
      /** L_DR on the half that teaches the alphas. */
      readonly alphaLoss: number;
      /** Expected cost in the budget's unit; absent for a ratio. */
      readonly expected?: number;
    }
  | {
      readonly type: 'search-choice';
      readonly step: number;
      readonly widths: readonly number[];
      /** On held-out photographs, with the weights of the search. */
      readonly psnrDb: number;
      readonly predicted?: number;
    };

export interface SearchOptions {
  readonly spec: NetworkSpec;
  /** Weights of the uncompressed model; duals it lacks start at random. */
  readonly parameters: Readonly<Record<string, ParameterValues>>;
  /** Per prunable width, ascending (`listCandidates`). */
  readonly candidates: readonly (readonly number[])[];
  /** What all widths together may cost; absent where the candidates alone keep the budget, as with a ratio. */
  readonly shared?: SharedBudget;
  readonly recipe: SearchRecipe;
  /** `train` is halved; `validation` judges the choices. */
  readonly dataset: Pick<Dataset, 'train' | 'validation' | 'digest'>;
  /** File of the checkpoint, from which a search that was stopped goes on. */
  readonly checkpoint: string;
  readonly engine: Engine;
  /** Where the workers' sessions run. @default 'cpu' */
  readonly provider?: Provider;
  /** @default 1 */
  readonly workers?: number;
  /** Patches per run of the network; must divide the batch. @default `batchSize / workers` */
  readonly microBatchSize?: number;
  readonly report: (event: SearchEvent) => void;
  readonly signal?: AbortSignal;
}

/** So that all widths start about equally probable, as in the paper's code. */
const ALPHA_DEVIATION = 1e-3;

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const zeroMoments = (parameters: Float32Array): TrainState => ({
  parameters,
  firstMoment: new Float32Array(parameters.length),
  secondMoment: new Float32Array(parameters.length),
  average: parameters.slice(),
});

function startState(
  parts: Pick<SearchParts, 'search'>,
  { parameters, candidates, recipe }: SearchOptions,
): SearchState {
  const count = candidates.reduce((sum, { length }) => sum + length, 0);
  const random = createRandom(recipe.seed, 0xa1fa);
  const alphas = Float32Array.from({ length: count }, () => ALPHA_DEVIATION * normal(random));
  const weights = startWeights(parts.search, parameters, recipe.seed);
  return {
    step: 0,
    weights: zeroMoments(weights),
    alphas: zeroMoments(alphas),
    values: new Float32Array(count),
    multiplier: 0,
  };
}

/** Photographs alternate between the halves, so that both see every source of them. */
function createFillers({ dataset, recipe }: SearchOptions, { pool }: SearchParts) {
  const half = (rest: number) => {
    const own = dataset.train.filter((_, i) => i % 2 === rest);
    const sample = createPatchSampler(own.length > 0 ? own : dataset.train, recipe);
    return (step: number) => fillBatch(sample, createRandom(recipe.seed, step, rest), recipe, pool.images);
  };
  return { weights: half(0), alphas: half(1) };
}

/** Judges what the search would choose now, and keeps the best. */
async function choose(
  parts: SearchParts,
  state: SearchState,
  options: SearchOptions,
  validate: (vector: Float32Array) => Promise<number>,
): Promise<FoundChoice> {
  const { search, candidates, shared } = parts;
  const learnt = { candidates, ...learntLists(state, candidates) };
  // Without held-out photographs the first reading counts.
  const proposals = proposeChoices(learnt, shared).slice(0, options.dataset.validation.length === 0 ? 1 : undefined);
  let { best } = state;
  for (const proposal of proposals) {
    const { vector } = relaxedVector(search, state.weights.average, candidates, certain(candidates, proposal.choice));
    const psnrDb = await validate(vector);
    options.report({
      type: 'search-choice',
      step: state.step,
      widths: candidates.map((widths, i) => widths[proposal.choice[i]]),
      psnrDb,
      ...(shared ? { predicted: costOf(shared.model, proposal.choice) } : {}),
    });
    if (!best || !(psnrDb <= best.psnrDb)) best = { ...proposal, psnrDb, step: state.step };
  }
  return best as FoundChoice;
}

function learntLists({ alphas, values }: SearchState, candidates: SearchParts['candidates']) {
  return { alphas: splitByWidth(alphas.parameters, candidates), values: splitByWidth(values, candidates) };
}

function toResult({ candidates, shared, search }: SearchParts, state: SearchState): SearchResult {
  const { choice, reading, psnrDb } = state.best as FoundChoice;
  const learnt = { candidates, ...learntLists(state, candidates) };
  const values = readValues(learnt, reading);
  const widths = candidates.map((options, i) => options[choice[i]]);
  return {
    ...{ reading, widths, psnrDb },
    searched: search.places.map(({ width: { name, width: full } }, i) => ({
      ...{ name, full, candidates: candidates[i], width: widths[i] },
      ...{ alphas: learnt.alphas[i], values: values[i].map((value) => value - values[i][0]) },
    })),
    ...(shared ? { predicted: costOf(shared.model, choice) } : {}),
  };
}

async function runSteps(
  start: SearchState,
  parts: SearchParts,
  options: SearchOptions,
  validate: (vector: Float32Array) => Promise<number>,
  save: (state: SearchState) => Promise<void>,
): Promise<SearchState> {
  const { recipe, report, signal } = options;
  const { steps, checkpointEvery, chooseEvery } = recipe;
  const fill = createFillers(options, parts);
  let state = start;
  if (state.step < steps) fill.alphas(state.step);
  while (state.step < steps && !signal?.aborted) {
    const { step } = state;
    const alphas = await stepAlphas(parts, state, () => fill.weights(step));
    const weights = await stepWeights(parts, alphas.state, () => fill.alphas(step + 1));
    state = { ...weights.state, step: step + 1 };
    const expected = alphas.expected === undefined ? {} : { expected: alphas.expected };
    report({ type: 'search-step', step: step + 1, steps, loss: weights.loss, alphaLoss: alphas.loss, ...expected });
    const isLast = state.step === steps;
    if (isLast || (state.step > steps / 2 && state.step % chooseEvery === 0)) {
      state = { ...state, best: await choose(parts, state, options, validate) };
    }
    if (isLast || state.step % checkpointEvery === 0 || signal?.aborted) await save(state);
  }
  return state;
}

/**
 * The result, or undefined when the signal ended the search before its last step; it then goes on from its checkpoint.
 * Throws DS_BAD_OPTION when no choice of the candidates keeps the budget, DS_BAD_DATA for a checkpoint of another search.
 */
export async function searchWidths(options: SearchOptions): Promise<SearchResult | undefined> {
  const { spec, candidates, shared, recipe, dataset, engine, provider = 'cpu', workers = 1, checkpoint } = options;
  const { batchSize, lrPatchSize, seed, steps, dualWeight } = recipe;
  if (shared) {
    const least = costOf(
      shared.model,
      shared.model.costs.map((costs) => costs.indexOf(Math.min(...costs))),
    );
    if (least > shared.limit)
      throw badOption('budget', `at least the ${least} ${shared.model.unit} of the smallest widths`, shared.limit);
  }
  const search = createSearchObjective(spec, dualWeight);
  const fingerprint = JSON.stringify({
    spec,
    candidates,
    limit: shared?.limit,
    dualWeight,
    seed,
    steps,
    data: dataset.digest,
  });
  const state = (await loadSearch(checkpoint, fingerprint)) ?? startState({ search }, options);
  const { microBatchSize = batchSize / workers } = options;
  const shape = { batchSize, lrPatchSize, microBatchSize };
  const pool = await (engine.name === 'tfjs'
    ? createEagerGradients(search.objective, engine, shape)
    : createGradientPool(search.objective, { ...shape, workers, provider }));
  try {
    const updates = await compileUpdates(engine, search.trainedSize, state.values.length);
    const parts = { search, candidates, rates: recipe, pool, updates, ...(shared ? { shared } : {}) };
    const validate = await createValidator(
      engine,
      search.objective.primal,
      search.objective.layout,
      dataset.validation,
    );
    const ended = await runSteps(state, parts, options, validate, (s) => saveSearch(checkpoint, s, fingerprint));
    await Promise.all([updates.weights.release(), updates.alphas.release()]);
    return ended.step < steps ? undefined : toResult(parts, ended);
  } finally {
    await pool.close();
  }
}
