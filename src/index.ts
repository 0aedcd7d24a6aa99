/** The public surface. */
export type { CacheOptions } from './cache/cache.ts';
export type { SharedStore } from './cache/shared-tier.ts';
export { createDashboard, type DashboardHandler, type DashboardOptions } from './dashboard/dashboard.ts';
export { DualscaleError, ERRORS, type ErrorCode } from './errors.ts';
export type { HealthHandler } from './health.ts';
export type { Middleware } from './http/middleware.ts';
export { type SigningOptions, type SignUrlOptions, signUrl } from './http/request/signature.ts';
export type {
  CacheStatus,
  EnlargedPicture,
  OnError,
  OnLimit,
  ServedPicture,
  StageTimings,
} from './http/service/picture-upscaler.ts';
export type { Enlargement } from './http/service/service-parts.ts';
export type { Jobs } from './jobs/create-jobs.ts';
export type { JobEvent } from './jobs/events/job-event.ts';
export type { JobsLogger } from './jobs/jobs-options.ts';
export { METRICS, type MetricName } from './metrics/definitions.ts';
export type { DualscaleLogger, DualscaleOptions } from './options.ts';
export { type CloseOptions, createDualscale, type Dualscale, type UpscaleOptions } from './plugin.ts';
export { VERSION } from './version.ts';
