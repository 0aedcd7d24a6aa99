/** What `createJobs` takes. */
import { availableParallelism } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import type { Provider } from '../core/engine/runtime.ts';
import { badOption } from '../core/errors.ts';
import { checkGroups } from './check-options.ts';
import type { TrafficOptions } from './data/traffic.ts';
import type { JobMeter } from './queue/job-meter.ts';
import type { RollbackOptions } from './rollout/rollback-watch.ts';
import type { Serving } from './rollout/serving.ts';

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

type Defaulted =
  | 'host'
  | 'mountPath'
  | 'origins'
  | 'dataRoots'
  | 'provider'
  | 'rollback'
  | 'logger'
  | 'concurrency'
  | 'queueLimit'
  | 'keepJobs'
  | 'threads'
  | 'threadsPerPicture'
  | 'nice'
  | 'memoryMegabytes'
  | 'heapMegabytes'
  | 'minFreeBytes'
  | 'maxUploadBytes'
  | 'maxCrashes';

export type ResolvedJobsOptions = Omit<JobsOptions, 'dualscale' | Defaulted> & Required<Pick<JobsOptions, Defaulted>>;

const SILENT: JobsLogger = { info: () => {}, warn: () => {}, error: () => {} };
const MIN_TOKEN = 16;

/** Name, default, least, most. */
const NUMBERS: readonly (readonly [keyof JobsOptions & Defaulted, number, number, number])[] = [
  ['concurrency', 1, 1, 16],
  ['queueLimit', 100, 1, 10_000],
  ['keepJobs', 100, 1, 10_000],
  ['threads', Math.max(1, availableParallelism() >> 1), 1, 1024],
  ['threadsPerPicture', 1, 1, 1024],
  ['nice', 19, 0, 19],
  ['memoryMegabytes', 4096, 128, 2 ** 24],
  ['heapMegabytes', 1024, 64, 2 ** 20],
  ['minFreeBytes', 512 * 2 ** 20, 0, Number.MAX_SAFE_INTEGER],
  ['maxUploadBytes', 512 * 2 ** 20, 1, Number.MAX_SAFE_INTEGER],
  ['maxCrashes', 10, 1, 1000],
];

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\]|::ffff:127(\.\d{1,3}){3})$/;
export const isLoopback = (address: string): boolean => LOOPBACK.test(address);

function checkText(name: string, value: unknown, expected: string): void {
  if (typeof value !== 'string' || value === '') throw badOption(name, expected, value);
}

function checkAccess({ token, host = '127.0.0.1' }: JobsOptions): void {
  if (token !== undefined && (typeof token !== 'string' || token.length < MIN_TOKEN || /[^\x21-\x7e]/.test(token))) {
    // Never the value: this message goes to logs.
    throw badOption('token', `${MIN_TOKEN} or more printable characters without spaces`, 'something else');
  }
  checkText('host', host, 'the address that the server listens on');
  if (token === undefined && !isLoopback(host)) {
    throw badOption('token', `given, because the server listens on ${host} and not on a loopback address`, 'nothing');
  }
}

function checkPaths(options: JobsOptions): void {
  const { dir, modelsDir, samplesDir = '.', mountPath = '/dualscale/api', dataRoots = {} } = options;
  for (const [name, path] of Object.entries({ dir, modelsDir, samplesDir })) {
    checkText(name, path, 'the path of a folder');
  }
  checkText('mountPath', mountPath, 'a path such as /dualscale/api');
  if (typeof dataRoots !== 'object' || dataRoots === null) {
    throw badOption('dataRoots', 'an object with absolute paths by name', dataRoots);
  }
  if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(mountPath))
    throw badOption('mountPath', 'a path such as /dualscale/api', mountPath);
  for (const [name, path] of Object.entries(dataRoots)) {
    if (!/^[a-z0-9][a-z0-9_-]{0,62}$/i.test(name)) throw badOption('dataRoots', 'named by letters and digits', name);
    if (typeof path !== 'string' || !isAbsolute(path)) throw badOption(`dataRoots.${name}`, 'an absolute path', path);
  }
}

const TEXTS = ['dualscale', 'dir', 'modelsDir', 'token', 'host', 'mountPath', 'origins', 'dataRoots', 'samplesDir'];
const NAMES = new Set([
  ...TEXTS,
  ...NUMBERS.map(([name]) => name),
  'provider',
  'pauseAboveLoad',
  'rollback',
  'traffic',
  'meter',
  'logger',
]);

/** Checks everything and fills in the defaults. Throws DS_BAD_OPTION. */
export function resolveJobsOptions({ dualscale: _, ...options }: JobsOptions): ResolvedJobsOptions {
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) throw badOption(name, `one of the options ${[...NAMES].join(', ')}`, 'an unknown option');
  }
  checkAccess({ dualscale: _, ...options });
  checkPaths({ dualscale: _, ...options });
  checkGroups({ dualscale: _, ...options });
  const numbers = Object.fromEntries(
    NUMBERS.map(([name, whenAbsent, low, high]) => {
      const value = options[name as keyof typeof options] ?? whenAbsent;
      if (Number.isSafeInteger(value) && Number(value) >= low && Number(value) <= high) return [name, value];
      throw badOption(name, `an integer from ${low} to ${high}`, value);
    }),
  );
  const { pauseAboveLoad } = options;
  if (pauseAboveLoad !== undefined && !(typeof pauseAboveLoad === 'number' && pauseAboveLoad > 0))
    throw badOption('pauseAboveLoad', 'above 0', pauseAboveLoad);
  const { host = '127.0.0.1', mountPath = '/dualscale/api', origins = [], dataRoots = {}, rollback = {} } = options;
  const { provider = 'cpu', logger = SILENT } = options;
  const paths = { dir: resolve(options.dir), modelsDir: resolve(options.modelsDir) };
  return {
    ...options,
    ...(numbers as Pick<ResolvedJobsOptions, (typeof NUMBERS)[number][0]> & typeof numbers),
    ...paths,
    host,
    mountPath,
    origins,
    dataRoots,
    rollback,
    provider,
    logger,
  } as ResolvedJobsOptions;
}
