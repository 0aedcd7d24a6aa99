/** The steps below HTTP: equal work under way, a free slot, the picture. */
import type { Slots } from '../admission/slots.ts';
import { DualscaleError } from '../errors.ts';
import { bodyDigest } from './conditional.ts';
import type {
  EnlargedPicture,
  EnlargeRequest,
  PictureFacts,
  PictureUpscaler,
  ServedPicture,
  ServingModel,
} from './picture-upscaler.ts';
import { createSingleFlight } from './single-flight.ts';

/** The models as the service needs them; `createModelTable` gives such a table. */
export interface ServiceModels<Model extends ServingModel> {
  readonly scales: readonly number[];
  readonly manifests: readonly { readonly id: string; readonly scale: number }[];
  serving(scale: number): Model | undefined;
  named(id: string): Model | undefined;
}

export interface PictureServiceParts<Model extends ServingModel> {
  readonly models: ServiceModels<Model>;
  readonly slots: Slots;
  readonly encoding: string;
  readonly skipReason: PictureUpscaler['skipReason'];
  readonly inspect: (bytes: Buffer) => Promise<PictureFacts>;
  readonly enlarge: (bytes: Buffer, model: Model, signal: AbortSignal) => Promise<EnlargedPicture>;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

function refuse(name: string, got: unknown, allowed: readonly (string | number)[]): DualscaleError {
  const publicDetail = `Allowed values of \`${name}\`: ${allowed.join(', ')}.`;
  return new DualscaleError(
    'DS_BAD_PARAMETER',
    `expected \`${name}\` to be one of ${allowed.join(', ')}, got \`${got}\``,
    {
      publicDetail,
    },
  );
}

export function createPictureService<Model extends ServingModel>(parts: PictureServiceParts<Model>): PictureUpscaler {
  const { models, slots, encoding, now } = parts;
  const flights = createSingleFlight<EnlargedPicture>();
  const modelIds = (scale?: number) =>
    models.manifests.filter((model) => scale === undefined || model.scale === scale).map(({ id }) => id);

  const modelFor = (scale: number, modelId?: string): Model => {
    const model = modelId === undefined ? models.serving(scale) : models.named(modelId);
    if (model?.scale === scale) return model;
    if (modelId === undefined) throw refuse('upscale', scale, models.scales);
    throw refuse('sr_model', modelId, modelIds(scale));
  };

  const enlarge = async (bytes: Buffer, request: EnlargeRequest): Promise<ServedPicture> => {
    const model = (request.model ?? modelFor(request.scale)) as Model;
    const key = `${request.digest ?? bodyDigest(bytes)} ${model.scale} ${model.digest}`;
    const asked = now();
    const work = (signal: AbortSignal) => slots.run(() => parts.enlarge(bytes, model, signal), signal);
    const picture = await flights.run(key, work, request.signal);
    const { decode, infer, encode } = picture.timings;
    const queueMs = Math.max(0, now() - asked - decode - infer - encode);
    return { ...picture, scale: model.scale, cache: 'miss', queueMs };
  };

  return {
    get scales() {
      return models.scales;
    },
    modelIds,
    modelFor,
    encoding,
    skipReason: parts.skipReason,
    inspect: parts.inspect,
    peek: () => undefined,
    reserve: () => slots.reserve(),
    retryAfterSeconds: () => slots.retryAfterSeconds(),
    enlarge,
  };
}
