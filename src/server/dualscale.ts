/** What a host gets of the plugin. */
import type { DegradationHint } from '../core/upscale/degradation-hint.ts';
import type { Serving } from '../core/upscale/serving.ts';
import type { Jobs } from '../jobs/create-jobs.ts';
import type { JobsOptions } from '../jobs/jobs-options.ts';
import type { HealthHandler } from './health.ts';
import type { Middleware } from './http/middleware.ts';
import type { PictureCore } from './http/picture-core.ts';
import type { MetricsRegistry } from './metrics/metrics.ts';
import type { ServedPicture } from './service/picture.ts';

export interface UpscaleOptions {
  /** One of `Dualscale.scales`. @default the scale of `model`, else the largest there is */
  readonly scale?: number;
  /** Id of one of `Dualscale.models`. @default the model that serves `scale` */
  readonly model?: string;
  /**
   * What is known of how the picture was degraded. @default the plugin's option `degradation`;
   * nothing is estimated where `model` is given
   */
  readonly degradation?: DegradationHint['degradation'];
  /**
   * Known width of its blur: standard deviation in pixels of the enlarged picture, 0 to 8. @default
   * estimated
   */
  readonly sigma?: number;
  /** Known noise: standard deviation on the scale 0..255, 0 to 50. @default estimated */
  readonly noise?: number;
  /** Stops the work; the call then throws DS_ABORTED. */
  readonly signal?: AbortSignal;
}

export interface Dualscale extends Serving {
  /** For Express, Connect, or plain `node:http`: mount it in front of the image host. */
  middleware(): Middleware;
  /**
   * What the adapters in `dualscale/fetch`, `dualscale/ipx`, `dualscale/fastify` and
   * `dualscale/proxy` work on.
   */
  readonly core: PictureCore;
  /** Answers `/livez` and `/readyz`: mount it before everything that may wait. */
  health(): HealthHandler;
  /**
   * Enlarges one encoded PNG, JPEG, WebP or AVIF, or finds it in the cache. Waits as long as it
   * takes for one of the `concurrency` slots. Throws DS_BAD_OPTION, DS_MODEL_NOT_FOUND and what
   * `ERRORS` lists for pictures and engines.
   */
  upscale(bytes: Uint8Array, options?: UpscaleOptions): Promise<ServedPicture>;
  /**
   * Jobs that train, fine-tune and compress models of `modelsDir` on this machine and put them into
   * service, with the API to ask for them. `close` closes them too. Throws DS_BAD_OPTION, also when
   * `modelsDir` is not given: jobs do not write into the package.
   */
  jobs(options: PluginJobsOptions): Promise<Jobs>;
  readonly registry: MetricsRegistry;
  /**
   * Runs each serving model, its paired blind model, and with `latencyObjectiveMs` each fallback
   * model, once on a small blank picture, so that the first request is as fast as the next and a
   * model that cannot run here is found before it. Throws DS_ENGINE, DS_WORKER_CRASHED.
   */
  warmUp(): Promise<void>;
  /**
   * Refuses new requests (503, `/readyz` too), lets those under way end for up to `drainMs`, and
   * stops jobs and workers. What still waits then fails with DS_ABORTED, over HTTP with a 503.
   */
  close(options?: CloseOptions): Promise<void>;
}

/** What `createJobs` takes besides what the plugin knows itself. */
export type PluginJobsOptions = Omit<JobsOptions, 'dualscale' | 'modelsDir' | 'meter'>;

export interface CloseOptions {
  /** Milliseconds, from 0. @default 0 */
  readonly drainMs?: number;
}
