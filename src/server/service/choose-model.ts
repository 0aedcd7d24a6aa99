/** Which of several models is to answer so that a latency objective holds. */
import type { Admission } from './admission/admission.ts';
import type { Pace } from './admission/pace.ts';
import type { ServingModel } from './picture-upscaler.ts';
import type { ServiceModel } from './service-parts.ts';
import { workCost } from './work-cost.ts';

/**
 * Why a stand-in answers: `size`, the serving model would miss the objective for this picture on an idle machine too; `load`,
 * it would miss it because of what runs and waits.
 */
export type ChoiceReason = 'size' | 'load';

export interface Choice<Model extends ServingModel = ServingModel> {
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

/** Of a picture with so many pixels, in the queue's unit. */
export function costOf({ scale, manifest }: ServiceModel, pixels: number): number {
  return workCost({ scale, macsPerLrPixel: manifest.macs.perLrPixel }, pixels);
}

/** An index into `forecasts`, which is that of the best model first: the first that is done in time, else the quickest. */
export function chooseInTime(forecasts: readonly Forecast[], leftMs: number): number {
  const inTime = forecasts.findIndex(({ afterQueue }) => afterQueue <= leftMs);
  if (inTime >= 0) return inTime;
  const least = Math.min(...forecasts.map(({ afterQueue }) => afterQueue));
  return forecasts.findIndex(({ afterQueue }) => afterQueue === least);
}

export interface ModelChooserParts {
  /** Milliseconds from a request to its picture. */
  readonly objectiveMs: number;
  readonly admission: Pick<Admission, 'predictedMs'>;
  readonly pace: Pick<Pace, 'aloneMs' | 'relative'>;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** @param startedAt when the request came, on the clock of `now`. */
export type ChooseModel = <Model extends ServiceModel>(
  /** Best first; at least one. */
  models: readonly Model[],
  pixels: number,
  startedAt: number,
) => Choice<Model>;

/**
 * A picture's work is `workCost` of it; how long that takes is what the model's latest pictures took here, and what stands before it is what
 * the queue says. Nothing is known until a picture was finished: the best model answers until then.
 */
export function createModelChooser({ objectiveMs, admission, pace, now }: ModelChooserParts): ChooseModel {
  const forecast = (model: ServiceModel, pixels: number): Forecast => {
    const cost = costOf(model, pixels);
    const ahead = admission.predictedMs(0);
    const own = (admission.predictedMs(cost) - ahead) * pace.relative(model.id);
    return { afterQueue: ahead + own, alone: pace.aloneMs(model.id, cost) ?? 0 };
  };
  return (models, pixels, startedAt) => {
    const forecasts = models.map((model) => forecast(model, pixels));
    const index = chooseInTime(forecasts, objectiveMs - (now() - startedAt));
    const [model, better] = [models[index] as (typeof models)[number], models.slice(0, index)];
    if (index === 0) return { model, better };
    return { model, better, why: (forecasts[0] as Forecast).alone > objectiveMs ? 'size' : 'load' };
  };
}
