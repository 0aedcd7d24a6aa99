/** Interleaved 8-bit samples, row by row: `data[(y * width + x) * channels + c]`. RGB has 3 channels, a mask or gray plane 1. */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}
