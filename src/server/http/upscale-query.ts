/**
 * The query of a request: `upscale`, `sr_model`, hints about the degradation, and with
 * `upscale=auto` the host's `w` and `h`.
 */
import { DualscaleError } from '../../core/errors.ts';
import {
  DEGRADATION_MODES,
  type DegradationHint,
  hintKey,
  MAX_NOISE,
  MAX_SIGMA,
  needsBlind,
} from '../../core/upscale/degradation-hint.ts';
import type { ModelRegistry, ServingModel } from '../models/model-registry.ts';
import {
  DEGRADATION_PARAMETER,
  MODEL_PARAMETER,
  NOISE_PARAMETER,
  PARAMETER,
  SIGMA_PARAMETER,
  valuesOf,
} from './parameters.ts';

/** Pixels the result has to fit in; at least one is given. */
export interface Box {
  readonly width?: number;
  readonly height?: number;
}

/**
 * The models are looked up once for a request: validator and pixels agree whatever is activated
 * meanwhile.
 */
export interface UpscaleQuery {
  /** Smallest scale first. One, or with a `box` all that may be needed to fill it. */
  readonly models: readonly [ServingModel, ...ServingModel[]];
  readonly box?: Box;
  /** The same for every spelling of the same query: part of the validator. */
  readonly canonical: string;
}

/** The texts as they were written, each with all its values. */
export interface QueryText {
  readonly upscale: readonly string[];
  readonly model: readonly string[];
  readonly width: readonly string[];
  readonly height: readonly string[];
  readonly degradation: readonly string[];
  readonly sigma: readonly string[];
  readonly noise: readonly string[];
}

/** The texts from a URL's query. */
export function queryText(url: string, upscale: readonly string[]): QueryText {
  return {
    upscale,
    model: valuesOf(url, MODEL_PARAMETER),
    width: valuesOf(url, 'w'),
    height: valuesOf(url, 'h'),
    degradation: valuesOf(url, DEGRADATION_PARAMETER),
    sigma: valuesOf(url, SIGMA_PARAMETER),
    noise: valuesOf(url, NOISE_PARAMETER),
  };
}

function refuse(name: string, expected: string, values: readonly string[]): DualscaleError {
  return new DualscaleError(
    'DS_BAD_PARAMETER',
    `expected \`${name}\` to be ${expected}, got \`${values.join('`, `')}\``,
    { publicDetail: `Allowed values of \`${name}\`: ${expected}.` },
  );
}

/** The models that requests may name. */
export class RequestableModels {
  readonly #registry: ModelRegistry;
  readonly #hasFallbackModels: boolean;

  /** @param hasFallbackModels whether quicker models may answer instead of serving ones. */
  constructor(registry: ModelRegistry, hasFallbackModels: boolean) {
    this.#registry = registry;
    this.#hasFallbackModels = hasFallbackModels;
  }

  /** Smallest first. */
  get scales(): readonly number[] {
    return this.#registry.scales;
  }

  /** Of one scale or of all. */
  modelIds(scale?: number): readonly string[] {
    const { manifests } = this.#registry;
    return manifests.filter((model) => scale === undefined || model.scale === scale).map(({ id }) => id);
  }

  /**
   * The model that serves `scale`, or the named one, as it answers the hint. Throws
   * DS_BAD_PARAMETER.
   */
  modelFor(scale: number, modelId?: string, hint?: DegradationHint): ServingModel {
    const registry = this.#registry;
    const model = modelId === undefined ? registry.serving(scale) : registry.named(modelId);
    if (model?.scale !== scale) {
      if (modelId === undefined) throw refuse(PARAMETER, registry.scales.join(', '), [String(scale)]);
      throw refuse(MODEL_PARAMETER, this.modelIds(scale).join(', '), [modelId]);
    }
    const withoutHint = modelId === undefined ? registry.byDefault(model) : model;
    const withHint = hint ? registry.withHint(model, hint) : withoutHint;
    if (!withHint) throw refuse(DEGRADATION_PARAMETER, 'auto, bicubic', ['blind']);
    // A request that names a model gets that one.
    const fallbackModels = modelId === undefined ? this.#fallbackModels(scale, hint ?? withHint.hint) : [];
    return fallbackModels.length > 0 ? { ...withHint, fallbackModels } : withHint;
  }

  /** A request that needs the blind model has no other choice. */
  #fallbackModels(scale: number, hint: DegradationHint | undefined): readonly ServingModel[] {
    if (!this.#hasFallbackModels || (hint && needsBlind(hint))) return [];
    return this.#registry.fallbackModels(scale, hint);
  }
}

/** What is needed of `RequestableModels`. */
export type Models = Pick<RequestableModels, 'scales' | 'modelIds' | 'modelFor'>;

/**
 * Values of `upscale` that are not numbers, so a host's own parser cannot take them for something
 * else.
 */
const WORDS: readonly string[] = ['true', 'auto'];
/** No encoder writes longer sides. */
const MAX_SIDE = 65_535;
/** Scales that networks are made for. */
const NETWORK_SCALES = [2, 3, 4, 8];

/** Values of `upscale` in the order in which they are documented. */
export function allowedValues(scales: readonly number[]): string[] {
  return [...WORDS, ...scales.map(String)];
}

function modelIdOf(values: readonly string[], models: Models): string | undefined {
  const [id] = values;
  if (id === undefined) return undefined;
  const known = models.modelIds();
  if (values.length > 1 || !known.includes(id)) throw refuse(MODEL_PARAMETER, known.join(', '), values);
  return id;
}

/**
 * Pixels, undefined for anything but one whole number: hosts give `w` and `h` meanings of their own
 * (`auto`, `0.5`).
 */
function sideOf(values: readonly string[]): number | undefined {
  const [text = ''] = values;
  const pixels = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return values.length === 1 && pixels >= 1 && pixels <= MAX_SIDE ? pixels : undefined;
}

function boxOf(text: QueryText): Box | undefined {
  const width = sideOf(text.width);
  const height = sideOf(text.height);
  return width === undefined && height === undefined ? undefined : { width, height };
}

/**
 * Digits, perhaps with a point: at most two behind it, so that there are few keys to fill a cache
 * with.
 */
function readNumber(name: string, values: readonly string[], max: number): number | undefined {
  if (values.length === 0) return undefined;
  const text = values.length === 1 ? values[0] : '';
  const value = /^\d{1,3}(?:\.\d{1,2})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw refuse(name, `0 to ${max}, at most two digits behind the point`, values);
  return value;
}

/**
 * Undefined where the request says nothing about the degradation. Throws DS_BAD_PARAMETER, naming
 * what is allowed.
 */
function hintOf(text: QueryText): DegradationHint | undefined {
  const [word] = text.degradation;
  const degradation = DEGRADATION_MODES.find((candidate) => candidate === word);
  if (word !== undefined && (degradation === undefined || text.degradation.length > 1)) {
    throw refuse(DEGRADATION_PARAMETER, DEGRADATION_MODES.join(', '), text.degradation);
  }
  const sigma = readNumber(SIGMA_PARAMETER, text.sigma, MAX_SIGMA);
  const noise = readNumber(NOISE_PARAMETER, text.noise, MAX_NOISE);
  const isKnown = sigma !== undefined || noise !== undefined;
  if (degradation === 'bicubic' && isKnown) {
    const expected = `auto, blind, or without \`${SIGMA_PARAMETER}\` and \`${NOISE_PARAMETER}\``;
    throw refuse(DEGRADATION_PARAMETER, expected, text.degradation);
  }
  return degradation === undefined && !isKnown ? undefined : { degradation, sigma, noise };
}

/**
 * Reads the query. `true` is what imgix makes of it: as large as `w` and `h` say where the request
 * has them, else the largest scale. Throws DS_BAD_PARAMETER, naming what is allowed, for everything
 * that is not allowed and written once.
 */
export function parseUpscaleQuery(text: QueryText, models: Models): UpscaleQuery {
  const id = modelIdOf(text.model, models);
  // A named model may have a scale that another one serves, or none.
  const scales =
    id === undefined ? models.scales : NETWORK_SCALES.filter((scale) => models.modelIds(scale).includes(id));
  const [word = ''] = text.upscale;
  const isWord = WORDS.includes(word);
  const scale = scales.find((candidate) => String(candidate) === word);
  if (text.upscale.length !== 1 || (scale === undefined && !isWord)) {
    throw refuse(PARAMETER, allowedValues(scales).join(', '), text.upscale);
  }
  const box = isWord ? boxOf(text) : undefined;
  if (word === 'auto' && box === undefined) {
    const expected = `1 to ${MAX_SIDE} pixels, which \`${PARAMETER}=auto\` needs`;
    throw refuse('w` or `h', expected, [...text.width, ...text.height]);
  }
  const hint = hintOf(text);
  const key = hint ? hintKey(hint) : '';
  const rest = (id === undefined ? '' : `&${MODEL_PARAMETER}=${id}`) + (key === '' ? '' : `&${key}`);
  if (box === undefined) {
    const requested = scale ?? (scales.at(-1) as number);
    return { models: [models.modelFor(requested, id, hint)], canonical: `${PARAMETER}=${requested}${rest}` };
  }
  const [smallest, ...larger] = scales.map((candidate) => models.modelFor(candidate, id, hint));
  const size = `${box.width ?? ''}x${box.height ?? ''}`;
  return { models: [smallest, ...larger], box, canonical: `${PARAMETER}=auto&size=${size}${rest}` };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Filling {
  readonly model: ServingModel;
  /** The size to make of the enlarged picture; absent where it is that size or smaller. */
  readonly fit?: Size;
}

/**
 * The smallest of `models` (smallest scale first) that fills `box`, and the size that does so
 * exactly; the largest there is where none does. The picture keeps its aspect and lies within the
 * box. Undefined where it fills the box as it is.
 */
export function fillBox(picture: Size, box: Box, models: UpscaleQuery['models']): Filling | undefined {
  const factor = Math.min((box.width ?? Infinity) / picture.width, (box.height ?? Infinity) / picture.height);
  if (factor <= 1) return undefined;
  const model = models.find(({ scale }) => scale >= factor) ?? (models.at(-1) as ServingModel);
  if (model.scale <= factor) return { model };
  const pixels = (side: number) => Math.max(1, Math.round(side * factor));
  return { model, fit: { width: pixels(picture.width), height: pixels(picture.height) } };
}
