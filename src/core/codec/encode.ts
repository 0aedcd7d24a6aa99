/** The pixels of a whole picture to encoded bytes. */

import sharp from 'sharp';
import { badOption } from '../errors.ts';
import type { ChannelCount, PixelImage } from '../pixels/image.ts';
import { checkEncodeOptions, type EncodeOptions, type EncodeTarget } from './encode-format.ts';
import { checkOutputSize, MAX_PIXELS } from './limits.ts';
import { createPictureWriter } from './picture-writer.ts';

/**
 * Encodes RGB pixels (3 channels) and an optional alpha plane of the same size. Kept from the
 * source: format, gray, progressive JPEG and its 4:4:4, lossless WebP, density, RGB profile. Not
 * kept: palette and interlacing of PNG; the EXIF orientation is already in the pixels. JPEG has no
 * alpha: white shows through.
 *
 * Throws DS_BAD_OPTION for options out of range or planes that do not fit, DS_OUTPUT_TOO_LARGE
 * where the format ends.
 */
export async function encode(
  rgb: PixelImage,
  alpha: PixelImage | undefined,
  target: EncodeTarget,
  options: EncodeOptions = {},
): Promise<Buffer> {
  checkEncodeOptions(options);
  requirePlanes(rgb, alpha);
  checkOutputSize(rgb, 1, target.format, { maxOutputPixels: MAX_PIXELS, maxWholeOutputPixels: MAX_PIXELS });
  const { width, height } = rgb;
  const data = joinPlanes(rgb, alpha, target.isGray ?? false);
  const channels = (data.length / (width * height)) as ChannelCount;
  const writer = createPictureWriter({ width, height, channels, depth: 8 }, target, options);
  await writer.write(data);
  return writer.finish();
}

function joinPlanes(rgb: PixelImage, alpha: PixelImage | undefined, isGray: boolean): Uint8Array {
  if (!alpha && !isGray) return rgb.data;
  const colors = isGray ? 1 : 3;
  const channels = colors + (alpha ? 1 : 0);
  const count = rgb.width * rgb.height;
  const data = new Uint8Array(count * channels);
  for (let i = 0; i < count; i++) {
    const [red, green, blue] = rgb.data.subarray(i * 3, i * 3 + 3) as unknown as [number, number, number];
    // BT.601, the luma of JPEG.
    if (isGray) data[i * channels] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    else data.set([red, green, blue], i * channels);
    if (alpha) data[i * channels + colors] = alpha.data[i];
  }
  return data;
}

function requirePlanes(rgb: PixelImage, alpha: PixelImage | undefined): void {
  const shape = ({ width, height, channels }: PixelImage): string => `${width}x${height}x${channels}`;
  if (rgb.channels !== 3) throw badOption('rgb', 'an image of 3 channels', shape(rgb));
  if (alpha && shape(alpha) !== shape({ ...rgb, channels: 1 })) {
    throw badOption('alpha', `a plane of ${rgb.width}x${rgb.height}x1`, shape(alpha));
  }
}

/**
 * An RGB picture after JPEG compression at `quality` (1 to 100, 4:2:0) and decompression, as
 * measured degradations need it.
 */
export async function compressJpeg({ width, height, data }: PixelImage, quality: number): Promise<PixelImage> {
  const bytes = await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .jpeg({ quality, chromaSubsampling: '4:2:0' })
    .toBuffer();
  const decoded = await sharp(bytes, { limitInputPixels: false }).raw({ depth: 'uchar' }).toBuffer();
  return { width, height, channels: 3, data: new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength) };
}
