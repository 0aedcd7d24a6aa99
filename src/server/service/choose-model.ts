/** Which of several models answers so that a latency objective holds. */
import { type Admission, costOf, type ModelFacts } from './admission/admission.ts';
import type { ServiceTimeEstimator } from './admission/service-time.ts';

/**
 * Why a fallback model answers. `size`: the serving model would miss the objective for this picture
 * on an idle machine too; `load`: it would miss it because of what runs and waits.
 */
export type ChoiceReason = 'size' | 'load';

export interface Choice<Model> {
  readonly model: Model;
  /** Absent where the serving model answers. */
  readonly why?: ChoiceReason;
  /** Models that are better than `model`, best first. */
  readonly better: readonly Model[];
}

/** Milliseconds in which a model would be done with a picture. */
export interface Forecast {
  /** After what runs and waits. */
  readonly afterQueue: number;
  /** On an idle machine. */
  readonly alone: number;
}

/**
 * An index into `forecasts`, which is that of the best model first: the first that is done in time,
 * else the quickest.
 */
export function chooseInTime(forecasts: readonly Forecast[], leftMs: number): number {
  const inTime = forecasts.findIndex(({ afterQueue }) => afterQueue <= leftMs);
  if (inTime >= 0) return inTime;
  const least = Math.min(...forecasts.map(({ afterQueue }) => afterQueue));
  return forecasts.findIndex(({ afterQueue }) => afterQueue === least);
}

export interface ModelChooserDeps {
  /** Milliseconds from a request to its picture. */
  readonly objectiveMs: number;
  readonly admission: Pick<Admission, 'predictedMs'>;
  readonly serviceTime: Pick<ServiceTimeEstimator, 'aloneMs' | 'relative'>;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/**
 * A picture's work is `workCost` of it. How long that takes is what the model's latest pictures
 * took here, and what is ahead of it is what the queue says. Nothing is known until a picture was
 * finished: the best model answers until then.
 */
export class ModelChooser {
  readonly #deps: ModelChooserDeps;

  constructor(deps: ModelChooserDeps) {
    this.#deps = deps;
  }

  /**
   * @param models best first; at least one.
   * @param startedAt when the request came, on the clock of `now`.
   */
  choose<Model extends ModelFacts>(models: readonly Model[], pixels: number, startedAt: number): Choice<Model> {
    const { objectiveMs, now } = this.#deps;
    const forecasts = models.map((model) => this.#forecast(model, pixels));
    const index = chooseInTime(forecasts, objectiveMs - (now() - startedAt));
    const model = models[index];
    const better = models.slice(0, index);
    if (index === 0) return { model, better };
    return { model, better, why: forecasts[0].alone > objectiveMs ? 'size' : 'load' };
  }

  #forecast(model: ModelFacts, pixels: number): Forecast {
    const { admission, serviceTime } = this.#deps;
    const cost = costOf(model, pixels);
    const ahead = admission.predictedMs(0);
    const own = (admission.predictedMs(cost) - ahead) * serviceTime.relative(model.id);
    return { afterQueue: ahead + own, alone: serviceTime.aloneMs(model.id, cost) ?? 0 };
  }
}
