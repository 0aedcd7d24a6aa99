/** Small pictures for the codec's tests, made by sharp itself. */
import sharp, { type Sharp } from 'sharp';
import type { PixelImage } from '../../../src/core/pixels/image.ts';

export type Value = (x: number, y: number, channel: number) => number;

export function pixels(width: number, height: number, channels: 1 | 3 | 4, value: Value): PixelImage {
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / channels);
    data[i] = value(pixel % width, Math.floor(pixel / width), i % channels);
  }
  return { width, height, channels, data };
}

/** Smooth, so that lossy formats stay close, and different in every corner and channel. */
export const smooth: Value = (x, y, channel) => 30 + x * 3 + y * 2 + channel * 25;

export function toSharp({ width, height, channels, data }: PixelImage): Sharp {
  return sharp(data, { raw: { width, height, channels: channels as 1 | 3 | 4 } });
}

/** Mean absolute difference of two images of one shape. */
export function meanDifference(left: PixelImage, right: PixelImage): number {
  if (left.data.length !== right.data.length || left.width !== right.width) {
    throw new Error(
      `${left.width}x${left.height}x${left.channels} and ${right.width}x${right.height}x${right.channels}`,
    );
  }
  return left.data.reduce((sum, value, i) => sum + Math.abs(value - right.data[i]), 0) / left.data.length;
}
