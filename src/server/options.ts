/** What `createDualscale` takes. */
import { availableParallelism } from 'node:os';
import { checkEncodeOptions, type EncodeOptions } from '../core/codec/encode-format.ts';
import { type ImageLimits, resolveLimits } from '../core/codec/limits.ts';
import type { EngineName, Provider, TfjsBackend } from '../core/engine/runtime.ts';
import { checkOptions, type SchemaOf, withDefaults } from '../core/schema.ts';
import type { DegradationMode } from '../core/upscale/degradation-hint.ts';
import { type ConsistencyOptions, checkConsistency } from '../core/upscale/enlarge-encoded.ts';
import type { OnBadParameter } from './http/picture-core.ts';
import { checkSigning, type SigningOptions } from './http/signature.ts';
import type { MetricsRegistry } from './metrics/metrics.ts';
import { PLUGIN_OPTIONS } from './options-schema.ts';
import type { CacheOptions } from './service/cache/cache.ts';
import type { OnError, OnLimit } from './service/picture.ts';

export interface DualscaleLogger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string, error?: unknown): void;
}

/** Every field is optional. A value out of range throws DS_BAD_OPTION, which names it, when the plugin is created. */
export interface DualscaleOptions {
  /** Folder of model folders, each with `manifest.json` and weights. @default the models that ship with the package */
  readonly modelsDir?: string;
  /**
   * Which model serves a scale, e.g. `{ 4: 'edge-x4' }`. Scales that are not named are served by the model that `plugin.json`
   * marks as default, else by the one with the best PSNR in its manifest (Set5 where it was measured, else the first set). @default {}
   */
  readonly models?: Readonly<Record<number, string>>;
  /**
   * Which blind model stands beside the plain one of a scale, e.g. `{ 4: 'edge-site-x4' }`. For scales that are not named it is chosen as the
   * plain one is. One that cannot be loaded is passed over with a warning. @default {}
   */
  readonly blindModels?: Readonly<Record<number, string>>;
  /**
   * What is done with pictures whose request does not say how they were degraded: `auto`, a blind model's estimate decides; `bicubic`, the plain
   * model enlarges them and nothing is estimated; `blind`, the blind model does. A scale without a blind model has its plain one. @default 'auto'
   */
  readonly degradation?: DegradationMode;
  /**
   * What runs the networks: `onnx` compiles them for ONNX Runtime; `tfjs` runs them eagerly on TF.js, several times slower. @default 'onnx'
   */
  readonly engine?: EngineName;
  /**
   * Where networks run. With `onnx`: `cpu`, `webgpu`, `cuda`, `tensorrt`. With `tfjs`: `tensorflow` (needs `@tensorflow/tfjs-node-gpu` or
   * `@tensorflow/tfjs-node`), `wasm` (needs `@tensorflow/tfjs-backend-wasm`), `cpu` (plain JavaScript). `auto` takes a
   * GPU that is 1.5 times as fast as the CPU (never `tensorrt`). @default 'auto'
   */
  readonly provider?: 'auto' | Provider | TfjsBackend;
  /** Worker threads that run networks, 1 to 1024. @default the CPU cores this process may use; 1 on a GPU and with `tensorflow` */
  readonly workers?: number;
  /** Threads of each worker while others work too, 1 to 1024; with `tfjs` only 1. @default 1 */
  readonly threadsPerWorker?: number;
  /**
   * Sizes beyond which a picture is refused with a 413: `maxInputBytes` (32 MiB), `maxInputPixels` (16777216),
   * `maxOutputPixels` (134217728), and `maxWholeOutputPixels` (33554432) for WebP and AVIF. Checked before pixels are decoded.
   */
  readonly limits?: ImageLimits;
  /**
   * Quality of enlarged JPEG, WebP and AVIF: 1 to 100, or steps by size `[{ maxPixels, jpeg, webp, avif }]`. PNG and lossless WebP stay
   * lossless. @default jpeg 90, webp 85, avif 65 up to 4 megapixels, less above
   */
  readonly quality?: NonNullable<EncodeOptions['quality']>;
  /** What a result keeps of its source's EXIF and XMP: `strip`, `copyright`, `keep`. The colour profile always stays. @default 'strip' */
  readonly metadata?: NonNullable<EncodeOptions['metadata']>;
  /** Folder for results above 32 MiB of pixels while they are made. @default the system's folder for temporary files */
  readonly spoolFolder?: string;
  /**
   * The dual network of a model, where it has one, checks each result. `maxError` (mean of absolute 8-bit levels): beyond it the
   * answer is Lanczos, and says so. `false`: no checks. @default {}, which reports the error only
   */
  readonly consistency?: ConsistencyOptions | false;
  /** Pictures decoded, enlarged and encoded at the same time, from 1. @default 2 */
  readonly concurrency?: number;
  /** Pictures that may wait beside those, from 0; one more is answered with a 503 and `Retry-After`. @default 16 */
  readonly queueLimit?: number;
  /**
   * Work that may wait, in giga multiply-accumulates of the networks, above 0; a core does about 50 of them in a second. A request
   * that would make it more is answered with a 503. @default 1000 for each of `workers`, else for each CPU core
   */
  readonly queueCost?: number;
  /**
   * Where enlarged pictures are kept: `memoryBytes` (64 MiB), `directory` with `diskBytes` (none; 1 GiB), `shared` (a Keyv, an
   * unstorage); `false` keeps none. They are found by the bytes of the source, so a changed source or model is never answered with an old picture.
   */
  readonly cache?: CacheOptions | false;
  /**
   * Milliseconds from a request to its enlarged picture, 100 to 600000. One that would not be ready by then, as far as the work
   * ahead of it lets one tell, is answered with a 503 and `Retry-After` at once. @default 30000
   */
  readonly deadlineMs?: number;
  /**
   * Milliseconds from a request to its enlarged picture that should hold, 1 to 600000. A picture for which the serving model would take
   * longer, as far as its size and the work ahead of it let one tell, is made by the best quicker model of the scale that is in time, else
   * by the quickest. Requests that name a model get that one. @default none: the serving model always answers
   */
  readonly latencyObjectiveMs?: number;
  /** What becomes of a picture beyond `limits`: `reject` (413), `passthrough`, `clamp` (a smaller scale). @default 'reject' */
  readonly onLimit?: OnLimit;
  /** What becomes of a picture that cannot be enlarged: `fail` (its status), `passthrough` (the host's own, not to be stored). @default 'fail' */
  readonly onError?: OnError;
  /** What becomes of a query parameter of ours with a value that is not allowed: `reject` (400), `ignore` (as without it). @default 'reject' */
  readonly onBadParameter?: OnBadParameter;
  /** Serves only URLs that `signUrl` signed, so that strangers cannot make this machine work. @default absent: every URL is served */
  readonly signing?: SigningOptions;
  /** What the names of the metrics begin with: letters, digits and underscores. @default 'dualscale_' */
  readonly metricsPrefix?: string;
  /** The Prometheus registry the metrics go into. @default a registry of its own, `dualscale.registry` */
  readonly registry?: MetricsRegistry;
  /** Told which models and provider were chosen, and the full text of each 5xx. @default silent */
  readonly logger?: DualscaleLogger;
}

const SILENT: DualscaleLogger = { info: () => {}, warn: () => {}, error: () => {} };

export interface ResolvedOptions extends Omit<DualscaleOptions, 'signing' | 'latencyObjectiveMs'> {
  readonly models: Readonly<Record<number, string>>;
  readonly blindModels: Readonly<Record<number, string>>;
  readonly degradation: DegradationMode;
  readonly engine: EngineName;
  readonly limits: Required<ImageLimits>;
  readonly consistency: ConsistencyOptions | false;
  readonly concurrency: number;
  readonly queueLimit: number;
  readonly queueCost: number;
  readonly cache: CacheOptions;
  readonly metricsPrefix: string;
  readonly deadlineMs: number;
  readonly latencyObjectiveMs: number | undefined;
  readonly onLimit: OnLimit;
  readonly onError: OnError;
  readonly onBadParameter: OnBadParameter;
  readonly signing: Required<SigningOptions> | undefined;
  readonly logger: DualscaleLogger;
}

/** A core's work of 20 seconds, for each worker. */
const QUEUE_COST_PER_WORKER = 1000;

/** An option without a schema does not compile. */
const SCHEMA: SchemaOf<DualscaleOptions> = PLUGIN_OPTIONS;

const DEFAULTED = [
  'models',
  'blindModels',
  'degradation',
  'engine',
  'concurrency',
  'queueLimit',
  'metricsPrefix',
  'deadlineMs',
  'onLimit',
  'onError',
  'onBadParameter',
] as const;

/** Checks everything but the relation of one field to another, which its part does, and fills in the defaults. Throws DS_BAD_OPTION. */
export function resolveOptions(options: DualscaleOptions): ResolvedOptions {
  checkOptions(SCHEMA, options);
  checkEncodeOptions(options);
  checkConsistency(options.consistency ?? {});
  const { workers = availableParallelism() } = options;
  return {
    ...withDefaults(PLUGIN_OPTIONS, options, DEFAULTED),
    consistency: options.consistency ?? {},
    limits: resolveLimits(options.limits),
    logger: options.logger ?? SILENT,
    queueCost: options.queueCost ?? QUEUE_COST_PER_WORKER * workers,
    cache: options.cache === false ? { memoryBytes: 0 } : (options.cache ?? {}),
    latencyObjectiveMs: options.latencyObjectiveMs,
    signing: options.signing && checkSigning(options.signing),
  };
}
