/** From a picture to its enlarged one: a cache, equal work under way, a free slot, the network. */
import { type EncodeOptions, fittedSize } from '../../core/codec/encode-format.ts';
import { checkInputBytes, checkInputSize, checkOutputSize, type ImageLimits } from '../../core/codec/limits.ts';
import { DualscaleError } from '../../core/errors.ts';
import { type ConsistencyOptions, enlargeEncoded } from '../../core/upscale/enlarge-encoded.ts';
import type { Enlargement } from '../../core/upscale/serving.ts';
import type { Upscaler } from '../../core/upscale/upscaler.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ServingModel } from '../models/model-registry.ts';
import { type Admission, costOf, type Work } from './admission/admission.ts';
import { ServiceTimeEstimator } from './admission/service-time.ts';
import { ModelChooser } from './choose-model.ts';
import type { EnlargeRequest, FallbackModel, PeekedPicture, ServedPicture, SourcePicture } from './picture.ts';
import { bodyDigest, type CachedPicture, type PictureCache } from './picture-cache.ts';
import { type FlightView, SingleFlight, startDeadline } from './single-flight.ts';

export interface PictureServiceDeps {
  readonly upscaler: Upscaler;
  readonly admission: Admission;
  readonly cache: PictureCache;
  readonly meter: Pick<Metrics, 'stage' | 'pixels' | 'joined'>;
  readonly limits: ImageLimits;
  readonly encoding: EncodeOptions;
  readonly consistency: ConsistencyOptions | false;
  readonly deadlineMs: number;
  /**
   * Milliseconds from a request to its picture that fallback models help to keep; undefined: the
   * serving model always answers.
   */
  readonly latencyObjectiveMs: number | undefined;
  /** Whether a smaller scale is taken where the requested one is too much. */
  readonly clamps: boolean;
  /** Must not throw. */
  readonly onEnlargement: (enlargement: Enlargement) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

interface FoundPicture {
  readonly picture: CachedPicture;
  readonly isHit: boolean;
}

/** The model and its fallback models, best first. */
function candidatesOf(model: ServingModel): readonly ServingModel[] {
  return [model, ...(model.fallbackModels ?? [])];
}

function served(
  picture: CachedPicture,
  requestedScale: number,
  cache: ServedPicture['cache'],
  queueMs = 0,
): ServedPicture {
  return {
    ...picture,
    cache,
    queueMs,
    requestedScale: picture.scale === requestedScale ? undefined : requestedScale,
  };
}

export class PictureService {
  readonly #deps: PictureServiceDeps;
  readonly #flights = new SingleFlight<FoundPicture>();
  readonly #serviceTime: ServiceTimeEstimator;
  readonly #chooser: ModelChooser | undefined;

  constructor(deps: PictureServiceDeps) {
    this.#deps = deps;
    const { latencyObjectiveMs, deadlineMs, admission, now } = deps;
    this.#serviceTime = new ServiceTimeEstimator(now);
    if (latencyObjectiveMs === undefined) return;
    // What would be refused is not in time either.
    const objectiveMs = Math.min(latencyObjectiveMs, deadlineMs);
    this.#chooser = new ModelChooser({ objectiveMs, admission, serviceTime: this.#serviceTime, now });
  }

  /**
   * The enlarged picture, if it lies in memory. `sourceName` names the host's bytes and must hold
   * everything they depend on: address, path and query, media type and ETag (which is unique for
   * one URL only), and the size that is requested. Costs no digest and no slot. Of several models,
   * one of which the picture's size chooses, none may have fallback models. The picture of a
   * fallback model is given only where no better one could be made in time. `startedAt` as in
   * `EnlargeRequest`.
   */
  peek(sourceName: string, models: readonly ServingModel[], startedAt: number): PeekedPicture | undefined {
    const { cache } = this.#deps;
    if (models.length > 1) {
      const named = cache.named(sourceName, models);
      return named && { picture: served(named.picture, named.requestedScale, 'hit') };
    }
    const candidates = candidatesOf(models[0]);
    for (const [index, candidate] of candidates.entries()) {
      const found = cache.named(sourceName, [candidate])?.picture;
      if (!found) continue;
      const picture = served(found, candidate.scale, 'hit');
      if (index === 0) return { picture };
      const pixels = (picture.width * picture.height) / picture.scale ** 2;
      const choice = this.#chooser?.choose(candidates, pixels, startedAt);
      // There is time for a better one.
      if (choice?.why === undefined || choice.better.length < index) return undefined;
      return { picture, fallback: { model: candidate, why: choice.why, better: candidates.slice(0, index) } };
    }
    return undefined;
  }

  /**
   * Which of `model` and its fallback models `enlarge` should be called with: the best that is
   * there already or will be in time, else the quickest.
   */
  async choose(
    source: SourcePicture,
    request: EnlargeRequest,
  ): Promise<{ readonly model: ServingModel; readonly fallback?: FallbackModel }> {
    const { model, fit, startedAt = this.#deps.now() } = request;
    // What is wrong with a picture, or is made of one that is too large, `enlarge` decides.
    if (!model.fallbackModels || !this.#chooser || this.#sizeError(source, model, fit)) return { model };
    const candidates = candidatesOf(model);
    const { width, height } = source.header;
    const choice = this.#chooser.choose(candidates, width * height, startedAt);
    if (choice.why === undefined) return { model };
    const areThere = await Promise.all(choice.better.map((better) => this.#isThere(source, request, better)));
    const index = areThere.includes(true) ? areThere.indexOf(true) : choice.better.length;
    if (index === 0) return { model };
    const chosen = candidates[index];
    return { model: chosen, fallback: { model: chosen, why: choice.why, better: candidates.slice(0, index) } };
  }

  /** Whether its picture is in the cache or under way. */
  async #isThere(source: SourcePicture, request: EnlargeRequest, model: ServingModel): Promise<boolean> {
    const key = this.#keyOf(source, request, model);
    return this.#flights.has(key) || this.#deps.cache.has(key);
  }

  /**
   * From a cache, from equal work under way, or made now. Throws DS_BAD_IMAGE,
   * DS_UNSUPPORTED_IMAGE, DS_INPUT_TOO_LARGE, DS_OUTPUT_TOO_LARGE, DS_ABORTED (the signal, or
   * closing), DS_CLOSING (after `close`), DS_BUSY (it would not be ready before the deadline),
   * DS_DEADLINE (it was not), DS_ENGINE, DS_WORKER_CRASHED.
   */
  async enlarge(source: SourcePicture, request: EnlargeRequest): Promise<ServedPicture> {
    const { cache, now, deadlineMs, meter } = this.#deps;
    const { model, startedAt, signal } = request;
    if (signal.aborted) throw new DualscaleError('DS_ABORTED', 'aborted before it began');
    const key = this.#keyOf(source, request, model);
    const known = cache.peek(key);
    if (known) return served(known, model.scale, 'hit');

    const since = now();
    const deadline = startedAt === undefined ? undefined : startedAt + deadlineMs;
    const limited = startDeadline(signal, deadline === undefined ? undefined : deadline - since);
    let isOwn = false;
    const work = (flight: FlightView) => {
      isOwn = true;
      return this.#findOrMake(source, key, request, flight);
    };
    try {
      const { picture, isHit } = await this.#flights.run(key, work, { signal: limited.signal, deadline });
      if (!isOwn) meter.joined();
      if (isHit) return served(picture, model.scale, 'hit');
      const { decode, infer, encode } = picture.timings;
      const queueMs = Math.max(0, now() - since - decode - infer - encode);
      return served(picture, model.scale, isOwn ? 'miss' : 'joined', queueMs);
    } catch (error) {
      throw limited.explain(error);
    } finally {
      limited.release();
    }
  }

  #keyOf({ bytes, digest = bodyDigest(bytes) }: SourcePicture, request: EnlargeRequest, model: ServingModel): string {
    const { cache } = this.#deps;
    const { sourceName, fit, among } = request;
    const key = cache.keyOf(fit ? `${digest} ${fit.width}x${fit.height}` : digest, model);
    // A fallback model's picture is its own.
    if (sourceName !== undefined) cache.remember(sourceName, among?.includes(model) ? among : [model], model, key);
    return key;
  }

  async #findOrMake(
    source: SourcePicture,
    key: string,
    request: EnlargeRequest,
    flight: FlightView,
  ): Promise<FoundPicture> {
    const { cache } = this.#deps;
    const cached = await cache.get(key);
    if (cached) return { picture: cached, isHit: true };
    const picture = await this.#make(source, request, flight);
    cache.set(key, picture);
    return { picture, isHit: false };
  }

  /** Waits for a slot, enlarges, and reports how it went. */
  #make(source: SourcePicture, request: EnlargeRequest, flight: FlightView): Promise<CachedPicture> {
    const { admission, meter, now, onEnlargement } = this.#deps;
    const { bytes, header } = source;
    const model = this.#largestAllowed(source, request);
    const pixels = header.width * header.height;
    const since = now();
    const work: Work = {
      cost: costOf(model, pixels),
      signal: flight.signal,
      // A request that joins later may wait longer.
      get deadline() {
        return flight.deadline;
      },
    };
    return admission.run(work, async () => {
      const start = now();
      meter.stage('queue', start - since);
      const endTiming = this.#serviceTime.start(model.id);
      let doneCost = 0;
      const report = (result: Partial<Enlargement>): void => {
        const milliseconds = now() - start;
        const input = { bytes, address: request.address };
        onEnlargement({ modelId: model.id, scale: model.scale, milliseconds, input, ...result });
      };
      try {
        const picture = await this.#enlargeNow(source, model, request.fit, flight.signal);
        const { timings, consistencyError, fallback, width, height } = picture;
        for (const [stage, ms] of Object.entries(timings)) meter.stage(stage as keyof typeof timings, ms);
        meter.pixels('in', pixels);
        meter.pixels('out', width * height);
        report({ consistencyError, fallback, outputPixels: width * height });
        // The time of a blind model that took over says nothing about this one.
        if (picture.modelId === model.id) doneCost = work.cost;
        return { ...picture, scale: model.scale };
      } catch (error) {
        report({ error: error instanceof DualscaleError ? error.code : 'DS_ENGINE' });
        throw error;
      } finally {
        endTiming(doneCost);
      }
    });
  }

  async #enlargeNow(source: SourcePicture, model: ServingModel, fit: EnlargeRequest['fit'], signal: AbortSignal) {
    const { upscaler, limits, consistency, encoding, now } = this.#deps;
    const blind = await model.loadBlind?.();
    return enlargeEncoded(source.bytes, {
      upscaler,
      header: source.header,
      model: await model.load(),
      blind,
      hint: model.hint,
      limits,
      consistency,
      encoding: { ...encoding, fit },
      signal,
      now,
    });
  }

  /**
   * The requested model, or where the result would be too large and a smaller one is wanted, the
   * largest that fits.
   */
  #largestAllowed(source: SourcePicture, { model: requested, fit }: EnlargeRequest): ServingModel {
    let refusal: unknown;
    for (const model of this.#deps.clamps ? [requested, ...requested.smaller] : [requested]) {
      const error = this.#sizeError(source, model, fit);
      if (!error) return model;
      if (error.code !== 'DS_OUTPUT_TOO_LARGE') throw error;
      refusal ??= error;
    }
    throw refusal;
  }

  /** DS_INPUT_TOO_LARGE or DS_OUTPUT_TOO_LARGE, from the header alone. */
  #sizeError({ bytes, header }: SourcePicture, { scale }: ServingModel, fit: EnlargeRequest['fit']) {
    const { limits } = this.#deps;
    const size = { width: header.width * scale, height: header.height * scale };
    try {
      checkInputBytes(bytes.length, limits);
      checkInputSize(header, limits);
      checkOutputSize(header, scale, header.format, limits, fittedSize(size, fit));
      return undefined;
    } catch (error) {
      return error as DualscaleError;
    }
  }
}
