/**
 * Channel number search (arXiv 2207.07929, stage one): the weights learn on one half of the training photographs, how
 * probable each width is on the other half, in turns and to first order (the released code's second-order term is
 * multiplied by its step size instead of divided, and has no effect). The loss of both is dual regression.
 */
import type { Engine } from '../../../core/engine/engine.ts';
import type { Provider } from '../../../core/engine/runtime.ts';
import { badOption } from '../../../core/errors.ts';
import type { NetworkSpec, ParameterValues } from '../../../core/network/spec.ts';
import { createRandom } from '../../../core/random.ts';
import { degradationOf } from '../../presets/recipes.ts';
import { createBatchFiller } from '../../train/data/batch-filler.ts';
import type { Dataset } from '../../train/data/dataset.ts';
import { createValidator } from '../../train/run/validate.ts';
import { openGradients } from '../../train/step/gradient-pool.ts';
import { shareOfWorker } from '../../train/step/micro-batch.ts';
import type { BatchShape } from '../../train/step/objective.ts';
import { costOf, type SharedBudget } from '../budget.ts';
import { readValues } from './choose-widths.ts';
import {
  bestSoFar,
  type ChoiceEvent,
  type EvaluationContext,
  evaluateNext,
  learntBy,
  winnerOf,
} from './evaluate-choices.ts';
import { loadSearch, type SearchResult, type SearchState, saveSearch } from './search-state.ts';
import {
  compileUpdates,
  freshState,
  type SearchContext,
  type SearchRates,
  stepAlphas,
  stepWeights,
} from './search-steps.ts';
import { createSearchObjective, startWeights } from './super-net.ts';

export interface SearchRecipe extends SearchRates, BatchShape {
  /** Weight of the dual regression loss. */
  readonly dualWeight: number;
  readonly seed: number;
  /** Steps between checkpoints. */
  readonly checkpointEvery: number;
  /** Steps between choices that held-out photographs evaluation, in the second half of the search. */
  readonly chooseEvery: number;
  /** After the search, steps for which each of up to six choices is tuned before it is judged, the best two three times as long. @default a sixth of `steps` */
  readonly tuneSteps?: number;
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
  | ChoiceEvent;

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
  /** File of the checkpoint, from which a stopped search is resumed. */
  readonly checkpoint: string;
  readonly engine: Engine;
  /** Where the workers' sessions run. @default 'cpu' */
  readonly provider?: Provider;
  /** @default 1 */
  readonly workers?: number;
  /** Patches per run of the network; must divide the batch. @default `shareOfWorker` */
  readonly microBatchSize?: number;
  readonly report: (event: SearchEvent) => void;
  readonly signal?: AbortSignal;
}

/** Choices that are tuned and evaluated at most: as many as there are readings, and the best so far. */
const MAX_FINALISTS = 6;
/** So that all widths start about equally probable, as in the paper's code. */
const ALPHA_DEVIATION = 1e-3;

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function startState(
  context: Pick<SearchContext, 'search'>,
  { parameters, candidates, recipe }: SearchOptions,
): SearchState {
  const count = candidates.reduce((sum, { length }) => sum + length, 0);
  const random = createRandom(recipe.seed, 0xa1fa);
  const alphas = Float32Array.from({ length: count }, () => ALPHA_DEVIATION * normal(random));
  const weights = startWeights(context.search, parameters, recipe.seed);
  return {
    step: 0,
    weights: freshState(weights),
    alphas: freshState(alphas),
    values: new Float32Array(count),
    multiplier: 0,
  };
}

/** Photographs alternate between the halves, so that both see every source of them. */
function createFillers({ dataset, recipe, spec }: SearchOptions, { pool }: SearchContext) {
  const options = { ...recipe, degradation: degradationOf(spec) };
  const half = (index: number) => {
    const own = dataset.train.filter((_, i) => i % 2 === index);
    const fill = createBatchFiller({ train: own.length > 0 ? own : dataset.train }, options, pool);
    return (step: number) => fill(createRandom(recipe.seed, step, index));
  };
  return { weights: half(0), alphas: half(1) };
}

function toResult({ candidates, shared, search }: SearchContext, state: SearchState): SearchResult {
  const { choice, reading, psnrDb } = winnerOf(state);
  const learnt = learntBy(state, candidates);
  const values = readValues(learnt, reading);
  const widths = candidates.map((options, i) => options[choice[i]]);
  return {
    reading,
    widths,
    psnrDb,
    searched: search.places.map(({ width: { name, width: full } }, i) => ({
      name,
      full,
      candidates: candidates[i],
      width: widths[i],
      alphas: learnt.alphas[i],
      values: values[i].map((value) => value - values[i][0]),
    })),
    predicted: shared ? costOf(shared.model, choice) : undefined,
  };
}

type Save = (state: SearchState) => Promise<void>;

async function runSteps(
  start: SearchState,
  context: SearchContext,
  options: SearchOptions,
  {
    fillers,
    evaluation,
  }: { readonly fillers: ReturnType<typeof createFillers>; readonly evaluation: EvaluationContext },
  save: Save,
): Promise<SearchState> {
  const { recipe, report, signal } = options;
  const { steps, checkpointEvery, chooseEvery } = recipe;
  let state = start;
  if (state.step < steps) fillers.alphas(state.step);
  while (state.step < steps && !signal?.aborted) {
    const { step } = state;
    const alphas = await stepAlphas(context, state, () => fillers.weights(step));
    const weights = await stepWeights(context, alphas.state, () => fillers.alphas(step + 1));
    state = { ...weights.state, step: step + 1 };
    const { loss: alphaLoss, expected } = alphas;
    report({ type: 'search-step', step: step + 1, steps, loss: weights.loss, alphaLoss, expected });
    if (state.step > steps / 2 && state.step % chooseEvery === 0) {
      state = { ...state, best: await bestSoFar(context, state, evaluation) };
    }
    if (state.step === steps || state.step % checkpointEvery === 0 || signal?.aborted) await save(state);
  }
  return state;
}

/** Judges the finalists one by one, each with a checkpoint behind it. */
async function evaluateAll(
  start: SearchState,
  context: SearchContext,
  evaluation: EvaluationContext,
  save: Save,
): Promise<SearchState> {
  let state = start;
  while (!evaluation.signal?.aborted) {
    const next = await evaluateNext(context, state, evaluation);
    // A choice whose tuning was cut short is evaluated again.
    if (!next || evaluation.signal?.aborted) break;
    state = next;
    await save(state);
  }
  return state;
}

function checkReachable({ shared }: SearchOptions): void {
  if (!shared) return;
  const { model, limit } = shared;
  const least = model.costs.reduce((sum, costs) => sum + Math.min(...costs), model.fixed);
  if (least > limit) throw badOption('budget', `at least the ${least} ${model.unit} of the smallest widths`, limit);
}

/** What must be equal to resume from a checkpoint, and which photographs it learnt from. */
function fingerprintOf({ spec, candidates, shared, recipe, dataset }: SearchOptions): string {
  const { dualWeight, seed, steps } = recipe;
  return JSON.stringify({ spec, candidates, limit: shared?.limit, dualWeight, seed, steps, data: dataset.digest });
}

/**
 * The result, or undefined when the signal stopped the search early; it can be resumed from its checkpoint.
 * Throws DS_BAD_OPTION when no choice of the candidates keeps the budget, DS_BAD_DATA for a checkpoint of another search.
 */
export async function searchWidths(options: SearchOptions): Promise<SearchResult | undefined> {
  const { spec, candidates, shared, recipe, dataset, engine, provider = 'cpu', workers = 1, checkpoint } = options;
  const { batchSize, lrPatchSize, steps, dualWeight, tuneSteps = Math.ceil(steps / 6) } = recipe;
  checkReachable(options);
  const search = createSearchObjective(spec, dualWeight);
  const fingerprint = fingerprintOf(options);
  const start = (await loadSearch(checkpoint, fingerprint)) ?? startState({ search }, options);
  const { microBatchSize = shareOfWorker(batchSize, workers), report, signal } = options;
  const shape = { batchSize, lrPatchSize, microBatchSize };
  const pool = await openGradients(search.objective, engine, { ...shape, workers, provider });
  try {
    const updates = await compileUpdates(engine, search.trainedSize, start.values.length);
    const context = { search, candidates, rates: recipe, pool, updates, shared };
    const fillers = createFillers(options, context);
    const validate = await createValidator(
      engine,
      search.objective.primal,
      search.objective.layout,
      dataset.validation,
      degradationOf(options.spec),
    );
    const maxFinalists = dataset.validation.length === 0 ? 1 : MAX_FINALISTS;
    const evaluation = { validate, report, maxFinalists, fill: fillers.weights, tuneSteps, signal };
    const save = (state: SearchState) => saveSearch(checkpoint, state, fingerprint);
    const searched = await runSteps(start, context, options, { fillers, evaluation }, save);
    const judged = searched.step < steps ? searched : await evaluateAll(searched, context, evaluation, save);
    await Promise.all([updates.weights.release(), updates.alphas.release()]);
    return judged.step < steps || signal?.aborted ? undefined : toResult(context, judged);
  } finally {
    await pool.close();
  }
}
