/** The public surface. */
export { DualscaleError, ERRORS, type ErrorCode } from './errors.ts';
export type { Middleware } from './http/middleware.ts';
export type { EnlargedPicture, StageTimings } from './http/picture-upscaler.ts';
export { METRICS, type MetricName } from './metrics/definitions.ts';
export type { DualscaleLogger, DualscaleOptions } from './options.ts';
export { createDualscale, type Dualscale, type UpscaleOptions } from './plugin.ts';
export { VERSION } from './version.ts';
