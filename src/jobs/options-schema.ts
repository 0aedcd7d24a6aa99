/** The options of `createJobs`: checked by this, and the source of their table in `docs/options.md`. */
import { isLogger, type Schema } from '../core/schema.ts';
import type { TrafficOptions } from './data/traffic.ts';
import type { RollbackOptions } from './rollout/rollback-watch.ts';

const FOLDER = { type: 'string', minLength: 1, expected: 'the path of a folder' } as const;
const ENDLESS = 'a number above 0';

const PATTERNS = {
  type: 'array',
  expected: 'a list of regular expressions',
  items: { isRight: (value: unknown) => value instanceof RegExp, expected: 'a regular expression' },
} as const;

const TRAFFIC = {
  maxPictures: { type: 'integer', minimum: 1, maximum: 100_000, default: 500, description: 'Pictures that are kept.' },
  maxBytes: { type: 'integer', minimum: 1, default: 256 * 2 ** 20, description: 'Bytes of all of them.' },
  retentionDays: {
    type: 'number',
    exclusiveMinimum: 0,
    expected: ENDLESS,
    default: 30,
    description: 'Days after which a picture is removed.',
  },
  allow: { ...PATTERNS, default: [], description: 'Only pictures whose URL matches one of these; without any, all.' },
  deny: { ...PATTERNS, default: [], description: 'No pictures whose URL matches one of these.' },
} as const satisfies Record<keyof TrafficOptions, Schema>;

const ROLLBACK = {
  watchSeconds: { type: 'number', minimum: 0, default: 600, description: 'Seconds that a new model is watched.' },
  minRequests: { type: 'integer', minimum: 1, default: 20, description: 'Requests before anything is judged.' },
  maxErrorRate: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 0.02,
    description: 'Share of its requests that may fail.',
  },
  maxLatencyRatio: {
    type: 'number',
    exclusiveMinimum: 0,
    default: 1.5,
    description: 'Its p95 latency, as a multiple of that of the model before.',
  },
} as const satisfies Record<keyof RollbackOptions, Schema>;

const COUNT = { type: 'integer', minimum: 1, maximum: 10_000 } as const;
const THREADS = { type: 'integer', minimum: 1, maximum: 1024 } as const;

export const JOBS_OPTIONS = {
  type: 'object',
  additionalProperties: false,
  required: ['dir', 'modelsDir'],
  properties: {
    dualscale: {
      description: 'The plugin whose models jobs make; `dualscale.jobs()` gives itself.',
    },
    dir: {
      ...FOLDER,
      description: 'Folder of jobs, uploads and the history of models. One server at a time.',
    },
    modelsDir: {
      ...FOLDER,
      description:
        'The folder of models that the plugin serves from. Results are published there, so it must be writable.',
    },
    token: {
      type: 'string',
      minLength: 16,
      pattern: '^[\\x21-\\x7e]*$',
      isSecret: true,
      expected: '16 or more printable characters without spaces',
      description: 'What clients send as `Authorization: Bearer <token>`.',
      defaultText: 'none: only clients on this machine are served',
    },
    host: {
      type: 'string',
      minLength: 1,
      expected: 'the address that the server listens on',
      default: '127.0.0.1',
      description: 'Address the server listens on. Without a token any but a loopback address is refused.',
    },
    mountPath: {
      type: 'string',
      pattern: '^(/[A-Za-z0-9._~\\-]+)+$',
      expected: 'a path such as /dualscale/api',
      default: '/dualscale/api',
      description: 'Where the API is mounted.',
    },
    origins: {
      type: 'array',
      expected: 'a list of origins',
      // As browsers send it: no path, not even a slash.
      items: {
        type: 'string',
        pattern: '^[a-z][a-z0-9+.\\-]*://[^\\s/]+$',
        expected: 'an origin such as https://admin.example',
      },
      default: [],
      description: "Origins of pages that may use the API besides the server's own, e.g. `https://admin.example`.",
    },
    dataRoots: {
      type: 'object',
      expected: 'an object with absolute paths by name',
      propertyNames: {
        type: 'string',
        pattern: '^[A-Za-z0-9][A-Za-z0-9_\\-]{0,62}$',
        expected: 'named by letters and digits',
      },
      additionalProperties: { type: 'string', expected: 'an absolute path' },
      default: {},
      description: 'Folders that jobs may read photographs from, by name.',
    },
    samplesDir: { ...FOLDER, description: 'Folder of pictures to compare models on.', defaultText: 'none' },
    concurrency: { type: 'integer', minimum: 1, maximum: 16, default: 1, description: 'Jobs at a time.' },
    queueLimit: { ...COUNT, default: 100, description: 'Jobs that may wait.' },
    keepJobs: { ...COUNT, default: 100, description: 'Finished jobs that are remembered.' },
    threads: { ...THREADS, description: 'Threads of a job.', defaultText: 'half the cores' },
    threadsPerPicture: {
      ...THREADS,
      default: 1,
      description: 'Threads of one picture when latency is measured: as the plugin serves.',
    },
    provider: {
      enum: ['cpu', 'webgpu', 'cuda', 'tensorrt'],
      default: 'cpu',
      description: 'Where jobs train and measure.',
    },
    nice: {
      type: 'integer',
      minimum: 0,
      maximum: 19,
      default: 19,
      description: 'Added to the priority of job processes.',
    },
    memoryMegabytes: {
      type: 'integer',
      minimum: 128,
      maximum: 2 ** 24,
      default: 4096,
      description: 'MiB of memory of a job process.',
    },
    heapMegabytes: {
      type: 'integer',
      minimum: 64,
      maximum: 2 ** 20,
      default: 1024,
      description: 'MiB of its JavaScript heap.',
    },
    minFreeBytes: {
      type: 'integer',
      minimum: 0,
      default: 512 * 2 ** 20,
      description: 'Bytes that must be free before a job starts or an upload is taken.',
    },
    maxUploadBytes: {
      type: 'integer',
      minimum: 1,
      default: 512 * 2 ** 20,
      description: 'Bytes of an uploaded archive.',
    },
    pauseAboveLoad: {
      type: 'number',
      exclusiveMinimum: 0,
      description:
        'Jobs stand still while more pictures than this are being made at a time, on average over the last 2 seconds.',
      defaultText: 'they never do',
    },
    traffic: {
      type: 'object',
      additionalProperties: false,
      properties: TRAFFIC,
      description: 'Keeps a sample of the pictures that pass through, for jobs with `data.traffic`.',
      defaultText: 'nothing is kept',
    },
    meter: {
      description: 'Receives events of jobs, clients and publications, for metrics.',
      defaultText: "the plugin's",
    },
    rollback: {
      type: 'object',
      additionalProperties: false,
      properties: ROLLBACK,
      description: 'When a new model is replaced by the one before.',
      defaultText: 'see its fields',
    },
    maxCrashes: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 10,
      description: 'Starts of a job that may end without progress, one after the other.',
    },
    logger: {
      isRight: isLogger,
      expected: 'an object with the functions info, warn and error',
      description: 'An object with `info`, `warn` and `error`.',
      defaultText: 'silent',
    },
  },
} as const satisfies Schema;
