/** A degradation as people write it: `gaussian:2.4,noise:10,jpeg:60`. */
import { badOption } from '../errors.ts';
import type { Degradation } from './degrade.ts';
import { motionKernel } from './kernel.ts';

const GRAMMAR =
  'parts joined by commas: gaussian:SIGMA, gaussian:SIGMAxSIGMA@DEGREES, motion:LENGTH@DEGREES, direct, noise:SIGMA, poisson:PHOTONS, jpeg:QUALITY, or none';

const NUMBER = '(\\d+(?:\\.\\d+)?)';

type Part = (values: readonly number[], size: number) => Degradation;

const toRadians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Each form and what it stands for. The value left out is not there. */
const PARTS: readonly (readonly [RegExp, Part])[] = [
  [/^none$/, () => ({})],
  [/^direct$/, () => ({ subsample: 'direct' })],
  [new RegExp(`^gaussian:${NUMBER}$`), ([sigmaX], size) => ({ blur: { sigmaX: sigmaX as number, size } })],
  [
    new RegExp(`^gaussian:${NUMBER}x${NUMBER}@${NUMBER}$`),
    ([sigmaX, sigmaY, degrees], size) => ({
      blur: { sigmaX: sigmaX as number, sigmaY: sigmaY as number, angle: toRadians(degrees as number), size },
    }),
  ],
  [
    new RegExp(`^motion:${NUMBER}@${NUMBER}$`),
    ([length, degrees]) => ({
      blur: motionKernel({
        size: 2 * Math.ceil((length as number) / 2) + 3,
        length: length as number,
        angle: toRadians(degrees as number),
      }),
    }),
  ],
  [new RegExp(`^noise:${NUMBER}$`), ([sigma]) => ({ noise: { sigma: sigma as number } })],
  [new RegExp(`^poisson:${NUMBER}$`), ([photons]) => ({ shotNoise: { photons: photons as number } })],
  [/^jpeg:(\d+)$/, ([jpegQuality]) => ({ jpegQuality: jpegQuality as number })],
];

function checkRanges({ blur, noise, shotNoise, jpegQuality }: Degradation, part: string): void {
  const sigmas = blur && !('data' in blur) ? [blur.sigmaX, blur.sigmaY ?? 0] : [0];
  const isRight =
    Math.max(...sigmas) <= 20 &&
    (noise?.sigma ?? 0) <= 100 &&
    (shotNoise === undefined || (shotNoise.photons >= 1 && shotNoise.photons <= 1e6)) &&
    (jpegQuality === undefined || (jpegQuality >= 1 && jpegQuality <= 100));
  if (isRight) return;
  throw badOption('--degradation', 'sigmas up to 20, noise up to 100, 1 to 1e6 photons, quality 1 to 100', part);
}

/**
 * 21 for one sigma and 31 for two, as in the papers, whose largest are 4 and 5; beyond those as
 * large as it takes.
 */
function gaussianSize(values: readonly number[]): number {
  const [first = 0, second] = values;
  const usual = second === undefined ? 21 : 31;
  const largest = Math.max(first, second ?? 0);
  return largest <= usual / 5 ? usual : 2 * Math.ceil(3 * Math.min(largest, 20)) + 1;
}

/**
 * @throws DS_BAD_OPTION with the whole grammar.
 */
export function parseDegradation(text: string): Degradation {
  let degradation: Degradation = {};
  for (const part of text.split(',')) {
    const form = PARTS.find(([pattern]) => pattern.test(part));
    if (!form) throw badOption('--degradation', GRAMMAR, text);
    const values = (form[0].exec(part) as RegExpExecArray).slice(1).map(Number);
    const read = form[1](values, gaussianSize(values));
    const twice = Object.keys(read).find((name) => name in degradation);
    if (twice !== undefined) throw badOption('--degradation', `a text that names each kind once`, text);
    checkRanges(read, part);
    degradation = { ...degradation, ...read };
  }
  return degradation;
}
