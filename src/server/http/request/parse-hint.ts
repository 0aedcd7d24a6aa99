/** What a request knows of how its picture was degraded: `sr_degradation`, `sr_sigma`, `sr_noise`. */
import { DualscaleError } from '../../../core/errors.ts';
import {
  DEGRADATION_MODES,
  type DegradationHint,
  MAX_NOISE,
  MAX_SIGMA,
} from '../../../core/upscale/degradation-hint.ts';
import { DEGRADATION_PARAMETER, NOISE_PARAMETER, SIGMA_PARAMETER, valuesOf } from './parameters.ts';

/** The values as they were written. */
export interface HintText {
  readonly degradation: readonly string[];
  readonly sigma: readonly string[];
  readonly noise: readonly string[];
}

function refuse(name: string, expected: string, values: readonly string[]): DualscaleError {
  return new DualscaleError(
    'DS_BAD_PARAMETER',
    `expected \`${name}\` to be ${expected}, got \`${values.join('`, `')}\``,
    { publicDetail: `Allowed values of \`${name}\`: ${expected}.` },
  );
}

/** Digits, perhaps with a point: at most two behind it, so that there are few keys to fill a cache with. */
function readNumber(name: string, values: readonly string[], most: number): number | undefined {
  if (values.length === 0) return undefined;
  const text = values.length === 1 ? (values[0] as string) : '';
  const value = /^\d{1,3}(?:\.\d{1,2})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw refuse(name, `0 to ${most}, at most two digits behind the point`, values);
  return value;
}

/** Throws DS_BAD_PARAMETER, naming what is allowed. Undefined where the request says nothing. */
export function parseHint({ degradation, sigma, noise }: HintText): DegradationHint | undefined {
  const [word] = degradation;
  const mode = DEGRADATION_MODES.find((candidate) => candidate === word);
  if (word !== undefined && (mode === undefined || degradation.length > 1)) {
    throw refuse(DEGRADATION_PARAMETER, DEGRADATION_MODES.join(', '), degradation);
  }
  const [width, level] = [readNumber(SIGMA_PARAMETER, sigma, MAX_SIGMA), readNumber(NOISE_PARAMETER, noise, MAX_NOISE)];
  if (mode === 'bicubic' && (width !== undefined || level !== undefined)) {
    throw refuse(
      DEGRADATION_PARAMETER,
      `auto, blind, or without \`${SIGMA_PARAMETER}\` and \`${NOISE_PARAMETER}\``,
      degradation,
    );
  }
  if (mode === undefined && width === undefined && level === undefined) return undefined;
  return { degradation: mode, sigma: width, noise: level };
}

/** The values in a URL's query. */
export function hintText(url: string): HintText {
  return {
    degradation: valuesOf(url, DEGRADATION_PARAMETER),
    sigma: valuesOf(url, SIGMA_PARAMETER),
    noise: valuesOf(url, NOISE_PARAMETER),
  };
}
