/** What a caller says about how a picture was degraded, and what is made of it. */

import { decodeDegradation, encodeDegradation } from '../degradation/vector.ts';
import type { ServedModel } from '../engine/served/served-types.ts';
import { badOption } from '../errors.ts';

export const DEGRADATION_MODES = ['auto', 'bicubic', 'blind'] as const;

export type DegradationMode = (typeof DEGRADATION_MODES)[number];

export interface DegradationHint {
  /**
   * `bicubic`: the picture is a clean reduction, the plain model enlarges it. `blind`: it is not,
   * the blind model does. `auto`: the blind model's estimate decides, where there is one. @default
   * 'auto'; 'blind' when sigma or noise is given
   */
  readonly degradation?: DegradationMode;
  /**
   * Known width of the blur: standard deviation in pixels of the enlarged picture, 0 to 8. @default
   * estimated
   */
  readonly sigma?: number;
  /** Known noise: standard deviation on the scale 0..255, 0 to 50. @default estimated */
  readonly noise?: number;
}

export const MAX_SIGMA = 8;
export const MAX_NOISE = 50;

/** Throws DS_BAD_OPTION for values out of range and for knowledge that `bicubic` cannot use. */
export function checkHint({ degradation, sigma, noise }: DegradationHint): void {
  if (degradation !== undefined && !DEGRADATION_MODES.includes(degradation)) {
    throw badOption('degradation', `one of ${DEGRADATION_MODES.join(', ')}`, degradation);
  }
  for (const [name, value, most] of [
    ['sigma', sigma, MAX_SIGMA],
    ['noise', noise, MAX_NOISE],
  ] as const) {
    if (value === undefined) continue;
    if (!(value >= 0 && value <= most)) throw badOption(name, `a number from 0 to ${most}`, value);
    if (degradation === 'bicubic') throw badOption(name, 'used with `degradation` auto or blind', value);
  }
}

const isKnown = ({ sigma, noise }: DegradationHint): boolean => sigma !== undefined || noise !== undefined;

/** The same text for every spelling of the same hint; empty for the default. */
export function hintKey(hint: DegradationHint): string {
  const { degradation = 'auto', sigma, noise } = hint;
  const kind = degradation === 'auto' && isKnown(hint) ? 'blind' : degradation;
  if (kind === 'auto') return '';
  return [
    kind,
    ...(sigma === undefined ? [] : [`sigma=${sigma}`]),
    ...(noise === undefined ? [] : [`noise=${noise}`]),
  ].join('&');
}

/** Whether nothing at all was said about the degradation. */
export function isUnstated({ degradation, sigma, noise }: DegradationHint): boolean {
  return degradation === undefined && sigma === undefined && noise === undefined;
}

/** Whether the hint can only be met by a blind model. */
export function needsBlind(hint: DegradationHint): boolean {
  return hint.degradation === 'blind' || isKnown(hint);
}

/**
 * Up to here an estimate counts as a clean reduction, and the plain model is the better one: a blur
 * of 0.8 pixels of the enlarged picture, which a photograph may have of its own, noise 2, JPEG
 * quality 94 (the last two in the units of the vector).
 */
const CLEAN = { sigma: 0.8, noise: 0.08, jpeg: 0.06 };

export interface DegradationChoice {
  readonly model: ServedModel;
  readonly vector?: Float32Array;
  /** What was chosen and why; absent where there was nothing to choose from. */
  readonly note?: DegradationNote;
}

export interface DegradationNote {
  readonly kind: 'bicubic' | 'blind';
  /**
   * `asked`: the caller said so, or the server for all who say nothing; `clean` and `degraded`: the
   * estimate.
   */
  readonly why: 'asked' | 'clean' | 'degraded';
  /** What the network was given or the choice was made by; absent where nothing was estimated. */
  readonly sigma?: number;
  readonly noise?: number;
  readonly jpegQuality?: number;
}

export interface ChoiceParts {
  /** The model that was asked for; it may be a blind one itself. */
  readonly model: ServedModel;
  /** The blind model of the same scale, where there is one. */
  readonly blind?: ServedModel | undefined;
  readonly hint?: DegradationHint | undefined;
  /** Asks the blind model about the picture. */
  readonly estimate: (blind: ServedModel) => Promise<Float32Array>;
}

/** The estimate, with what is known in its place. */
function overlay(vector: Float32Array, { sigma, noise }: DegradationHint, scale: number): Float32Array {
  const known = vector.slice();
  if (sigma !== undefined) known.set(encodeDegradation({ blur: { sigmaX: sigma, size: 21 } }, scale).subarray(0, 3));
  if (noise !== undefined) known[3] = encodeDegradation({ noise: { sigma: noise } }, scale)[3] as number;
  return known;
}

/** Whether an estimate is that of a clean reduction. */
export const isClean = (vector: Float32Array, scale: number): boolean =>
  vector[0] * scale < CLEAN.sigma && vector[3] < CLEAN.noise && vector[4] < CLEAN.jpeg;

function describe(vector: Float32Array, scale: number) {
  const { sigmaX, sigmaY, noiseSigma, jpegQuality } = decodeDegradation(vector, scale);
  return { sigma: Math.sqrt((sigmaX ** 2 + sigmaY ** 2) / 2), noise: noiseSigma, jpegQuality };
}

/**
 * Which model enlarges a picture, and by which degradation vector. Throws what `estimate` throws.
 */
export async function chooseDegradation({
  model,
  blind,
  hint = {},
  estimate,
}: ChoiceParts): Promise<DegradationChoice> {
  if (hint.degradation === 'bicubic') {
    // A blind model by itself enlarges a clean reduction when given the vector of one.
    const vector = model.vectorWidth === undefined ? undefined : new Float32Array(model.vectorWidth);
    return { model, vector, note: { kind: 'bicubic', why: 'asked' } };
  }
  const able = model.vectorWidth === undefined ? blind : model;
  if (!able) return { model };
  const estimated = await estimate(able);
  const isAsked = needsBlind(hint);
  const vector = overlay(estimated, hint, able.scale);
  const facts = describe(vector, able.scale);
  if (!isAsked && model !== able && isClean(estimated, able.scale))
    return { model, note: { kind: 'bicubic', why: 'clean', ...facts } };
  return {
    model: able,
    vector,
    note: { kind: 'blind', why: isAsked || model === able ? 'asked' : 'degraded', ...facts },
  };
}
