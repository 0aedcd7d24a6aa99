/** The steps below HTTP: the cache, equal work under way, a free slot, the picture. */
import type { Admission } from '../admission/admission.ts';
import type { PictureCache } from '../cache/cache.ts';
import { DualscaleError } from '../errors.ts';
import type { DegradationWish } from '../upscale/degradation-wish.ts';
import { bodyDigest } from './conditional.ts';
import { createPictureMemo, type MadePicture, type PictureMemo } from './picture-memo.ts';
import type {
  EnlargedPicture,
  EnlargeRequest,
  PictureFacts,
  PictureSize,
  PictureUpscaler,
  ServedPicture,
  ServingModel,
} from './picture-upscaler.ts';
import { startDeadline } from './request-deadline.ts';
import { createSingleFlight, type SingleFlight } from './single-flight.ts';
import { workCost } from './work-cost.ts';

/** A model with what its cost and its stand-ins are. */
export interface ServiceModel extends ServingModel {
  readonly manifest: { readonly macs: { readonly perLrPixel: number } };
  /** What `onLimit: 'clamp'` may take instead, the largest scale first. */
  readonly smaller: readonly this[];
}

/** The models as the service needs them; `createModelTable` gives such a table. */
export interface ServiceModels<Model> {
  readonly scales: readonly number[];
  readonly manifests: readonly { readonly id: string; readonly scale: number }[];
  serving(scale: number): Model | undefined;
  named(id: string): Model | undefined;
  /** The model as it answers a wish: another key, the same id. Undefined where it would need a blind model and there is none. */
  wished(model: Model, wish: DegradationWish): Model | undefined;
}

/** What the service reports about each enlargement it tried; `src/metrics` implements it. */
export interface ServiceMeter {
  stage(stage: 'queue' | 'decode' | 'infer' | 'encode', milliseconds: number): void;
  pixels(direction: 'in' | 'out', count: number): void;
  joined(): void;
}

/** One enlargement that was tried: what a rollback of a bad model is decided on. */
export interface Enlargement {
  readonly modelId: string;
  readonly scale: number;
  /** From the start of decoding to the end of encoding, without the queue. */
  readonly milliseconds: number;
  /** The error's code; undefined for a success. */
  readonly error?: string;
  readonly consistencyError?: number;
  readonly fallback?: EnlargedPicture['fallback'];
  /** Of the result; absent with an error. */
  readonly outputPixels?: number;
  /** The picture as it came, and what it was asked for by where HTTP asked. Not to be written into, nor kept longer than the call. */
  readonly input: { readonly bytes: Uint8Array; readonly address?: string };
}

export interface PictureServiceParts<Model extends ServiceModel> {
  readonly models: ServiceModels<Model>;
  readonly admission: Admission;
  readonly cache: PictureCache;
  readonly meter: ServiceMeter;
  readonly encoding: string;
  readonly deadlineMs: number;
  /** Whether a smaller scale is taken where the asked one is too much. */
  readonly clamps: boolean;
  readonly skipReason: PictureUpscaler['skipReason'];
  readonly inspect: (bytes: Buffer) => Promise<PictureFacts>;
  /** Checks the limits on the header. Throws DS_BAD_IMAGE, DS_UNSUPPORTED_IMAGE, DS_INPUT_TOO_LARGE, DS_OUTPUT_TOO_LARGE. */
  readonly check: (bytes: Buffer, scale: number) => Promise<PictureFacts>;
  readonly enlarge: (bytes: Buffer, model: Model, signal: AbortSignal, fit?: PictureSize) => Promise<EnlargedPicture>;
  readonly onEnlargement: (enlargement: Enlargement) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

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

/** Class rather than closures: the steps share a dozen parts. */
export class PictureService<Model extends ServiceModel> implements PictureUpscaler {
  readonly #parts: PictureServiceParts<Model>;
  readonly #memo: PictureMemo;
  readonly #flights: SingleFlight<Flown> = createSingleFlight<Flown>();
  readonly encoding: string;
  readonly skipReason: PictureUpscaler['skipReason'];
  readonly inspect: PictureUpscaler['inspect'];

  constructor(parts: PictureServiceParts<Model>) {
    this.#parts = parts;
    this.#memo = createPictureMemo(parts.cache, parts.encoding);
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

  modelFor(scale: number, modelId?: string, wish?: DegradationWish): Model {
    const { models } = this.#parts;
    const model = modelId === undefined ? models.serving(scale) : models.named(modelId);
    if (model?.scale === scale) {
      const wished = wish ? models.wished(model, wish) : model;
      if (!wished) throw refuse('sr_degradation', 'blind', ['auto', 'bicubic']);
      return wished;
    }
    if (modelId === undefined) throw refuse('upscale', scale, models.scales);
    throw refuse('sr_model', modelId, this.modelIds(scale));
  }

  peek(source: string, model: ServingModel): ServedPicture | undefined {
    const picture = this.#memo.named(source, model);
    return picture && this.#served(picture, model, 'hit', 0);
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
    if (known) return this.#served(known, model, 'hit', 0);
    const deadline = startedAt === undefined ? undefined : startedAt + deadlineMs;
    const asked = now();
    const limited = startDeadline(signal, deadline === undefined ? undefined : deadline - asked);
    let isOwn = false;
    const work = (flight: AbortSignal) => {
      isOwn = true;
      const { address } = request;
      const input = { bytes, ...(address === undefined ? {} : { address }), ...(fit ? { fit } : {}) };
      return this.#fetchOrMake(input, key, model, flight, deadline);
    };
    try {
      const { picture, isHit } = await this.#flights.run(key, work, limited.signal);
      if (!isOwn) meter.joined();
      const { decode, infer, encode } = picture.timings;
      const queueMs = isHit ? 0 : Math.max(0, now() - asked - decode - infer - encode);
      return this.#served(picture, model, isHit ? 'hit' : isOwn ? 'miss' : 'joined', queueMs);
    } catch (error) {
      throw limited.explain(error);
    } finally {
      limited.release();
    }
  }

  #keyOf(bytes: Buffer, { digest = bodyDigest(bytes), source, fit }: EnlargeRequest, model: Model): string {
    const key = this.#memo.keyOf(fit ? `${digest} ${fit.width}x${fit.height}` : digest, model);
    // `peek` knows of no size to fit.
    if (source !== undefined && !fit) this.#memo.remember(source, model, key);
    return key;
  }

  #served(picture: MadePicture, model: ServingModel, cache: ServedPicture['cache'], queueMs: number): ServedPicture {
    const isClamped = picture.scale !== model.scale;
    return { ...picture, cache, queueMs, ...(isClamped ? { askedScale: model.scale } : {}) };
  }

  async #fetchOrMake(input: Input, key: string, model: Model, signal: AbortSignal, deadline?: number): Promise<Flown> {
    const cached = await this.#memo.get(key);
    if (cached) return { picture: cached, isHit: true };
    const picture = await this.#make(input, model, signal, deadline);
    this.#memo.set(key, picture);
    return { picture, isHit: false };
  }

  async #make(input: Input, asked: Model, signal: AbortSignal, deadline?: number): Promise<MadePicture> {
    const { admission, meter, now } = this.#parts;
    const { bytes } = input;
    const { model, facts } = await this.#choose(bytes, asked);
    const { scale, manifest } = model;
    const cost = workCost({ scale, macsPerLrPixel: manifest.macs.perLrPixel }, facts.width * facts.height);
    const waits = now();
    return admission.run({ cost, signal, ...(deadline === undefined ? {} : { deadline }) }, async () => {
      const start = now();
      meter.stage('queue', start - waits);
      try {
        const picture = await this.#parts.enlarge(bytes, model, signal, input.fit);
        for (const [stage, ms] of Object.entries(picture.timings)) meter.stage(stage as 'decode', ms);
        meter.pixels('in', facts.width * facts.height);
        meter.pixels('out', picture.width * picture.height);
        this.#tell(model, start, input, { ...picture, outputPixels: picture.width * picture.height });
        return { ...picture, scale };
      } catch (error) {
        this.#tell(model, start, input, { error: error instanceof DualscaleError ? error.code : 'DS_ENGINE' });
        throw error;
      }
    });
  }

  /** The asked model, or where the result would be too large and a smaller one is wanted, the largest that fits. */
  async #choose(bytes: Buffer, asked: Model): Promise<{ readonly model: Model; readonly facts: PictureFacts }> {
    const { check, clamps } = this.#parts;
    let refusal: unknown;
    for (const model of clamps ? [asked, ...asked.smaller] : [asked]) {
      try {
        return { model: model as Model, facts: await check(bytes, model.scale) };
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
      ...{ modelId: model.id, scale: model.scale, milliseconds: this.#parts.now() - start, input },
      ...(error === undefined ? {} : { error }),
      ...(consistencyError === undefined ? {} : { consistencyError }),
      ...(fallback === undefined ? {} : { fallback }),
      ...(outputPixels === undefined ? {} : { outputPixels }),
    });
  }
}
