/** The facts of an image that can be read without decoding its pixels. */
import sharp, { type Metadata } from 'sharp';
import { DualscaleError } from '../errors.ts';
import { declaresAnimation, type ImageFormat, isLosslessWebp, sniffFormat } from './container.ts';

export interface ImageHeader {
  readonly format: ImageFormat;
  /** Pixels, after the EXIF orientation was applied. */
  readonly width: number;
  readonly height: number;
  /** EXIF orientation of the stored pixels, 1 to 8. `decode` applies it; encoded results have none. */
  readonly orientation: number;
  readonly hasAlpha: boolean;
  /** More than one frame: such an image is refused by `decode`, a still would be a silent loss. */
  readonly isAnimated: boolean;
  readonly isGray: boolean;
  readonly isPalette: boolean;
  /** Progressive JPEG or interlaced PNG. */
  readonly isProgressive: boolean;
  /** PNG, or WebP with lossless coding. AVIF does not say and counts as lossy. */
  readonly isLossless: boolean;
  /** Bits per sample as stored. */
  readonly bitDepth: number;
  /** JPEG: `4:2:0`, `4:4:4` ...; absent elsewhere. */
  readonly chromaSubsampling?: string;
  /** Pixels per inch, where the file says so. */
  readonly densityPpi?: number;
  /** The embedded profile of an RGB image; pixels are kept in its space. Absent where pixels are or become sRGB. */
  readonly icc?: Buffer;
  /** EXIF and XMP blocks as they are in the file, up to `MAX_METADATA_BYTES` each. */
  readonly exif?: Buffer;
  readonly xmp?: Buffer;
}

/** libpng's bound for a chunk is 8 MB; nothing that people put there by hand comes near this. */
const MAX_METADATA_BYTES = 2 ** 20;

/**
 * Reads the header of a PNG, JPEG, WebP or AVIF. No pixel is decoded and no limit is checked here: see `limits.ts`.
 * Throws DS_UNSUPPORTED_IMAGE for every other format, DS_BAD_IMAGE when the header is damaged.
 */
export async function readHeader(bytes: Buffer): Promise<ImageHeader> {
  if (bytes.length === 0) throw new DualscaleError('DS_BAD_IMAGE', 'expected an image, got 0 bytes');
  const format = sniffFormat(bytes);
  if (format === undefined) {
    throw new DualscaleError(
      'DS_UNSUPPORTED_IMAGE',
      `expected PNG, JPEG, WebP or AVIF, got bytes that start with ${start(bytes)}`,
      { publicDetail: 'Supported formats: PNG, JPEG, WebP, AVIF.' },
    );
  }
  const metadata = await readMetadata(bytes);
  requireFormat(metadata, format);
  const { width, height } = metadata.autoOrient;
  const icc = rgbProfile(metadata);
  return {
    format,
    width,
    height,
    orientation: metadata.orientation ?? 1,
    hasAlpha: metadata.hasAlpha,
    isAnimated: (metadata.pages ?? 1) > 1 || declaresAnimation(bytes, format),
    isGray: metadata.space === 'b-w' || metadata.space === 'grey16',
    isPalette: metadata.isPalette,
    isProgressive: metadata.isProgressive,
    isLossless: format === 'png' || (format === 'webp' && isLosslessWebp(bytes)),
    bitDepth: metadata.bitsPerSample ?? (metadata.depth === 'ushort' ? 16 : 8),
    chromaSubsampling: metadata.chromaSubsampling,
    densityPpi: metadata.density,
    icc,
    exif: isBounded(metadata.exif) ? metadata.exif : undefined,
    xmp: isBounded(metadata.xmp) ? metadata.xmp : undefined,
  };
}

const isBounded = (block: Buffer | undefined): block is Buffer =>
  block !== undefined && block.length > 0 && block.length <= MAX_METADATA_BYTES;

async function readMetadata(bytes: Buffer): Promise<Metadata> {
  try {
    // Without sharp's own pixel limit: a header costs nothing, and our limits answer with the numbers that are allowed.
    return await sharp(bytes, { limitInputPixels: false, unlimited: false, failOn: 'error' }).metadata();
  } catch (cause) {
    throw new DualscaleError('DS_BAD_IMAGE', `the image header could not be read: ${String(cause)}`, { cause });
  }
}

/** sharp calls an AVIF `heif` with compression `av1`; what else comes in that container is not ours. */
function requireFormat(metadata: Metadata, format: ImageFormat): void {
  const matches =
    format === 'avif' ? metadata.format === 'heif' && metadata.compression === 'av1' : metadata.format === format;
  if (!matches) {
    const found = [metadata.format, metadata.compression].filter(Boolean).join('/');
    throw new DualscaleError(
      'DS_UNSUPPORTED_IMAGE',
      `expected ${format} as the signature says, the decoder found ${found}`,
    );
  }
}

/**
 * Pixels of an RGB image stay in their own space and the profile goes along: nothing is clipped to sRGB's gamut and
 * colours look as before. Gray and CMYK cannot keep theirs (the result is RGB or plain gray), so they become sRGB.
 */
function rgbProfile({ icc, space }: Metadata): Buffer | undefined {
  const isRgb = space === 'srgb' || space === 'rgb' || space === 'rgb16';
  return icc && isRgb && icc.toString('latin1', 16, 20) === 'RGB ' ? icc : undefined;
}

function start(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1', 0, 16));
}
