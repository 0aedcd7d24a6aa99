/**
 * Encoded bytes to enlarged encoded bytes, of the same kind, with memory for a few strips of the
 * result.
 */
import type { ImageFormat } from '../codec/container.ts';
import { type EncodeOptions, fittedSize } from '../codec/encode-format.ts';
import type { ImageHeader } from '../codec/header.ts';
import { checkOutputSize, type ImageLimits } from '../codec/limits.ts';
import { type OpenPicture, openPicture } from '../codec/open-picture.ts';
import { createPictureWriter } from '../codec/picture-writer.ts';
import type { EngineName } from '../engine/runtime.ts';
import { lanczosModel } from '../engine/served/served-model.ts';
import type { ServedModel } from '../engine/served/served-types.ts';
import { badOption, DualscaleError } from '../errors.ts';
import { chooseDegradation, type DegradationHint, type DegradationNote } from './degradation-hint.ts';
import { enlargeRows, estimateDegradation } from './enlarge-rows.ts';
import type { Upscaler } from './upscaler.ts';

export interface ConsistencyOptions {
  /**
   * The most that a result, made small again by the dual network, may differ from the source: mean
   * of absolute 8-bit levels, above 0. Beyond it the answer is `fallback`. @default Infinity: the
   * error is reported, whatever it is
   */
  readonly maxError?: number;
  /** @default 'lanczos' */
  readonly fallback?: 'lanczos';
}

/** Throws DS_BAD_OPTION. */
export function checkConsistency(consistency: ConsistencyOptions | false): void {
  if (consistency === false) return;
  if (typeof consistency !== 'object' || consistency === null) {
    throw badOption('consistency', 'false or { maxError, fallback }', consistency);
  }
  const { maxError = Number.POSITIVE_INFINITY, fallback = 'lanczos', ...unknown } = consistency;
  const [name] = Object.keys(unknown);
  if (name !== undefined) throw badOption(`consistency.${name}`, 'maxError or fallback', 'an unknown option');
  if (typeof maxError !== 'number' || !(maxError > 0)) throw badOption('consistency.maxError', 'above 0', maxError);
  if (fallback !== 'lanczos') throw badOption('consistency.fallback', 'lanczos', fallback);
}

/**
 * Part of every cache key and validator. Raise it whenever the same source, model and settings give
 * other bytes than before (decoding, tiling, dithering, encoding defaults, a new libvips), and when
 * the fields of `EnlargedPicture` change: caches that outlive the process hold those.
 */
export const PICTURE_FORMAT = 1;

export interface EnlargeEncodedOptions {
  readonly upscaler: Upscaler;
  /** What `readHeader` gave for the bytes. @default read here */
  readonly header?: ImageHeader;
  readonly model: ServedModel;
  /**
   * The blind model of the same scale, where there is one: pictures that are not clean reductions
   * are its.
   */
  readonly blind?: ServedModel | undefined;
  /** @default auto */
  readonly hint?: DegradationHint | undefined;
  readonly limits?: ImageLimits;
  readonly encoding?: EncodeOptions;
  /** @default the format of the source */
  readonly format?: ImageFormat;
  /** False: not checked. @default {} */
  readonly consistency?: ConsistencyOptions | false;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/**
 * Milliseconds each step took. Steps that overlap count for the one that waits: `infer` is what is
 * left of the whole.
 */
export interface StageTimings {
  readonly decode: number;
  readonly infer: number;
  readonly encode: number;
}

export interface EnlargedPicture {
  readonly data: Uint8Array;
  /** The format of the source, unless another was asked for. */
  readonly format: ImageFormat;
  /** Pixels of the result, after the orientation of the source is applied. */
  readonly width: number;
  readonly height: number;
  /** The model that made the pixels, which may be the blind one. */
  readonly modelId: string;
  /** Of a cached picture: when it was made. */
  readonly timings: StageTimings;
  /**
   * Mean of absolute 8-bit levels between the source and the network's result made small again,
   * where it was checked.
   */
  readonly consistencyError?: number;
  /**
   * Which kind of model was chosen by the picture's degradation and why, where there was a choice.
   */
  readonly degradation?: DegradationNote;
  /** Set where the consistency error was above the threshold and Lanczos made the pixels. */
  readonly fallback?: 'consistency';
}

type EncodedPicture = EnlargedPicture & { readonly data: Buffer };

const lanczosModels = new Map<string, ServedModel>();

function lanczosOf(scale: number, engine: EngineName): ServedModel {
  const key = `${engine} ${scale}`;
  const model = lanczosModels.get(key) ?? lanczosModel(scale, engine);
  lanczosModels.set(key, model);
  return model;
}

/** Adds up how long the steps around the network take. */
function createStopwatch(now: () => number) {
  const start = now();
  const spent = { decode: 0, encode: 0 };
  return {
    async time<Result>(step: keyof typeof spent, work: () => Promise<Result>): Promise<Result> {
      const from = now();
      const result = await work();
      spent[step] += now() - from;
      return result;
    },
    timings: (): StageTimings => {
      const { decode, encode } = spent;
      return { decode, infer: Math.max(0, now() - start - decode - encode), encode };
    },
  };
}

function requireWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DualscaleError('DS_ABORTED', 'nobody waits for this picture any more');
}

async function enlargeInSteps(bytes: Buffer, options: EnlargeEncodedOptions): Promise<EncodedPicture> {
  const { upscaler, model, limits = {}, encoding = {}, consistency = {}, signal, now } = options;
  const watch = createStopwatch(now);
  const opened = await watch.time('decode', () => openPicture(bytes, limits, undefined, options.header));
  const { header, channels, depth } = opened;
  const { format = header.format } = options;
  const size = { width: opened.width * model.scale, height: opened.height * model.scale };
  checkOutputSize(opened, model.scale, format, limits, fittedSize(size, encoding.fit));
  const picture: OpenPicture = { ...opened, read: (top, rows) => watch.time('decode', () => opened.read(top, rows)) };

  const choice = await chooseDegradation({
    model,
    blind: options.blind,
    hint: options.hint,
    estimate: (able) => estimateDegradation(picture, { upscaler, model: able, signal }),
  });

  const enlargeBy = async (by: ServedModel, isChecked: boolean, mostError = Number.POSITIVE_INFINITY) => {
    requireWanted(signal);
    const writer = createPictureWriter({ ...size, channels, depth }, { ...header, format }, encoding);
    try {
      const write = (rows: Parameters<typeof writer.write>[0]) => watch.time('encode', () => writer.write(rows));
      const { error, whole } = await enlargeRows(picture, {
        upscaler,
        model: by,
        write,
        isChecked,
        signal,
        vector: by === choice.model ? choice.vector : undefined,
      });
      requireWanted(signal);
      const isTrusted = !(error !== undefined && error > mostError);
      const data = isTrusted ? await watch.time('encode', () => writer.finish()) : undefined;
      if (whole) upscaler.memory.give(whole);
      return { error, data };
    } finally {
      await writer.discard();
    }
  };

  const isChecked = consistency !== false;
  const { error, data } = await enlargeBy(choice.model, isChecked, isChecked ? consistency.maxError : undefined);
  const result = data ?? (await enlargeBy(lanczosOf(model.scale, model.engine), false)).data;
  return {
    data: result as Buffer,
    format,
    ...fittedSize(size, encoding.fit),
    timings: watch.timings(),
    modelId: choice.model.id,
    degradation: choice.note,
    consistencyError: error,
    fallback: data ? undefined : ('consistency' as const),
  };
}

/**
 * Sizes are checked on the header, before pixels are decoded. Throws DS_BAD_IMAGE,
 * DS_UNSUPPORTED_IMAGE (also for animations), DS_INPUT_TOO_LARGE, DS_OUTPUT_TOO_LARGE, DS_NO_ROOM,
 * DS_ABORTED, DS_ENGINE, DS_WORKER_CRASHED.
 */
export async function enlargeEncoded(bytes: Buffer, options: EnlargeEncodedOptions): Promise<EncodedPicture> {
  const end = options.upscaler.begin();
  try {
    return await enlargeInSteps(bytes, options);
  } finally {
    end();
  }
}
