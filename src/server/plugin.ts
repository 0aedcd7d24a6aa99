/** `createDualscale`: the only place that joins the parts. */
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readHeader } from '../core/codec/header.ts';
import type { ServedModel } from '../core/engine/served/served-types.ts';
import { badOption, DualscaleError } from '../core/errors.ts';
import { Emitter, guardLogger, guardPredicate } from '../core/guarded.ts';
import type { PixelImage } from '../core/pixels/image.ts';
import { checkHint, type DegradationHint, isUnstated } from '../core/upscale/degradation-hint.ts';
import type { EndedRequest, Enlargement } from '../core/upscale/serving.ts';
import { createUpscaler } from '../core/upscale/upscale.ts';
import type { Upscaler } from '../core/upscale/upscaler.ts';
import { PACKAGE_ROOT } from '../core/version.ts';
import type { Jobs } from '../jobs/create-jobs.ts';
import type { Dualscale, PluginJobsOptions, UpscaleOptions } from './dualscale.ts';
import { createHealth } from './health.ts';
import { createMiddleware } from './http/middleware.ts';
import { PictureCore } from './http/picture-core.ts';
import { RequestableModels } from './http/upscale-query.ts';
import { inspectBytes } from './inspect/inspect-picture.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { ModelRegistry, type ServingModel } from './models/model-registry.ts';
import { type DualscaleOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { Admission } from './service/admission/admission.ts';
import { LayeredCache } from './service/cache/cache.ts';
import { PictureCache } from './service/picture-cache.ts';
import { PictureService } from './service/picture-service.ts';

export type { CloseOptions, Dualscale, PluginJobsOptions, UpscaleOptions } from './dualscale.ts';

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

const now = () => performance.now();

function requestedModel(models: ModelRegistry, { scale, model: id }: UpscaleOptions): ServingModel {
  if (id === undefined) {
    const serving = models.serving(scale ?? (models.scales.at(-1) as number));
    if (!serving) throw badOption('scale', `one of ${models.scales.join(', ')}`, scale);
    return serving;
  }
  const model = models.named(id);
  if (!model) throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no model \`${id}\``);
  if (scale !== undefined && scale !== model.scale) {
    throw badOption('scale', `${model.scale}, the scale of ${id}`, scale);
  }
  return model;
}

/**
 * Throws DS_BAD_OPTION for a hint that is out of range or needs a blind model where there is none.
 */
function applyHint(models: ModelRegistry, model: ServingModel, options: UpscaleOptions): ServingModel {
  const { model: id, degradation, sigma, noise } = options;
  const hint: DegradationHint = { degradation, sigma, noise };
  checkHint(hint);
  if (id === undefined && isUnstated(hint)) return models.byDefault(model);
  const withHint = models.withHint(model, hint);
  if (withHint) return withHint;
  throw badOption('degradation', `auto or bicubic: there is no blind model of scale ${model.scale}`, 'blind');
}

function openModels(options: ResolvedOptions, metrics: Metrics): Promise<ModelRegistry> {
  const { modelsDir = join(PACKAGE_ROOT, 'models'), engine, logger, degradation, onLimit } = options;
  return ModelRegistry.open({
    modelsDir,
    engine,
    logger,
    wanted: options.models,
    wantedBlind: options.blindModels,
    degradation,
    dependsOnSmaller: onLimit === 'clamp',
    onServe: (model, previous) => {
      metrics.serves(model, previous);
      logger.info(`x${model.scale} is served by ${model.id}`);
    },
  });
}

function openUpscaler(options: ResolvedOptions, metrics: Metrics): Promise<Upscaler> {
  const { engine, limits, logger, provider, workers, threadsPerWorker } = options;
  const { maxOutputPixels } = limits;
  const onWorkerDeath = () => metrics.workerRestarted();
  return createUpscaler({ engine, logger, maxOutputPixels, onWorkerDeath, provider, workers, threadsPerWorker });
}

/** What has to be closed, as far as it was opened. */
interface Opened {
  upscaler?: Upscaler;
  layers?: LayeredCache;
  readonly jobs: Set<Jobs>;
}

async function close({ upscaler, layers, jobs }: Opened, metrics: Metrics): Promise<void> {
  await Promise.allSettled([...jobs].map((opened) => opened.close()));
  await upscaler?.close();
  await layers?.close();
  metrics.withdraw();
}

interface Service {
  readonly models: ModelRegistry;
  readonly upscaler: Upscaler;
  readonly admission: Admission;
  readonly pictures: PictureService;
  /** Everything else the pixels depend on (encoder, limits, policies) as text. */
  readonly encoding: string;
  readonly enlargements: Emitter<Enlargement>;
}

async function openService(options: ResolvedOptions, metrics: Metrics, opened: Opened): Promise<Service> {
  const { logger, limits, consistency, deadlineMs, latencyObjectiveMs } = options;
  const { concurrency, queueLimit, queueCost, quality, metadata, spoolFolder } = options;
  const models = await openModels(options, metrics);
  const upscaler = await openUpscaler(options, metrics);
  opened.upscaler = upscaler;
  const admission = new Admission({ concurrency, queueLimit, queueCost, now, onChange: metrics.queue });
  const onError = (error: unknown) => logger.warn(`cache: ${String(error)}`);
  const layers = await LayeredCache.open({ options: options.cache, meter: metrics, onError, now: Date.now });
  opened.layers = layers;
  const enlargements = new Emitter<Enlargement>((error) => logger.error('a listener of enlargements failed', error));
  const clamps = options.onLimit === 'clamp';
  const encoding = JSON.stringify([quality, metadata, consistency, clamps ? limits : null]);
  const pictures = new PictureService({
    upscaler,
    admission,
    cache: new PictureCache(layers, encoding),
    meter: metrics,
    limits,
    encoding: { quality, metadata, spoolFolder },
    consistency,
    deadlineMs,
    latencyObjectiveMs,
    clamps,
    onEnlargement(enlargement) {
      metrics.enlarged(enlargement);
      enlargements.emit(enlargement);
    },
    now,
  });
  return { models, upscaler, admission, pictures, encoding, enlargements };
}

function createCore(
  options: ResolvedOptions,
  { models, pictures, admission, encoding }: Service,
  metrics: Metrics,
  requests: Emitter<EndedRequest>,
): PictureCore {
  const { limits, deadlineMs, latencyObjectiveMs, onLimit, onError, onBadParameter, signing, logger } = options;
  return new PictureCore({
    models: new RequestableModels(models, latencyObjectiveMs !== undefined),
    pictures,
    admission,
    meter: metrics,
    encoding,
    maxInputBytes: limits.maxInputBytes,
    deadlineMs,
    onLimit,
    onError,
    onBadParameter,
    signing,
    now,
    unixMs: Date.now,
    onRequest(request) {
      metrics.request(request);
      requests.emit(request);
    },
    onFailure: (error) => logger.error('a picture could not be upscaled', error),
  });
}

async function openJobs(
  jobsOptions: PluginJobsOptions,
  { modelsDir, logger }: ResolvedOptions,
  dualscale: Dualscale,
  meter: Metrics['jobs'],
): Promise<Jobs> {
  if (modelsDir === undefined) throw badOption('modelsDir', 'given: jobs publish their models there', modelsDir);
  // The trainer and what it needs are loaded only where there are jobs.
  const { createJobs } = await import('../jobs/create-jobs.ts');
  const jobsLogger = jobsOptions.logger ? guardLogger(jobsOptions.logger) : logger;
  const jobs = await createJobs({ ...jobsOptions, logger: jobsLogger, dualscale, modelsDir, meter });
  let closing: Promise<void> | undefined;
  return {
    ...jobs,
    close() {
      closing ??= jobs.close();
      return closing;
    },
  };
}

/** One after the other: each then finds all workers idle and is spread over them. */
async function warmUp(models: readonly ServingModel[], runOnce: (model: ServedModel) => Promise<void>): Promise<void> {
  for (const model of models) {
    await runOnce(await model.load());
    const blind = await model.loadBlind?.();
    if (blind) await runOnce(blind);
  }
}

function createPlugin(options: ResolvedOptions, service: Service, metrics: Metrics, opened: Opened): Dualscale {
  const { logger, limits, latencyObjectiveMs } = options;
  const { models, upscaler, admission, pictures, enlargements } = service;
  const requests = new Emitter<EndedRequest>((error) => logger.error('a listener of requests failed', error));
  const core = createCore(options, service, metrics, requests);
  const middleware = createMiddleware(core);
  let isReady = true;
  const health = createHealth(() => isReady);
  const runOnce = async (model: ServedModel) => {
    await upscaler.upscale(BLANK, model);
  };
  const dualscale: Dualscale = {
    middleware: () => middleware,
    core,
    health: () => health,
    async upscale(data, wanted = {}) {
      const model = applyHint(models, requestedModel(models, wanted), wanted);
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const source = { bytes, header: await readHeader(bytes) };
      const picture = await pictures.enlarge(source, { model, signal: wanted.signal ?? NEVER });
      // The caller may write into its bytes, the cache's stay as they are.
      return { ...picture, data: Uint8Array.from(picture.data) };
    },
    inspect: (bytes, wanted = {}) => inspectBytes(bytes, wanted, { models, upscaler, admission, limits }),
    get scales() {
      return models.scales;
    },
    get models() {
      return models.manifests;
    },
    servedBy: (scale) => models.serving(scale)?.manifest,
    activate: (scale, modelId) => models.activate(scale, modelId, runOnce),
    restrictFallbackModels(accept) {
      const onError = (error: unknown) => logger.error('the function given to restrictFallbackModels failed', error);
      models.restrictFallbackModels(guardPredicate(accept, onError));
    },
    reload: () => models.reload(runOnce),
    onEnlargement: (listener) => enlargements.on(listener),
    onRequest: (listener) => requests.on(listener),
    async jobs(jobsOptions) {
      const jobs = await openJobs(jobsOptions, options, dualscale, metrics.jobs);
      opened.jobs.add(jobs);
      return jobs;
    },
    registry: metrics.registry,
    warmUp() {
      const serving = models.scales.flatMap((scale) => models.serving(scale) ?? []).map((one) => models.byDefault(one));
      const fallbackModels = models.scales.flatMap((scale) => models.fallbackModels(scale));
      return warmUp(latencyObjectiveMs === undefined ? serving : [...serving, ...fallbackModels], runOnce);
    },
    async close({ drainMs = 0 } = {}) {
      isReady = false;
      admission.close();
      if (drainMs > 0) await Promise.race([admission.idle(), sleep(drainMs, undefined, { ref: false })]);
      await close(opened, metrics);
    },
  };
  return dualscale;
}

/**
 * Loads the models, starts the workers, and gives back the middleware and the function. Throws
 * DS_BAD_OPTION, DS_MODEL_NOT_FOUND, DS_BAD_MODEL.
 */
export async function createDualscale(options: DualscaleOptions = {}): Promise<Dualscale> {
  const checked = resolveOptions(options);
  const resolved = { ...checked, logger: guardLogger(checked.logger) };
  const onCountError = (error: unknown) => resolved.logger.error('a metric could not be counted', error);
  const metrics = createMetrics(resolved.registry, resolved.metricsPrefix, onCountError);
  const opened: Opened = { jobs: new Set() };
  try {
    const service = await openService(resolved, metrics, opened);
    return createPlugin(resolved, service, metrics, opened);
  } catch (error) {
    await close(opened, metrics);
    throw error;
  }
}
