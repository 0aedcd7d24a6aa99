/** Encoded bytes to rows of pixels, a band of the picture in memory at a time. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import sharp from 'sharp';
import { DualscaleError } from '../errors.ts';
import { createMutex } from '../mutex.ts';
import type { ChannelCount, Samples } from '../pixels/image.ts';
import { type ImageHeader, readHeader } from './header.ts';
import { checkInputBytes, checkInputSize, type ImageLimits, resolveLimits } from './limits.ts';

export interface OpenPicture {
  readonly header: ImageHeader;
  /** Pixels, the EXIF orientation applied. */
  readonly width: number;
  readonly height: number;
  /** Gray stays gray; CMYK is RGB. */
  readonly channels: ChannelCount;
  /** 16 for a PNG of 16 bits, else 8. */
  readonly depth: 8 | 16;
  /**
   * A copy of `rows` rows from `top` on, in the space of `header.icc` where there is one, else
   * sRGB. Cheap when asked for from top to bottom. Throws DS_BAD_IMAGE for damaged or truncated
   * bytes.
   */
  read(top: number, rows: number): Promise<Samples>;
}

/**
 * The scans of a small hostile file can keep a decoder busy for minutes; the largest allowed image
 * takes a few seconds.
 */
const DECODE_TIMEOUT_SECONDS = 30;

/** Samples copied between two turns of the event loop: a few milliseconds. */
const SAMPLES_PER_TURN = 2 ** 19;

/**
 * A picture of more decoded bytes than this is decoded in bands, each from the beginning of the
 * file: decoders cannot jump.
 */
const BAND_BYTES = 64 * 2 ** 20;

interface Band {
  readonly top: number;
  readonly rows: number;
  readonly data: Samples;
}

/**
 * Throws DS_INPUT_TOO_LARGE from the header, before pixels are decoded; DS_UNSUPPORTED_IMAGE for
 * other formats than PNG, JPEG, WebP and AVIF and for animations; DS_BAD_IMAGE when the header is
 * damaged.
 *
 * @param bandBytes see `BAND_BYTES`; tests ask for small bands.
 * @param knownHeader what `readHeader` gave for these bytes, where it has been asked already.
 */
export async function openPicture(
  bytes: Buffer,
  limits: ImageLimits = {},
  bandBytes = BAND_BYTES,
  knownHeader?: ImageHeader,
): Promise<OpenPicture> {
  checkInputBytes(bytes.length, limits);
  const header = knownHeader ?? (await readHeader(bytes));
  checkInputSize(header, limits);
  if (header.isAnimated) {
    throw new DualscaleError('DS_UNSUPPORTED_IMAGE', `expected a still image, got an animated ${header.format}`, {
      publicDetail: 'Animated images are not supported.',
    });
  }
  const { width, height } = header;
  const channels = ((header.isGray ? 1 : 3) + (header.hasAlpha ? 1 : 0)) as ChannelCount;
  const depth = header.format === 'png' && header.bitDepth === 16 ? 16 : 8;
  const rowLength = width * channels;
  const bandRows = Math.max(1, Math.floor(bandBytes / (rowLength * (depth / 8))));
  const { maxInputPixels } = resolveLimits(limits);
  const shape = { width, height, channels, depth } as const;
  let band: Band | undefined;
  const read = async (top: number, rows: number): Promise<Samples> => {
    const isHeld = band && top >= band.top && top + rows <= band.top + band.rows;
    if (!(band && isHeld)) {
      // What fits into one band is decoded once, whichever rows are asked for first.
      const first = bandRows >= height ? 0 : top;
      const length = Math.min(height - first, Math.max(rows, bandRows));
      band = undefined;
      const data = await decodeRows(bytes, header, shape, { top: first, rows: length, maxInputPixels });
      band = { top: first, rows: length, data };
    }
    return band.data.slice((top - band.top) * rowLength, (top - band.top + rows) * rowLength);
  };
  // Two at a time would each decode a band of their own.
  const exclusive = createMutex();
  return { header, ...shape, read: (top, rows) => exclusive(() => read(top, rows)) };
}

type Shape = Pick<OpenPicture, 'width' | 'height' | 'channels' | 'depth'>;

interface Wanted {
  readonly top: number;
  readonly rows: number;
  readonly maxInputPixels: number;
}

async function decodeRows(bytes: Buffer, header: ImageHeader, shape: Shape, wanted: Wanted): Promise<Samples> {
  const { width, height, channels, depth } = shape;
  const { top, rows, maxInputPixels } = wanted;
  const image = sharp(bytes, {
    // Truncated and damaged data is refused; `warning`, sharp's default, would also refuse photos
    // that every browser shows.
    failOn: 'error',
    limitInputPixels: maxInputPixels,
    limitInputChannels: 5,
    unlimited: false,
    sequentialRead: true,
    pages: 1,
    autoOrient: true,
    ignoreIcc: header.icc !== undefined,
  }).timeout({ seconds: DECODE_TIMEOUT_SECONDS });
  if (rows < height) image.extract({ left: 0, top, width, height: rows });
  const decoding = image.toColourspace(colourSpace(shape)).raw({ depth: depth === 16 ? 'ushort' : 'uchar' });
  const { data, info } = await decoding.toBuffer({ resolveWithObject: true }).catch((cause: unknown) => {
    throw new DualscaleError('DS_BAD_IMAGE', `the ${header.format} could not be decoded: ${String(cause)}`, { cause });
  });
  const decodedChannels = isTwoOfFour(shape) ? 4 : channels;
  const got = `${info.width}x${info.height}x${info.channels}`;
  // The header said one thing and the data another: some crafted files do that.
  if (got !== `${width}x${rows}x${decodedChannels}` || data.length !== width * rows * decodedChannels * (depth / 8)) {
    const expected = `${width}x${rows}x${decodedChannels}`;
    throw new DualscaleError('DS_BAD_IMAGE', `expected ${expected} after decoding, got ${got}`);
  }
  if (isTwoOfFour(shape)) return pickGrayAndAlpha(data);
  if (depth === 8) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const isAligned = data.byteOffset % 2 === 0;
  const aligned = isAligned ? data : Uint8Array.from(data);
  return new Uint16Array(aligned.buffer, aligned.byteOffset, data.byteLength / 2);
}

/** sharp gives no alpha beside gray of 8 bits: it is decoded as RGB and alpha. */
const isTwoOfFour = ({ channels, depth }: Shape): boolean => channels === 2 && depth === 8;

function colourSpace(shape: Shape): string {
  const isGray = shape.channels < 3 && !isTwoOfFour(shape);
  if (shape.depth === 16) return isGray ? 'grey16' : 'rgb16';
  return isGray ? 'b-w' : 'srgb';
}

async function pickGrayAndAlpha(data: Buffer): Promise<Uint8Array> {
  const result = new Uint8Array(data.length / 2);
  for (let to = 0; to < result.length; to += 2) {
    result[to] = data[to * 2];
    result[to + 1] = data[to * 2 + 3];
    if (to % SAMPLES_PER_TURN === 0) await nextTurn();
  }
  return result;
}
