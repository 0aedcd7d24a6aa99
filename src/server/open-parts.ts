/** Each part with what the options say about it; `plugin.ts` joins them. */
import { join } from 'node:path';
import { Emitter } from '../core/guarded.ts';
import { createUpscaler } from '../core/upscale/upscale.ts';
import type { Upscaler } from '../core/upscale/upscaler.ts';
import { PACKAGE_ROOT } from '../core/version.ts';
import { createPictureCore, type PictureCore } from './http/picture-core.ts';
import type { Metrics } from './metrics/metrics.ts';
import { ModelTable, type TableModel } from './models/model-table.ts';
import type { ResolvedOptions } from './options.ts';
import { createAdmission } from './service/admission/admission.ts';
import { createPace } from './service/admission/pace.ts';
import { createCache } from './service/cache/cache.ts';
import {
  checkPicture,
  type EnlargeParts,
  enlargePicture,
  inspectPicture,
  skipReason,
} from './service/enlarge-picture.ts';
import { PictureService } from './service/picture-service.ts';
import type { Enlargement } from './service/service-parts.ts';

export function openUpscaler(options: ResolvedOptions, metrics: Metrics): Promise<Upscaler> {
  const { engine, limits, logger, provider, workers, threadsPerWorker } = options;
  return createUpscaler({
    engine,
    logger,
    maxOutputPixels: limits.maxOutputPixels,
    onWorkerDeath: () => metrics.workerRestarted(),
    provider,
    workers,
    threadsPerWorker,
  });
}

export function openTable(options: ResolvedOptions, metrics: Metrics): Promise<ModelTable> {
  const { modelsDir = join(PACKAGE_ROOT, 'models'), engine, logger, degradation, onLimit } = options;
  const { models: wanted, blindModels: wantedBlind } = options;
  return ModelTable.open({
    modelsDir,
    engine,
    logger,
    wanted,
    wantedBlind,
    degradation,
    dependsOnSmaller: onLimit === 'clamp',
    onServe: (model, previous) => {
      metrics.serves(model, previous);
      logger.info(`x${model.scale} is served by ${model.id}`);
    },
  });
}

/** What serves pictures, and what has to be closed with it. */
export async function openService(options: ResolvedOptions, metrics: Metrics, table: ModelTable, upscaler: Upscaler) {
  const { concurrency, queueLimit, queueCost, limits, consistency, deadlineMs, latencyObjectiveMs, onLimit, logger } =
    options;
  const now = () => performance.now();
  const enlargements = new Emitter<Enlargement>((error) => logger.error('a listener of enlargements failed', error));
  const onChange = metrics.queue;
  const admission = createAdmission({ concurrency, queueLimit, queueCost, now, onChange });
  const onError = (error: unknown) => logger.warn(`cache: ${String(error)}`);
  const cache = await createCache({ options: options.cache, meter: metrics, onError, now: Date.now });
  const { quality, metadata, spoolFolder } = options;
  const parts: EnlargeParts = { upscaler, limits, consistency, now, encoding: { quality, metadata, spoolFolder } };
  const encoding = JSON.stringify([quality, metadata, consistency, onLimit === 'clamp' ? limits : null]);
  const pictures = new PictureService<TableModel>({
    models: table,
    admission,
    pace: createPace(now),
    cache,
    meter: metrics,
    now,
    encoding,
    deadlineMs,
    latencyObjectiveMs,
    clamps: onLimit === 'clamp',
    skipReason,
    inspect: inspectPicture,
    check: (bytes, scale, fit) => checkPicture(bytes, scale, limits, fit),
    enlarge: async (bytes, model, signal, fit) => {
      const fitting = fit ? { ...parts, encoding: { ...parts.encoding, fit } } : parts;
      const blind = await model.loadBlind?.();
      return enlargePicture(bytes, await model.load(), { ...fitting, blind, hint: model.hint }, signal);
    },
    onEnlargement: (enlargement) => {
      metrics.enlarged(enlargement);
      enlargements.emit(enlargement);
    },
  });
  return { pictures, admission, cache, enlargements };
}

export function openCore(
  options: ResolvedOptions,
  pictures: PictureService<TableModel>,
  metrics: Metrics,
): PictureCore {
  const { limits, deadlineMs, onLimit, onError, onBadParameter, signing, logger } = options;
  return createPictureCore({
    pictures,
    meter: metrics,
    now: () => performance.now(),
    unixMs: Date.now,
    deadlineMs,
    onLimit,
    onError,
    onBadParameter,
    signing,
    maxInputBytes: limits.maxInputBytes,
    onFailure: (error) => logger.error('a picture could not be upscaled', error),
  });
}
