/** `createDualscale`: the only place that joins the parts. */
import { join } from 'node:path';
import { createSlots } from './admission/slots.ts';
import { chooseModels } from './choose-models.ts';
import type { EngineName, ServedModel } from './engine/engine.ts';
import { compileServedModel } from './engine/served-model.ts';
import { badOption, DualscaleError } from './errors.ts';
import { type EnlargeParts, enlargePicture, skipReason } from './http/enlarge-picture.ts';
import { createMiddleware, type Middleware } from './http/middleware.ts';
import type { EnlargedPicture, PictureUpscaler } from './http/picture-upscaler.ts';
import { createMetrics, type MetricsRegistry } from './metrics/metrics.ts';
import { listModels, loadModel, modelDirectory } from './model-store/load.ts';
import type { ModelManifest } from './model-store/manifest.ts';
import { type DualscaleOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import type { PixelImage } from './pixels/image.ts';
import { createUpscaler } from './upscale/upscale.ts';
import { PACKAGE_ROOT } from './version.ts';

export interface UpscaleOptions {
  /** One of `Dualscale.scales`. @default the scale of `model`, else the largest there is */
  readonly scale?: number;
  /** Id of one of `Dualscale.models`. @default the model that serves `scale` */
  readonly model?: string;
  /** Stops the work; the call then throws DS_ABORTED. */
  readonly signal?: AbortSignal;
}

export interface Dualscale {
  /** For Express, Connect, or plain `node:http`: mount it in front of the image host. */
  middleware(): Middleware;
  /**
   * Enlarges one encoded PNG, JPEG, WebP or AVIF. Waits for one of the `concurrency` slots. Throws DS_BAD_OPTION,
   * DS_MODEL_NOT_FOUND and what `ERRORS` lists for pictures and engines.
   */
  upscale(bytes: Uint8Array, options?: UpscaleOptions): Promise<EnlargedPicture>;
  /** Scales a request may ask for, smallest first. */
  readonly scales: readonly number[];
  /** Every usable model of `modelsDir`, by id. */
  readonly models: readonly ModelManifest[];
  /** The model that serves `scale` when no other is asked for; undefined for a scale nobody serves. */
  servedBy(scale: number): ModelManifest | undefined;
  readonly registry: MetricsRegistry;
  /**
   * Runs each serving model once on a small blank picture, so that the first request is as fast as the next and a model
   * that cannot run here is found before it. Throws DS_ENGINE, DS_WORKER_CRASHED.
   */
  warmUp(): Promise<void>;
  /** Stops the workers. What still waits fails with DS_ABORTED, over HTTP with a 503. */
  close(): Promise<void>;
}

const BLANK_SIDE = 64;
const BLANK: PixelImage = {
  ...{ width: BLANK_SIDE, height: BLANK_SIDE, channels: 3 },
  data: new Uint8Array(BLANK_SIDE ** 2 * 3),
};

type ModelLoader = (id: string) => Promise<ServedModel>;

/** Models are compiled once, at their first use. */
function createModelLoader(modelsDir: string, engine: EngineName): ModelLoader {
  const loading = new Map<string, Promise<ServedModel>>();
  return (id) => {
    if (!loading.has(id)) {
      const model = loadModel(modelDirectory(modelsDir, id)).then((stored) => compileServedModel(stored, engine));
      loading.set(id, model);
      // A failure is not remembered: the folder may be repaired meanwhile.
      model.catch(() => loading.delete(id));
    }
    return loading.get(id) as Promise<ServedModel>;
  };
}

async function findModels(modelsDir: string, { models: wanted, logger }: ResolvedOptions) {
  const { models, broken } = await listModels(modelsDir);
  for (const { error } of broken) logger.warn(`a model is passed over: ${error.message}`);
  const chosen = chooseModels(models, wanted);
  if (chosen.size === 0) throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no usable model in ${modelsDir}`);
  return { models, chosen };
}

function resolveModelId(
  models: readonly ModelManifest[],
  chosen: ReadonlyMap<number, ModelManifest>,
  { scale, model }: UpscaleOptions,
): string {
  const scales = [...chosen.keys()];
  if (model === undefined) {
    const served = chosen.get(scale ?? (scales.at(-1) as number));
    if (!served) throw badOption('scale', `one of ${scales.join(', ')}`, scale);
    return served.id;
  }
  const manifest = models.find(({ id }) => id === model);
  if (!manifest) throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no model \`${model}\``);
  if (scale !== undefined && scale !== manifest.scale) {
    throw badOption('scale', `${manifest.scale}, the scale of ${model}`, scale);
  }
  return model;
}

/** Loads the models, starts the workers, and gives back the middleware and the function. Throws DS_BAD_OPTION, DS_MODEL_NOT_FOUND, DS_BAD_MODEL. */
export async function createDualscale(options: DualscaleOptions = {}): Promise<Dualscale> {
  const resolved = resolveOptions(options);
  const { modelsDir = join(PACKAGE_ROOT, 'models'), engine, limits, quality, logger } = resolved;
  const now = () => performance.now();
  const slots = createSlots({ concurrency: resolved.concurrency, queueLimit: resolved.queueLimit, now });
  const { models, chosen } = await findModels(modelsDir, resolved);
  const load = createModelLoader(modelsDir, engine);
  const served = new Map<number, ServedModel>();
  const metrics = createMetrics(resolved.registry);
  for (const [scale, { id }] of chosen) {
    served.set(scale, await load(id));
    metrics.serves(id, scale);
    logger.info(`x${scale} is served by ${id}`);
  }
  const { provider, workers, threadsPerWorker } = resolved;
  const upscaler = await createUpscaler({
    engine,
    maxOutputPixels: limits.maxOutputPixels,
    logger,
    ...(provider === undefined ? {} : { provider }),
    ...(workers === undefined ? {} : { workers }),
    ...(threadsPerWorker === undefined ? {} : { threadsPerWorker }),
  });
  const parts: EnlargeParts = { upscaler, limits, encoding: quality === undefined ? {} : { quality }, now };
  const scales = [...chosen.keys()];
  const pictures: PictureUpscaler = {
    scales,
    modelFor: (scale) => served.get(scale) as ServedModel,
    encoding: JSON.stringify(parts.encoding),
    skipReason,
    enlarge: (bytes, { scale, signal }) => enlargePicture(bytes, served.get(scale) as ServedModel, parts, signal),
  };
  const onError = (error: unknown) => logger.error('a picture could not be upscaled', error);
  const middleware = createMiddleware({
    ...{ pictures, slots, meter: metrics, now, onError },
    maxInputBytes: limits.maxInputBytes,
  });
  return {
    middleware: () => middleware,
    async upscale(bytes, wanted = {}) {
      const model = await load(resolveModelId(models, chosen, wanted));
      const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return slots.run(() => enlargePicture(input, model, parts, wanted.signal), wanted.signal);
    },
    scales,
    models,
    servedBy: (scale) => chosen.get(scale),
    registry: metrics.registry,
    async warmUp() {
      // One after the other: each then finds all workers idle and is spread over them.
      for (const model of served.values()) await upscaler.upscale(BLANK, model);
    },
    close: () => upscaler.close(),
  };
}
