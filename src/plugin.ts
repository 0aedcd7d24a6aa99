/** `createDualscale`: the only place that joins the parts. */
import { join } from 'node:path';
import { createSlots } from './admission/slots.ts';
import { badOption, DualscaleError } from './errors.ts';
import { type EnlargeParts, enlargePicture, inspectPicture, skipReason } from './http/enlarge-picture.ts';
import { createMiddleware, type Middleware } from './http/middleware.ts';
import { createPictureCore, type PictureCore } from './http/picture-core.ts';
import { createPictureService } from './http/picture-service.ts';
import type { EnlargedPicture } from './http/picture-upscaler.ts';
import { createMetrics, type MetricsRegistry } from './metrics/metrics.ts';
import type { ModelManifest } from './model-store/manifest.ts';
import { createModelTable, type ModelTable, type TableModel } from './model-table.ts';
import { type DualscaleOptions, resolveOptions } from './options.ts';
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
  /** What the adapters in `dualscale/fetch`, `dualscale/ipx`, `dualscale/fastify` and `dualscale/proxy` work on. */
  readonly core: PictureCore;
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

function wantedModel(table: ModelTable, { scale, model: id }: UpscaleOptions): TableModel {
  if (id === undefined) {
    const served = table.serving(scale ?? (table.scales.at(-1) as number));
    if (!served) throw badOption('scale', `one of ${table.scales.join(', ')}`, scale);
    return served;
  }
  const model = table.named(id);
  if (!model) throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no model \`${id}\``);
  if (scale !== undefined && scale !== model.scale)
    throw badOption('scale', `${model.scale}, the scale of ${id}`, scale);
  return model;
}

/** Loads the models, starts the workers, and gives back the middleware and the function. Throws DS_BAD_OPTION, DS_MODEL_NOT_FOUND, DS_BAD_MODEL. */
export async function createDualscale(options: DualscaleOptions = {}): Promise<Dualscale> {
  const resolved = resolveOptions(options);
  const { modelsDir = join(PACKAGE_ROOT, 'models'), engine, limits, quality, logger } = resolved;
  const now = () => performance.now();
  const slots = createSlots({ concurrency: resolved.concurrency, queueLimit: resolved.queueLimit, now });
  const metrics = createMetrics(resolved.registry);
  const table = await createModelTable({
    ...{ modelsDir, engine, logger, wanted: resolved.models, dependsOnSmaller: resolved.onLimit === 'clamp' },
    onServe: ({ id, scale }) => {
      metrics.serves(id, scale);
      logger.info(`x${scale} is served by ${id}`);
    },
  });
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
  const pictures = createPictureService<TableModel>({
    ...{ models: table, slots, now, skipReason, inspect: inspectPicture, encoding: JSON.stringify(parts.encoding) },
    enlarge: async (bytes, model, signal) => enlargePicture(bytes, await model.load(), parts, signal),
  });
  const onFailure = (error: unknown) => logger.error('a picture could not be upscaled', error);
  const { deadlineMs, onLimit, onError, onBadParameter, signing } = resolved;
  const core = createPictureCore({
    ...{
      pictures,
      meter: metrics,
      now,
      unixMs: Date.now,
      onFailure,
      deadlineMs,
      onLimit,
      onError,
      onBadParameter,
      signing,
    },
    maxInputBytes: limits.maxInputBytes,
  });
  const middleware = createMiddleware(core);
  return {
    middleware: () => middleware,
    core,
    async upscale(bytes, wanted = {}) {
      const model = await wantedModel(table, wanted).load();
      const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return slots.run(() => enlargePicture(input, model, parts, wanted.signal), wanted.signal);
    },
    get scales() {
      return table.scales;
    },
    get models() {
      return table.manifests;
    },
    servedBy: (scale) => table.serving(scale)?.manifest,
    registry: metrics.registry,
    async warmUp() {
      // One after the other: each then finds all workers idle and is spread over them.
      for (const scale of table.scales) {
        const model = await table.serving(scale)?.load();
        if (model) await upscaler.upscale(BLANK, model);
      }
    },
    close: () => upscaler.close(),
  };
}
