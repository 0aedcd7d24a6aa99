/** The public surface. */

export { DualscaleError, ERRORS, type ErrorCode } from './core/errors.ts';
export type { EnlargedPicture, StageTimings } from './core/upscale/enlarge-encoded.ts';
export type { Enlargement } from './core/upscale/serving.ts';
export { VERSION } from './core/version.ts';
export { createDashboard, type DashboardHandler, type DashboardOptions } from './dashboard/dashboard.ts';
export type { Jobs } from './jobs/create-jobs.ts';
export type { JobEvent } from './jobs/events/job-event.ts';
export type { JobsLogger } from './jobs/jobs-options.ts';
export type { HealthHandler } from './server/health.ts';
export type { Middleware } from './server/http/middleware.ts';
export { type SigningOptions, type SignUrlOptions, signUrl } from './server/http/signature.ts';
export { METRICS, type MetricName } from './server/metrics/definitions.ts';
export type { DualscaleLogger, DualscaleOptions } from './server/options.ts';
export { type CloseOptions, createDualscale, type Dualscale, type UpscaleOptions } from './server/plugin.ts';
export type { CacheOptions } from './server/service/cache/cache.ts';
export type { SharedStore } from './server/service/cache/shared-tier.ts';
export type { CacheStatus, OnError, OnLimit, ServedPicture } from './server/service/picture.ts';
