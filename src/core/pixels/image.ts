/**
 * Interleaved 8-bit samples, row by row: `data[(y * width + x) * channels + c]`. RGB has 3
 * channels, a mask or gray plane 1.
 */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** 8 bits, 0..255, or 16 bits, 0..65535. */
export type Samples = Uint8Array | Uint16Array;

/** 1: gray; 2: gray and alpha; 3: RGB; 4: RGB and alpha. Alpha is not premultiplied. */
export type ChannelCount = 1 | 2 | 3 | 4;

/** A picture, or some rows of one, as its file had it. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: ChannelCount;
  readonly data: Samples;
}

export const hasAlpha = (channels: ChannelCount): boolean => channels % 2 === 0;

/** What a sample that is fully on has. */
export const fullScale = (data: Samples): 255 | 65535 => (data.BYTES_PER_ELEMENT === 2 ? 65535 : 255);
