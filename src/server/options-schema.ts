/** The options of `createDualscale`: checked by this, and the source of `plugin.json` and `docs/options.md`. */
import { isLogger, type Schema } from '../core/schema.ts';

/** `false` turns a part off; `true` would say nothing. */
const isNotTrue = (value: unknown): boolean => value !== true;

export const PLUGIN_OPTIONS = {
  type: 'object',
  additionalProperties: false,
  properties: {
    modelsDir: {
      type: 'string',
      minLength: 1,
      description: 'Folder of model folders.',
      defaultText: "the package's `models`",
      expected: 'the path of a folder',
    },
    models: {
      type: 'object',
      propertyNames: {
        pattern: '^[0-9]+$',
      },
      additionalProperties: {
        type: 'string',
      },
      default: {},
      description:
        'Which model serves a scale, e.g. {"4": "edge-x4"}. Other scales are served by the model marked as default, else by the one with the best PSNR.',
    },
    blindModels: {
      type: 'object',
      propertyNames: {
        pattern: '^[0-9]+$',
      },
      additionalProperties: {
        type: 'string',
      },
      default: {},
      description:
        'Which blind model stands beside the plain one of a scale, e.g. {"4": "edge-blind-x4"}. Other scales have the model marked as default, else the one with the best PSNR.',
    },
    degradation: {
      enum: ['auto', 'bicubic', 'blind'],
      default: 'auto',
      description:
        "What is done with pictures whose request does not say how they were degraded: auto, a blind model's estimate decides; bicubic, the plain model, nothing is estimated; blind, the blind model. A scale without a blind model has its plain one.",
    },
    engine: {
      enum: ['onnx', 'tfjs'],
      default: 'onnx',
      description:
        'What runs the networks: onnx compiles them for ONNX Runtime, tfjs runs them eagerly on TF.js, several times slower.',
    },
    provider: {
      enum: ['auto', 'cpu', 'webgpu', 'cuda', 'tensorrt', 'tensorflow', 'wasm'],
      default: 'auto',
      description:
        'Where networks run: with onnx cpu, webgpu, cuda, tensorrt; with tfjs tensorflow, wasm, cpu. auto takes a GPU that is 1.5 times as fast as the CPU, never tensorrt.',
    },
    workers: {
      type: 'integer',
      minimum: 1,
      maximum: 1024,
      description: 'Worker threads that run networks.',
      defaultText: 'the CPU cores; 1 on a GPU and with `tensorflow`',
    },
    threadsPerWorker: {
      type: 'integer',
      minimum: 1,
      maximum: 1024,
      default: 1,
      description: 'Threads of each worker while others work too; with tfjs only 1.',
    },
    limits: {
      type: 'object',
      additionalProperties: false,
      description: 'Sizes beyond which a picture is refused with a 413, before pixels are decoded.',
      properties: {
        maxInputBytes: {
          type: 'integer',
          minimum: 1,
          default: 33554432,
          description: 'Bytes of the encoded picture that comes in.',
        },
        maxInputPixels: {
          type: 'integer',
          minimum: 1,
          maximum: 268402689,
          default: 16777216,
          description: 'Pixels of the picture that comes in.',
        },
        maxOutputPixels: {
          type: 'integer',
          minimum: 1,
          maximum: 268402689,
          default: 134217728,
          description: 'Pixels of an enlarged picture.',
        },
        maxWholeOutputPixels: {
          type: 'integer',
          minimum: 1,
          maximum: 268402689,
          default: 33554432,
          description: 'Of an enlarged WebP or AVIF, whose encoders hold the whole picture.',
        },
      },
      defaultText: '32 MiB, 16777216 and 134217728 pixels',
    },
    quality: {
      type: ['integer', 'array'],
      minimum: 1,
      maximum: 100,
      description: 'Quality of enlarged JPEG, WebP and AVIF, or steps by size [{ maxPixels, jpeg, webp, avif }].',
      defaultText: 'jpeg 90, webp 85, avif 65 up to 4 megapixels, less above',
      expected: 'an integer from 1 to 100, or a list of steps',
    },
    metadata: {
      enum: ['strip', 'copyright', 'keep'],
      default: 'strip',
      description: "What a result keeps of its source's EXIF and XMP; the colour profile always stays.",
    },
    spoolFolder: {
      type: 'string',
      minLength: 1,
      description: 'Folder for results above 32 MiB of pixels while they are made.',
      defaultText: "the system's temporary files",
      expected: 'the path of a folder',
    },
    consistency: {
      type: ['object', 'boolean'],
      description:
        "What the dual network's check of each result leads to: maxError, the mean of absolute 8-bit levels above which Lanczos answers; false: no checks.",
      defaultText: '`{}`, the error is reported',
      isRight: isNotTrue,
      expected: 'false or { maxError, fallback }',
    },
    concurrency: {
      type: 'integer',
      minimum: 1,
      default: 2,
      description: 'Pictures decoded, enlarged and encoded at the same time.',
    },
    queueLimit: {
      type: 'integer',
      minimum: 0,
      default: 16,
      description: 'Pictures that may wait beside those; one more is answered with a 503.',
    },
    queueCost: {
      type: 'number',
      exclusiveMinimum: 0,
      description:
        'Work that may wait, in giga multiply-accumulates; a request that would make it more is answered with a 503.',
      defaultText: '1000 for each of `workers`, else for each CPU core',
    },
    cache: {
      type: ['object', 'boolean'],
      additionalProperties: false,
      description: 'Where enlarged pictures are kept; false: nowhere.',
      properties: {
        memoryBytes: {
          type: 'integer',
          minimum: 0,
          default: 67108864,
          description: 'Bytes of encoded pictures in memory; 0: none.',
          maximum: 1099511627776,
        },
        directory: {
          type: 'string',
          minLength: 1,
          description: 'Folder for a second layer that outlives the process; give each process its own.',
          expected: 'the path of a folder',
        },
        diskBytes: {
          type: 'integer',
          minimum: 1,
          default: 1073741824,
          description: 'Bytes of that folder.',
          maximum: 1125899906842624,
        },
        shared: {
          description:
            'A store that several servers share: a Keyv, an unstorage, or an object with get, set and delete.',
        },
      },
      defaultText: '64 MiB in memory',
      isRight: isNotTrue,
      expected: 'false or an object with memoryBytes, directory, diskBytes, shared',
    },
    metricsPrefix: {
      type: 'string',
      pattern: '^[a-zA-Z_][a-zA-Z0-9_]*$',
      default: 'dualscale_',
      description: 'What the names of the metrics begin with.',
      expected: 'letters, digits and underscores, no digit first',
    },
    deadlineMs: {
      type: 'integer',
      minimum: 100,
      maximum: 600000,
      default: 30000,
      description:
        'Milliseconds from a request to its enlarged picture; one that would not be ready by then is answered with a 503 at once.',
    },
    latencyObjectiveMs: {
      type: 'number',
      minimum: 1,
      maximum: 600000,
      description:
        'Milliseconds from a request to its enlarged picture that should hold: where the serving model would take longer, the best quicker model of the scale that is in time answers, else the quickest.',
      defaultText: 'none, the serving model always answers',
    },
    onLimit: {
      enum: ['reject', 'passthrough', 'clamp'],
      default: 'reject',
      description: "What becomes of a picture beyond the limits: a 413, the host's own picture, or a smaller scale.",
    },
    onError: {
      enum: ['fail', 'passthrough'],
      default: 'fail',
      description:
        "What becomes of a picture that cannot be enlarged: its status, or the host's own picture, which caches must not store.",
    },
    onBadParameter: {
      enum: ['reject', 'ignore'],
      default: 'reject',
      description:
        "What becomes of a query parameter with a value that is not allowed: a 400, or the host's answer as if it were not there.",
    },
    signing: {
      type: 'object',
      additionalProperties: false,
      required: ['keys'],
      description: 'Serves only URLs that are signed with one of the keys.',
      properties: {
        keys: {
          type: 'array',
          minItems: 1,
          maxItems: 16,
          items: {
            type: 'string',
            minLength: 16,
            isSecret: true,
          },
          isSecret: true,
          expected: '1 to 16 texts of at least 16 characters',
          description: 'Secrets; the first signs, all are accepted.',
        },
        required: {
          type: 'boolean',
          default: true,
          description: 'Whether a request without a signature is refused.',
        },
      },
      defaultText: 'none',
    },
    registry: {
      description: 'The prom-client Registry the metrics go into.',
      defaultText: 'its own',
    },
    logger: {
      description: 'An object with info, warn and error.',
      defaultText: 'silent',
      expected: 'an object with the functions info, warn and error',
      isRight: isLogger,
    },
  },
} as const satisfies Schema;
