/** What `createJobs` takes. */
import { availableParallelism } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import type { Provider } from '../core/engine/runtime.ts';
import { badOption } from '../core/errors.ts';
import { checkOptions, type SchemaOf, withDefaults } from '../core/schema.ts';
import type { Serving } from '../core/upscale/serving.ts';
import type { TrafficOptions } from './data/traffic.ts';
import { JOBS_OPTIONS } from './options-schema.ts';
import type { JobMeter } from './queue/job-meter.ts';
import type { RollbackOptions } from './rollout/rollback-watch.ts';

export interface JobsLogger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string, error?: unknown): void;
}

/** Everything but `dualscale` and `meter` is checked; what is wrong throws DS_BAD_OPTION with its name when the jobs are created. */
export interface JobsOptions {
  /** The plugin whose models jobs make: what `createDualscale` gives. */
  readonly dualscale: Serving;
  /** Folder of jobs, uploads and the history of models; made when it is missing. One server at a time. */
  readonly dir: string;
  /** The folder of models that `dualscale` serves from. Results are published there, so it must be writable. */
  readonly modelsDir: string;
  /** What clients send as `Authorization: Bearer <token>`, from 16 characters. @default none: only clients on this machine are served */
  readonly token?: string;
  /** Address the server listens on. Without a token any but a loopback address is refused. @default '127.0.0.1' */
  readonly host?: string;
  /** Where the API is mounted. @default '/dualscale/api' */
  readonly mountPath?: string;
  /** Origins of pages that may use the API besides the server's own, e.g. `https://admin.example`. @default [] */
  readonly origins?: readonly string[];
  /** Folders that jobs may read photographs from, by name. @default {} */
  readonly dataRoots?: Readonly<Record<string, string>>;
  /** Folder of pictures to compare models on. @default none */
  readonly samplesDir?: string;
  /** Jobs at a time, 1 to 16. @default 1 */
  readonly concurrency?: number;
  /** Jobs that may wait, 1 to 10000. @default 100 */
  readonly queueLimit?: number;
  /** Finished jobs that are remembered, 1 to 10000. @default 100 */
  readonly keepJobs?: number;
  /** Threads of a job, 1 to 1024. @default half the cores */
  readonly threads?: number;
  /** Threads of one picture when latency is measured: as the plugin serves, 1 to 1024. @default 1 */
  readonly threadsPerPicture?: number;
  /** Where jobs train and measure. @default 'cpu' */
  readonly provider?: Provider;
  /** Added to the priority of job processes, 0 to 19. @default 19 */
  readonly nice?: number;
  /** MiB of memory of a job process, from 128. @default 4096 */
  readonly memoryMegabytes?: number;
  /** MiB of its JavaScript heap, from 64. @default 1024 */
  readonly heapMegabytes?: number;
  /** Bytes that must be free before a job starts or an upload is taken. @default 536870912 */
  readonly minFreeBytes?: number;
  /** Bytes of an uploaded archive. @default 536870912 */
  readonly maxUploadBytes?: number;
  /**
   * Jobs stand still while more pictures than this are being made at a time, on average over the last 2 seconds; above 0.
   * @default they never do
   */
  readonly pauseAboveLoad?: number;
  /** Keeps a sample of the pictures that pass through, for jobs with `data.traffic`. @default nothing is kept */
  readonly traffic?: TrafficOptions;
  /** Told of jobs, clients and publications, for metrics. */
  readonly meter?: JobMeter;
  /** When a new model is replaced by the one before. */
  readonly rollback?: RollbackOptions;
  /** Starts of a job that may end without progress, one after the other. @default 10 */
  readonly maxCrashes?: number;
  readonly logger?: JobsLogger;
}

/** An option without a schema does not compile. */
const SCHEMA: SchemaOf<JobsOptions> = JOBS_OPTIONS;

const DEFAULTED = [
  'host',
  'mountPath',
  'origins',
  'dataRoots',
  'provider',
  'concurrency',
  'queueLimit',
  'keepJobs',
  'threadsPerPicture',
  'nice',
  'memoryMegabytes',
  'heapMegabytes',
  'minFreeBytes',
  'maxUploadBytes',
  'maxCrashes',
] as const;

type Defaulted = (typeof DEFAULTED)[number] | 'threads' | 'rollback' | 'logger';

export type ResolvedJobsOptions = Omit<JobsOptions, 'dualscale' | Defaulted> & Required<Pick<JobsOptions, Defaulted>>;

const SILENT: JobsLogger = { info: () => {}, warn: () => {}, error: () => {} };
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\]|::ffff:127(\.\d{1,3}){3})$/;
export const isLoopback = (address: string): boolean => LOOPBACK.test(address);

/** What no schema says: the token depends on the address, a folder on the machine's kind of paths. */
function checkRelations({ token, host = '127.0.0.1', dataRoots = {} }: JobsOptions): void {
  if (token === undefined && !isLoopback(host)) {
    throw badOption('token', `given, because the server listens on ${host} and not on a loopback address`, 'nothing');
  }
  for (const [name, path] of Object.entries(dataRoots)) {
    if (!isAbsolute(path)) throw badOption(`dataRoots.${name}`, 'an absolute path', path);
  }
}

/** Checks everything and fills in the defaults. Throws DS_BAD_OPTION. */
export function resolveJobsOptions(given: JobsOptions): ResolvedJobsOptions {
  checkOptions(SCHEMA, given);
  checkRelations(given);
  const { dualscale: _, ...options } = given;
  return {
    ...withDefaults(JOBS_OPTIONS, options, DEFAULTED),
    dir: resolve(options.dir),
    modelsDir: resolve(options.modelsDir),
    rollback: options.rollback ?? {},
    threads: options.threads ?? Math.max(1, availableParallelism() >> 1),
    logger: options.logger ?? SILENT,
  };
}
