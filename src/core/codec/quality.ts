/** How much an encoder may lose, by how large the picture is. */
import { badOption } from '../errors.ts';
import type { ImageFormat } from './container.ts';

export type LossyFormat = Exclude<ImageFormat, 'png'>;

/** The qualities of pictures of at most `maxPixels` pixels. */
export interface QualityStep extends Readonly<Record<LossyFormat, number>> {
  readonly maxPixels: number;
}

/**
 * The source's own quality is unknown, and an enlarged picture is looked at larger, so small results are above sharp's defaults. A
 * large one is seen at less than its size, and its bytes are what hurts.
 */
export const DEFAULT_QUALITY: readonly QualityStep[] = [
  { maxPixels: 2 ** 22, jpeg: 90, webp: 85, avif: 65 },
  { maxPixels: 2 ** 24, jpeg: 86, webp: 80, avif: 58 },
  { maxPixels: 2 ** 26, jpeg: 82, webp: 76, avif: 52 },
  { maxPixels: Number.POSITIVE_INFINITY, jpeg: 78, webp: 72, avif: 48 },
];

const FORMATS: readonly LossyFormat[] = ['jpeg', 'webp', 'avif'];

function requireQuality(name: string, value: unknown): void {
  if (!(Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 100)) {
    throw badOption(name, 'an integer from 1 to 100', value);
  }
}

/** Throws DS_BAD_OPTION unless it is 1 to 100, or steps of growing size whose qualities are. */
export function checkQuality(quality: number | readonly QualityStep[]): void {
  if (!Array.isArray(quality)) {
    requireQuality('quality', quality);
    return;
  }
  if (quality.length === 0) throw badOption('quality', 'a number or at least one step', '[]');
  let last = 0;
  for (const [i, step] of (quality as readonly QualityStep[]).entries()) {
    for (const format of FORMATS) requireQuality(`quality[${i}].${format}`, step[format]);
    if (!(step.maxPixels > last)) throw badOption(`quality[${i}].maxPixels`, `above ${last}`, step.maxPixels);
    last = step.maxPixels;
  }
}

/** Of the first step that is large enough, else of the last one. */
export function qualityFor(format: LossyFormat, pixels: number, quality: number | readonly QualityStep[]): number {
  if (typeof quality === 'number') return quality;
  const step = quality.find(({ maxPixels }) => pixels <= maxPixels) ?? (quality.at(-1) as QualityStep);
  return step[format];
}
