/** The steps below HTTP: the cache, equal work under way, a free slot, the picture. */

import { DualscaleError } from '../../core/errors.ts';
import { type DegradationHint, needsBlind } from '../../core/upscale/degradation-hint.ts';
import { bodyDigest } from '../http/request/conditional.ts';
import type { Work } from './admission/admission.ts';
import { type Choice, type ChooseModel, costOf, createModelChooser } from './choose-model.ts';
import { createPictureMemo, type MadePicture, type PictureMemo } from './picture-memo.ts';
import type {
  EnlargeRequest,
  PictureFacts,
  PictureSize,
  PictureUpscaler,
  ServedPicture,
  ServingModel,
} from './picture-upscaler.ts';
import { startDeadline } from './request-deadline.ts';
import type { Enlargement, PictureServiceParts, ServiceModel } from './service-parts.ts';
import { createSingleFlight, type FlightView, type SingleFlight } from './single-flight.ts';

type Input = Enlargement['input'] & { readonly bytes: Buffer; readonly fit?: PictureSize };

interface Flown {
  readonly picture: MadePicture;
  readonly isHit: boolean;
}

function refuse(name: string, got: unknown, allowed: readonly (string | number)[]): DualscaleError {
  const message = `expected \`${name}\` to be one of ${allowed.join(', ')}, got \`${got}\``;
  const publicDetail = `Allowed values of \`${name}\`: ${allowed.join(', ')}.`;
  return new DualscaleError('DS_BAD_PARAMETER', message, { publicDetail });
}

/** The model and its stand-ins, best first. */
function candidatesOf<Model extends ServingModel>(model: Model): readonly Model[] {
  return [model, ...((model.fallbackModels ?? []) as readonly Model[])];
}

/** Class rather than closures: the steps share a dozen parts. */
export class PictureService<Model extends ServiceModel> implements PictureUpscaler {
  readonly #parts: PictureServiceParts<Model>;
  readonly #memo: PictureMemo;
  readonly #flights: SingleFlight<Flown> = createSingleFlight<Flown>();
  readonly #chooseModel: ChooseModel | undefined = undefined;
  readonly encoding: string;
  readonly skipReason: PictureUpscaler['skipReason'];
  readonly inspect: PictureUpscaler['inspect'];

  constructor(parts: PictureServiceParts<Model>) {
    this.#parts = parts;
    this.#memo = createPictureMemo(parts.cache, parts.encoding);
    const { latencyObjectiveMs, deadlineMs, admission, pace, now } = parts;
    if (latencyObjectiveMs !== undefined) {
      // What would be refused is not in time either.
      const objectiveMs = Math.min(latencyObjectiveMs, deadlineMs);
      this.#chooseModel = createModelChooser({ objectiveMs, admission, pace, now });
    }
    this.encoding = parts.encoding;
    this.skipReason = parts.skipReason;
    this.inspect = parts.inspect;
  }

  get scales(): readonly number[] {
    return this.#parts.models.scales;
  }

  modelIds(scale?: number): readonly string[] {
    const { manifests } = this.#parts.models;
    return manifests.filter((model) => scale === undefined || model.scale === scale).map(({ id }) => id);
  }

  modelFor(scale: number, modelId?: string, hint?: DegradationHint): Model {
    const { models } = this.#parts;
    const model = modelId === undefined ? models.serving(scale) : models.named(modelId);
    if (model?.scale === scale) {
      const unasked = modelId === undefined ? models.byDefault(model) : model;
      const withHint = hint ? models.withHint(model, hint) : unasked;
      if (!withHint) throw refuse('sr_degradation', 'blind', ['auto', 'bicubic']);
      const fallbackModels = modelId === undefined ? this.#fallbackModels(scale, hint ?? withHint.hint) : [];
      return fallbackModels.length > 0 ? { ...withHint, fallbackModels } : withHint;
    }
    if (modelId === undefined) throw refuse('upscale', scale, models.scales);
    throw refuse('sr_model', modelId, this.modelIds(scale));
  }

  /** A request that names a model, or needs the blind one, has no other choice. */
  #fallbackModels(scale: number, hint: DegradationHint | undefined): readonly Model[] {
    if (!this.#chooseModel || (hint && needsBlind(hint))) return [];
    return this.#parts.models.fallbackModels(scale, hint);
  }

  peek(source: string, models: readonly ServingModel[], startedAt: number): ServedPicture | undefined {
    const [model, ...larger] = models as readonly [Model, ...Model[]];
    if (larger.length > 0) {
      const named = this.#memo.named(source, models);
      return named && this.#served(named.picture, named.requestedScale, 'hit', 0);
    }
    const candidates = candidatesOf(model);
    for (const [index, candidate] of candidates.entries()) {
      const picture = this.#memo.named(source, [candidate])?.picture;
      if (!picture) continue;
      const served = this.#served(picture, candidate.scale, 'hit', 0);
      if (index === 0) return served;
      const pixels = (picture.width * picture.height) / picture.scale ** 2;
      const { why, better } = this.#chooseModel?.(candidates, pixels, startedAt) ?? { better: [] };
      // There is time for a better one.
      if (why === undefined || better.length < index) return undefined;
      return { ...served, fallbackModel: { model: candidate, why, better: candidates.slice(0, index) } };
    }
    return undefined;
  }

  async choose(bytes: Buffer, request: EnlargeRequest & { readonly model: ServingModel }): Promise<Choice> {
    const candidates = candidatesOf(request.model as Model);
    const [active] = candidates as [Model];
    // What is wrong with a picture, or is made of one that is too large, `enlarge` knows.
    const facts = await this.#parts.check(bytes, active.scale, request.fit).catch(() => undefined);
    if (!facts || !this.#chooseModel) return { model: active, better: [] };
    const { startedAt = this.#parts.now() } = request;
    const choice = this.#chooseModel(candidates, facts.width * facts.height, startedAt);
    const areThere = await Promise.all(choice.better.map((model) => this.#isThere(bytes, request, model)));
    const index = areThere.indexOf(true);
    if (index === 0) return { model: active, better: [] };
    return index < 0 ? choice : { ...choice, model: candidates[index] as Model, better: candidates.slice(0, index) };
  }

  /** Whether its picture is in the cache or under way. */
  async #isThere(bytes: Buffer, request: EnlargeRequest, model: Model): Promise<boolean> {
    const key = this.#keyOf(bytes, request, model);
    return this.#flights.has(key) || this.#memo.has(key);
  }

  reserve(): () => void {
    return this.#parts.admission.reserve();
  }

  retryAfterSeconds(): number {
    return this.#parts.admission.retryAfterSeconds();
  }

  async enlarge(bytes: Buffer, request: EnlargeRequest): Promise<ServedPicture> {
    const { now, deadlineMs, meter } = this.#parts;
    const { startedAt, signal, fit } = request;
    if (signal.aborted) throw new DualscaleError('DS_ABORTED', 'aborted before it began');
    const model = (request.model ?? this.modelFor(request.scale)) as Model;
    const key = this.#keyOf(bytes, request, model);
    const known = this.#memo.peek(key);
    if (known) return this.#served(known, model.scale, 'hit', 0);
    const deadline = startedAt === undefined ? undefined : startedAt + deadlineMs;
    const asked = now();
    const limited = startDeadline(signal, deadline === undefined ? undefined : deadline - asked);
    let isOwn = false;
    const work = (flight: FlightView) => {
      isOwn = true;
      const { address } = request;
      const input = { bytes, address, fit };
      return this.#fetchOrMake(input, key, model, flight);
    };
    try {
      const { picture, isHit } = await this.#flights.run(key, work, { signal: limited.signal, deadline });
      if (!isOwn) meter.joined();
      const { decode, infer, encode } = picture.timings;
      const queueMs = isHit ? 0 : Math.max(0, now() - asked - decode - infer - encode);
      return this.#served(picture, model.scale, isHit ? 'hit' : isOwn ? 'miss' : 'joined', queueMs);
    } catch (error) {
      throw limited.explain(error);
    } finally {
      limited.release();
    }
  }

  #keyOf(bytes: Buffer, { digest = bodyDigest(bytes), source, fit, among }: EnlargeRequest, model: Model): string {
    const key = this.#memo.keyOf(fit ? `${digest} ${fit.width}x${fit.height}` : digest, model);
    // A stand-in's picture is its own.
    const models = among?.includes(model) ? among : [model];
    if (source !== undefined) this.#memo.remember(source, models, model, key);
    return key;
  }

  #served(picture: MadePicture, requestedScale: number, cache: ServedPicture['cache'], queueMs: number): ServedPicture {
    return {
      ...picture,
      cache,
      queueMs,
      requestedScale: picture.scale === requestedScale ? undefined : requestedScale,
    };
  }

  async #fetchOrMake(input: Input, key: string, model: Model, flight: FlightView): Promise<Flown> {
    const cached = await this.#memo.get(key);
    if (cached) return { picture: cached, isHit: true };
    const picture = await this.#make(input, model, flight);
    this.#memo.set(key, picture);
    return { picture, isHit: false };
  }

  async #make(input: Input, asked: Model, flight: FlightView): Promise<MadePicture> {
    const { admission, pace, meter, now } = this.#parts;
    const { bytes } = input;
    const { model, facts } = await this.#choose(input, asked);
    const { scale } = model;
    const cost = costOf(model, facts.width * facts.height);
    const waits = now();
    const { signal } = flight;
    const work: Work = {
      cost,
      signal,
      // Who joins later may wait longer.
      get deadline() {
        return flight.deadline;
      },
    };
    return admission.run(work, async () => {
      const start = now();
      const paced = pace.start(model.id);
      let doneCost = 0;
      meter.stage('queue', start - waits);
      try {
        const picture = await this.#parts.enlarge(bytes, model, signal, input.fit);
        for (const [stage, ms] of Object.entries(picture.timings)) meter.stage(stage as 'decode', ms);
        meter.pixels('in', facts.width * facts.height);
        meter.pixels('out', picture.width * picture.height);
        this.#tell(model, start, input, { ...picture, outputPixels: picture.width * picture.height });
        // A blind model that took over tells nothing about this one.
        if (picture.modelId === model.id) doneCost = cost;
        return { ...picture, scale };
      } catch (error) {
        this.#tell(model, start, input, { error: error instanceof DualscaleError ? error.code : 'DS_ENGINE' });
        throw error;
      } finally {
        paced(doneCost);
      }
    });
  }

  /** The asked model, or where the result would be too large and a smaller one is wanted, the largest that fits. */
  async #choose({ bytes, fit }: Input, asked: Model): Promise<{ readonly model: Model; readonly facts: PictureFacts }> {
    const { check, clamps } = this.#parts;
    let refusal: unknown;
    for (const model of clamps ? [asked, ...asked.smaller] : [asked]) {
      try {
        return { model: model as Model, facts: await check(bytes, model.scale, fit) };
      } catch (error) {
        if (!(error instanceof DualscaleError && error.code === 'DS_OUTPUT_TOO_LARGE')) throw error;
        refusal ??= error;
      }
    }
    throw refusal;
  }

  #tell(model: Model, start: number, input: Input, result: Partial<Enlargement>): void {
    const { error, consistencyError, fallback, outputPixels } = result;
    this.#parts.onEnlargement({
      modelId: model.id,
      scale: model.scale,
      milliseconds: this.#parts.now() - start,
      input,
      error,
      consistencyError,
      fallback,
      outputPixels,
    });
  }
}
