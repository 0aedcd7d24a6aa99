/** What is kept of a source, and how each format is written. */
import type { Sharp } from 'sharp';
import { badOption } from '../errors.ts';
import { hasAlpha, type Raster } from '../pixels/image.ts';
import type { ImageFormat } from './container.ts';
import { copyrightExif, uprightExif, uprightXmp } from './exif.ts';
import type { ImageHeader } from './header.ts';

/** An `ImageHeader` fits, so that the result is of its source's kind; a format alone does too. */
export type EncodeTarget = Pick<ImageHeader, 'format'> &
  Partial<
    Pick<
      ImageHeader,
      'isGray' | 'isProgressive' | 'isLossless' | 'chromaSubsampling' | 'densityPpi' | 'icc' | 'exif' | 'xmp'
    >
  >;

export const METADATA_POLICIES = ['strip', 'copyright', 'keep'] as const;

export interface EncodeOptions {
  /**
   * 1 to 100 for pictures of every size, or qualities by size; nothing for PNG and lossless WebP.
   * @default `DEFAULT_QUALITY`: jpeg 90, webp 85, avif 65 up to 4 megapixels, less above
   */
  readonly quality?: number | readonly QualityStep[];
  /**
   * `strip`: none, `copyright`: artist and copyright of EXIF, `keep`: EXIF without its thumbnail,
   * and XMP. The colour profile and the density are always kept, the orientation is always in the
   * pixels. @default 'strip'
   */
  readonly metadata?: (typeof METADATA_POLICIES)[number];
  /**
   * Folder for results that are too large to hold. @default the system's folder for temporary files
   */
  readonly spoolFolder?: string;
  /**
   * Reduces the picture to this size by Lanczos, whatever its aspect; a side is never enlarged.
   * @default its own size
   */
  readonly fit?: { readonly width: number; readonly height: number };
}

/** Throws DS_BAD_OPTION. */
export function checkEncodeOptions({ quality, metadata, spoolFolder }: EncodeOptions): void {
  if (quality !== undefined) checkQuality(quality);
  if (metadata !== undefined && !METADATA_POLICIES.includes(metadata)) {
    throw badOption('metadata', `one of ${METADATA_POLICIES.join(', ')}`, metadata);
  }
  if (spoolFolder !== undefined && (typeof spoolFolder !== 'string' || spoolFolder === '')) {
    throw badOption('spoolFolder', 'the path of a folder', spoolFolder);
  }
}

/** What sharp writes for JPEG when nobody says anything. */
const DEFAULT_DENSITY_PPI = 72;

/**
 * The best JPEG coding is found in a second pass over all coefficients, 6 bytes a pixel: 590 MB for
 * 12000x8000. Larger pictures are written as they come, baseline and 15 % larger (28 and 33 MB).
 */
const MAX_TWO_PASS_PIXELS = 2 ** 24;

interface Kept {
  readonly icc?: Buffer;
  readonly exif?: Buffer;
  readonly xmp?: Buffer;
}

/** What has to travel beside the pixels. */
export function keptMetadata({ icc, exif, xmp }: EncodeTarget, policy: EncodeOptions['metadata'] = 'strip'): Kept {
  const keptExif =
    exif && (policy === 'keep' ? uprightExif(exif) : policy === 'copyright' ? copyrightExif(exif) : undefined);
  return { icc, exif: keptExif, xmp: xmp && policy === 'keep' ? uprightXmp(xmp) : undefined };
}

type Shape = Omit<Raster, 'data'> & { readonly depth: 8 | 16 };

/**
 * Efforts measured on 2048x1536 (2 cores): AVIF 4 takes 6.4 s and 2 takes 0.7 s for 11 % more
 * bytes; PNG with filters is 42 % smaller.
 *
 * @param image pixels of `shape`, with `keptMetadata` where there is any.
 */
export function withFormat(image: Sharp, shape: Shape, target: EncodeTarget, options: EncodeOptions): Sharp {
  const { format, densityPpi = DEFAULT_DENSITY_PPI } = target;
  const kept = keptMetadata(target, options.metadata);
  const { width, height } = fittedSize(shape, options.fit);
  const isFitted = width !== shape.width || height !== shape.height;
  const fitted = isFitted ? image.resize(width, height, { fit: 'fill', kernel: 'lanczos3' }) : image;
  // JPEG has no alpha.
  const flattened = format === 'jpeg' && hasAlpha(shape.channels) ? fitted.flatten({ background: '#fff' }) : fitted;
  let result = flattened.toColourspace(colourSpace(shape, format));
  if (kept.icc) result = result.keepIccProfile();
  if (kept.exif) result = result.keepExif();
  if (kept.xmp) result = result.keepXmp();
  if (densityPpi > 0 && densityPpi !== DEFAULT_DENSITY_PPI) result = result.withDensity(densityPpi);
  if (format === 'png') return result.png({ compressionLevel: 3, adaptiveFiltering: true });
  return withLossyFormat(result, format, width * height, target, options);
}

/** What `fit` makes of a picture's size. */
export function fittedSize({ width, height }: FittedSize, fit: EncodeOptions['fit']): FittedSize {
  return fit ? { width: Math.min(width, fit.width), height: Math.min(height, fit.height) } : { width, height };
}

interface FittedSize {
  readonly width: number;
  readonly height: number;
}

function colourSpace({ channels, depth }: Shape, format: ImageFormat): string {
  const isWide = depth === 16 && format === 'png';
  if (channels < 3) return isWide ? 'grey16' : 'b-w';
  return isWide ? 'rgb16' : 'srgb';
}

function withLossyFormat(
  image: Sharp,
  format: LossyFormat,
  pixels: number,
  target: EncodeTarget,
  options: EncodeOptions,
): Sharp {
  const quality = qualityFor(format, pixels, options.quality ?? DEFAULT_QUALITY);
  if (format === 'avif') return image.avif({ quality, effort: 2 });
  if (format === 'webp') {
    return target.isLossless ? image.webp({ lossless: true, effort: 0 }) : image.webp({ quality, effort: 4 });
  }
  const hasRoom = pixels <= MAX_TWO_PASS_PIXELS;
  return image.jpeg({
    quality,
    progressive: hasRoom && (target.isProgressive ?? false),
    optimiseCoding: hasRoom,
    chromaSubsampling: target.chromaSubsampling?.startsWith('4:4:4') ? '4:4:4' : '4:2:0',
  });
}

export type LossyFormat = Exclude<ImageFormat, 'png'>;

/** The qualities of pictures of at most `maxPixels` pixels. */
export interface QualityStep extends Readonly<Record<LossyFormat, number>> {
  readonly maxPixels: number;
}

/**
 * The source's own quality is unknown, and an enlarged picture is looked at larger, so small
 * results are above sharp's defaults. A large one is seen at less than its size, and its bytes are
 * what hurts.
 */
const DEFAULT_QUALITY: readonly QualityStep[] = [
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
function checkQuality(quality: number | readonly QualityStep[]): void {
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
function qualityFor(format: LossyFormat, pixels: number, quality: number | readonly QualityStep[]): number {
  if (typeof quality === 'number') return quality;
  const step = quality.find(({ maxPixels }) => pixels <= maxPixels) ?? (quality.at(-1) as QualityStep);
  return step[format];
}
