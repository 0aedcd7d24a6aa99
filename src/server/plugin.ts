/** `createDualscale`: the only place that joins the parts. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServedModel } from '../core/engine/served/served-types.ts';
import { badOption, DualscaleError } from '../core/errors.ts';
import { guardLogger, guardPredicate } from '../core/guarded.ts';
import type { ModelManifest } from '../core/models/manifest.ts';
import type { PixelImage } from '../core/pixels/image.ts';
import { checkHint, type DegradationHint, isUnstated } from '../core/upscale/degradation-hint.ts';
import type { InspectionView } from '../core/upscale/inspection-view.ts';
import type { Upscaler } from '../core/upscale/upscaler.ts';
import type { Jobs } from '../jobs/create-jobs.ts';
import type { JobsOptions } from '../jobs/jobs-options.ts';
import type { ServedRequest } from '../jobs/rollout/serving.ts';
import { createHealth, type HealthHandler } from './health.ts';
import { createMiddleware, type Middleware } from './http/middleware.ts';
import type { PictureCore } from './http/picture-core.ts';
import { createInspector, type InspectOptions } from './inspect/inspect-bytes.ts';
import { createMetrics, type Metrics, type MetricsRegistry } from './metrics/metrics.ts';
import { hearRequests } from './metrics/request-listeners.ts';
import type { ModelTable, TableModel } from './models/model-table.ts';
import { openCore, openService, openTable, openUpscaler } from './open-parts.ts';
import { type DualscaleOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import type { ServedPicture } from './service/picture-upscaler.ts';
import type { Enlargement } from './service/service-parts.ts';

export interface UpscaleOptions {
  /** One of `Dualscale.scales`. @default the scale of `model`, else the largest there is */
  readonly scale?: number;
  /** Id of one of `Dualscale.models`. @default the model that serves `scale` */
  readonly model?: string;
  /** What is known of how the picture was degraded. @default the plugin's option `degradation`; nothing is estimated where `model` is given */
  readonly degradation?: DegradationHint['degradation'];
  /** Known width of its blur: standard deviation in pixels of the enlarged picture, 0 to 8. @default estimated */
  readonly sigma?: number;
  /** Known noise: standard deviation on the scale 0..255, 0 to 50. @default estimated */
  readonly noise?: number;
  /** Stops the work; the call then throws DS_ABORTED. */
  readonly signal?: AbortSignal;
}

export interface Dualscale {
  /** For Express, Connect, or plain `node:http`: mount it in front of the image host. */
  middleware(): Middleware;
  /** What the adapters in `dualscale/fetch`, `dualscale/ipx`, `dualscale/fastify` and `dualscale/proxy` work on. */
  readonly core: PictureCore;
  /** Answers `/livez` and `/readyz`: mount it before everything that may wait. */
  health(): HealthHandler;
  /**
   * Enlarges one encoded PNG, JPEG, WebP or AVIF, or finds it in the cache. Waits as long as it takes for one of the
   * `concurrency` slots. Throws DS_BAD_OPTION, DS_MODEL_NOT_FOUND and what `ERRORS` lists for pictures and engines.
   */
  upscale(bytes: Uint8Array, options?: UpscaleOptions): Promise<ServedPicture>;
  /** Scales a request may ask for, smallest first. */
  readonly scales: readonly number[];
  /** Every usable model of `modelsDir`, by id. */
  readonly models: readonly ModelManifest[];
  /** The model that serves `scale` when no other is asked for; undefined for a scale nobody serves. */
  servedBy(scale: number): ModelManifest | undefined;
  /**
   * Lets another model of `modelsDir` serve `scale`: it is loaded, run once, and takes over between two requests. Those that began
   * before end with the model they began with, and no picture of the old model is found in the cache after it.
   * Throws DS_MODEL_NOT_FOUND, DS_BAD_MODEL, DS_ENGINE; the old model then serves on.
   */
  activate(scale: number, modelId: string): Promise<void>;
  /**
   * From now on only models that `accept` takes stand in for the serving ones under `latencyObjectiveMs`. Jobs use it: what they made
   * waits until it was activated, what was rolled back is out.
   */
  restrictFallbackModels(accept: (manifest: ModelManifest) => boolean): void;
  /**
   * How a picture was degraded, as the blind model of a scale sees it: blur with its kernel, noise, JPEG quality, and how far the picture
   * is from its enlargement made small again like that. Undefined where there is no blind model. Throws DS_BAD_IMAGE, DS_UNSUPPORTED_IMAGE,
   * DS_INPUT_TOO_LARGE, DS_BUSY, DS_CLOSING, DS_ABORTED, DS_ENGINE.
   */
  inspect(bytes: Uint8Array, options?: InspectOptions): Promise<InspectionView | undefined>;
  /**
   * Reads `modelsDir` again: new models can be asked for, serving models that were published anew take over as by `activate`. One that
   * cannot be loaded is named in a warning, and serves on as it was.
   */
  reload(): Promise<void>;
  /** `listener` hears of each enlargement that was tried: model, time, error. Call the result to stop it. */
  onEnlargement(listener: (enlargement: Enlargement) => void): () => void;
  /** `listener` hears of each request with the parameter that has ended: outcome, whole time. Call the result to stop it. */
  onRequest(listener: (request: ServedRequest) => void): () => void;
  /**
   * Jobs that train, fine-tune and compress models of `modelsDir` on this machine and put them into service, with the API to ask for
   * them. Throws DS_BAD_OPTION, also when `modelsDir` is not given: jobs do not write into the package.
   */
  jobs(options: PluginJobsOptions): Promise<Jobs>;
  readonly registry: MetricsRegistry;
  /**
   * Runs each serving model, its paired blind model, and with `latencyObjectiveMs` each that may stand in for one, once on a small blank
   * picture, so that the first request is as fast as the next and a model that cannot run here is found before it. Then collects what starting
   * has left, once, tens of milliseconds: the heap grows less afterwards. Throws DS_ENGINE, DS_WORKER_CRASHED.
   */
  warmUp(): Promise<void>;
  /**
   * Refuses what comes from now on (503, `/readyz` too), lets what is there end for up to `drainMs`, and stops the workers. What
   * still waits then fails with DS_ABORTED, over HTTP with a 503.
   */
  close(options?: CloseOptions): Promise<void>;
}

/** What `createJobs` takes besides what the plugin knows itself. */
export type PluginJobsOptions = Omit<JobsOptions, 'dualscale' | 'modelsDir' | 'meter'>;

export interface CloseOptions {
  /** Milliseconds, from 0. @default 0 */
  readonly drainMs?: number;
}

const BLANK_SIDE = 64;
const BLANK: PixelImage = {
  width: BLANK_SIDE,
  height: BLANK_SIDE,
  channels: 3,
  data: new Uint8Array(BLANK_SIDE ** 2 * 3),
};

/** For callers that never stop, however many listen. */
const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);

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

/** Throws DS_BAD_OPTION for a hint that is out of range or needs a blind model where there is none. */
function meetHint(table: ModelTable, model: TableModel, { model: id, degradation, sigma, noise }: UpscaleOptions) {
  const hint: DegradationHint = { degradation, sigma, noise };
  checkHint(hint);
  if (id === undefined && isUnstated(hint)) return table.byDefault(model);
  const withHint = table.withHint(model, hint);
  if (!withHint)
    throw badOption('degradation', `auto or bicubic: there is no blind model of scale ${model.scale}`, 'blind');
  return withHint;
}

async function joinParts(options: ResolvedOptions, metrics: Metrics, table: ModelTable, upscaler: Upscaler) {
  const { logger } = options;
  const { pictures, admission, cache, enlargements } = await openService(options, metrics, table, upscaler);
  const { meter, onRequest } = hearRequests(metrics, (error) => logger.error('a listener of requests failed', error));
  const core = openCore(options, pictures, meter);
  const middleware = createMiddleware(core);
  let isReady = true;
  const health = createHealth(() => isReady);
  const runOnce = async (model: ServedModel) => {
    await upscaler.upscale(BLANK, model);
  };
  const warm = async (model: TableModel) => {
    await runOnce(await model.load());
    const blind = await model.loadBlind?.();
    if (blind) await runOnce(blind);
  };
  const dualscale: Dualscale = {
    middleware: () => middleware,
    core,
    health: () => health,
    async upscale(bytes, wanted = {}) {
      const model = meetHint(table, wantedModel(table, wanted), wanted);
      const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const picture = await pictures.enlarge(input, { scale: model.scale, model, signal: wanted.signal ?? NEVER });
      // The caller may write into its bytes, the cache's stay as they are.
      return { ...picture, data: Uint8Array.from(picture.data) };
    },
    inspect: createInspector({ table, upscaler, admission, limits: options.limits }),
    get scales() {
      return table.scales;
    },
    get models() {
      return table.manifests;
    },
    servedBy: (scale) => table.serving(scale)?.manifest,
    activate: (scale, modelId) => table.activate(scale, modelId, runOnce),
    restrictFallbackModels(accept) {
      const onError = (error: unknown) => logger.error('the function given to restrictFallbackModels failed', error);
      table.restrictFallbackModels(guardPredicate(accept, onError));
    },
    reload: () => table.reload(runOnce),
    onEnlargement: (listener) => enlargements.on(listener),
    onRequest,
    async jobs(jobsOptions) {
      const { modelsDir } = options;
      if (modelsDir === undefined) throw badOption('modelsDir', 'given: jobs publish their models there', modelsDir);
      // The trainer and what it needs are loaded only where there are jobs.
      const { createJobs } = await import('../jobs/create-jobs.ts');
      const ownLogger = jobsOptions.logger ? guardLogger(jobsOptions.logger) : logger;
      return createJobs({ ...jobsOptions, logger: ownLogger, dualscale, modelsDir, meter: metrics.jobs });
    },
    registry: metrics.registry,
    async warmUp() {
      // One after the other: each then finds all workers idle and is spread over them.
      for (const scale of table.scales) {
        const serving = table.serving(scale);
        const fallbackModels = options.latencyObjectiveMs === undefined ? [] : table.fallbackModels(scale);
        for (const model of [...(serving ? [table.byDefault(serving)] : []), ...fallbackModels]) await warm(model);
      }
    },
    async close({ drainMs = 0 } = {}) {
      isReady = false;
      admission.close();
      if (drainMs > 0) await Promise.race([admission.idle(), sleep(drainMs, undefined, { ref: false })]);
      await upscaler.close();
      await cache.close();
      metrics.withdraw();
    },
  };
  return dualscale;
}

/** Loads the models, starts the workers, and gives back the middleware and the function. Throws DS_BAD_OPTION, DS_MODEL_NOT_FOUND, DS_BAD_MODEL. */
export async function createDualscale(options: DualscaleOptions = {}): Promise<Dualscale> {
  const checked = resolveOptions(options);
  const logger = guardLogger(checked.logger);
  const resolved = { ...checked, logger };
  const metrics = createMetrics(resolved.registry, resolved.metricsPrefix, (error) =>
    logger.error('a metric could not be counted', error),
  );
  let upscaler: Upscaler | undefined;
  try {
    const table = await openTable(resolved, metrics);
    upscaler = await openUpscaler(resolved, metrics);
    return await joinParts(resolved, metrics, table, upscaler);
  } catch (error) {
    await upscaler?.close();
    metrics.withdraw();
    throw error;
  }
}
