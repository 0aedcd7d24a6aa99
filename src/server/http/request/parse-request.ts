/** What a request asks for: `upscale`, `sr_model`, what it knows of the picture's degradation, and with `upscale=auto` the host's own `w` and `h`. */
import { DualscaleError } from '../../../core/errors.ts';
import type { DegradationHint } from '../../../core/upscale/degradation-hint.ts';
import { hintKey } from '../../../core/upscale/degradation-hint.ts';
import type { PictureUpscaler, ServingModel } from '../../service/picture-upscaler.ts';
import { MODEL_PARAMETER, PARAMETER, valuesOf } from './parameters.ts';
import { type HintText, hintText, parseHint } from './parse-hint.ts';

/** Pixels the result has to fit in; at least one is given. */
export interface Box {
  readonly width?: number;
  readonly height?: number;
}

/** A request's hint, the models it may need fetched once: validator and pixels agree whatever is activated meanwhile. */
export interface UpscaleQuery {
  /** Smallest scale first. One, or with a `box` all that may be needed to fill it. */
  readonly models: readonly [ServingModel, ...ServingModel[]];
  readonly box?: Box;
  /** The same for every spelling of the same hint: part of the validator. */
  readonly canonical: string;
}

export type Models = Pick<PictureUpscaler, 'scales' | 'modelIds' | 'modelFor'>;

/** One of the values that are not numbers, so a host's own parser cannot take them for something else. */
const WORDS = ['true', 'auto'] as const;
/** No encoder writes longer sides. */
const LONGEST_SIDE = 65_535;

/** Values of `upscale` in the order in which they are documented. */
export function allowedValues(scales: readonly number[]): string[] {
  return [...WORDS, ...scales.map(String)];
}

function refuse(name: string, expected: string, values: readonly string[]): DualscaleError {
  return new DualscaleError(
    'DS_BAD_PARAMETER',
    `expected \`${name}\` to be ${expected}, got \`${values.join('`, `')}\``,
    { publicDetail: `Allowed values of \`${name}\`: ${expected}.` },
  );
}

function modelId(values: readonly string[], models: Models): string | undefined {
  const [id] = values;
  if (id === undefined) return undefined;
  const known = models.modelIds();
  if (values.length > 1 || !known.includes(id)) throw refuse(MODEL_PARAMETER, known.join(', '), values);
  return id;
}

/** Pixels, undefined for anything but one whole number: hosts give `w` and `h` meanings of their own (`auto`, `0.5`). */
function side(values: readonly string[]): number | undefined {
  const [text = ''] = values;
  const pixels = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return values.length === 1 && pixels >= 1 && pixels <= LONGEST_SIDE ? pixels : undefined;
}

function boxOf(widths: readonly string[], heights: readonly string[]): Box | undefined {
  const [width, height] = [side(widths), side(heights)];
  if (width === undefined && height === undefined) return undefined;
  return { width, height };
}

/** The texts as they were written, each with all its values. */
export interface QueryText {
  readonly upscale: readonly string[];
  readonly model: readonly string[];
  readonly width: readonly string[];
  readonly height: readonly string[];
  /** @default nothing is known */
  readonly hint?: HintText;
}

/** Scales that networks are made for. */
const NETWORK_SCALES = [2, 3, 4, 8];

/** The scale of the named model, also where another model serves it or none; else all that are served. */
function scalesOf(id: string | undefined, models: Models): readonly number[] {
  return id === undefined ? models.scales : NETWORK_SCALES.filter((scale) => models.modelIds(scale).includes(id));
}

/**
 * Reads the hint. `true` is what imgix makes of it: as large as `w` and `h` say where the request has them, else the largest
 * scale. Throws DS_BAD_PARAMETER, naming what is allowed, for everything that is not allowed and written once.
 */
export function parseUpscaleQuery(
  { upscale, model, width, height, hint: text }: QueryText,
  models: Models,
): UpscaleQuery {
  const id = modelId(model, models);
  const scales = scalesOf(id, models);
  const [word = ''] = upscale;
  const isWord = (WORDS as readonly string[]).includes(word);
  const scale = scales.find((candidate) => String(candidate) === word);
  if (upscale.length !== 1 || (scale === undefined && !isWord)) {
    throw refuse(PARAMETER, allowedValues(scales).join(', '), upscale);
  }
  const box = isWord ? boxOf(width, height) : undefined;
  if (word === 'auto' && box === undefined) {
    throw refuse('w` or `h', `1 to ${LONGEST_SIDE} pixels, which \`${PARAMETER}=auto\` needs`, [...width, ...height]);
  }
  const hint = text && parseHint(text);
  const named = `${id === undefined ? '' : `&${MODEL_PARAMETER}=${id}`}${describeHint(hint)}`;
  if (box === undefined) {
    const wanted = scale ?? (scales.at(-1) as number);
    return { models: [models.modelFor(wanted, id, hint)], canonical: `${PARAMETER}=${wanted}${named}` };
  }
  const [smallest, ...larger] = scales.map((candidate) => models.modelFor(candidate, id, hint));
  const size = `${box.width ?? ''}x${box.height ?? ''}`;
  return { models: [smallest as ServingModel, ...larger], box, canonical: `${PARAMETER}=auto&size=${size}${named}` };
}

const describeHint = (hint: DegradationHint | undefined): string => {
  const key = hint ? hintKey(hint) : '';
  return key === '' ? '' : `&${key}`;
};

/** The texts from a URL's query. */
export function queryText(url: string, upscale: readonly string[]): QueryText {
  return {
    upscale,
    model: valuesOf(url, MODEL_PARAMETER),
    width: valuesOf(url, 'w'),
    height: valuesOf(url, 'h'),
    hint: hintText(url),
  };
}
