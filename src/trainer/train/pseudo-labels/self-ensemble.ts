/** Pictures turned by one of the eight symmetries of the square, and back. */

import type { Engine } from '../../../core/engine/engine.ts';
import { createNetwork } from '../../../core/network/create-network.ts';
import type { NetworkSpec, ParameterValues } from '../../../core/network/spec.ts';
import type { PixelImage } from '../../../core/pixels/image.ts';
import { imresize } from '../../../core/pixels/imresize.ts';
import { isTransposed, unmirrorX, unmirrorY } from '../data/batches.ts';
import { createEnlarger, type Enlarger, type FloatPicture } from '../run/primal-program.ts';
import { flattenParameters, layOutParameters } from '../step/parameter-layout.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

const sizeAfter = ({ width, height }: Size, symmetry: number): Size =>
  isTransposed(symmetry) ? { width: height, height: width } : { width, height };

/** Calls with the first sample of each pixel of the turned picture, and of the pixel it was before, in a picture of `size`. */
function forEachPixel(size: Size, symmetry: number, visit: (turned: number, from: number) => void): void {
  const { width, height } = sizeAfter(size, symmetry);
  for (let row = 0, turned = 0; row < height; row++) {
    for (let column = 0; column < width; column++, turned += 3) {
      const [u, v] = isTransposed(symmetry) ? [row, column] : [column, row];
      const x = unmirrorX(symmetry, u, size.width);
      const y = unmirrorY(symmetry, v, size.height);
      visit(turned, (y * size.width + x) * 3);
    }
  }
}

export function turn(picture: FloatPicture, symmetry: number): FloatPicture {
  if (symmetry === 0) return picture;
  const data = new Float32Array(picture.data.length);
  forEachPixel(picture, symmetry, (turned, from) => {
    data[turned] = picture.data[from];
    data[turned + 1] = picture.data[from + 1];
    data[turned + 2] = picture.data[from + 2];
  });
  return { ...sizeAfter(picture, symmetry), data };
}

/** Turns `data` back and adds it to `sum`, which has the size from before it was turned. */
export function addTurnedBack(sum: FloatPicture, data: Float32Array, symmetry: number): void {
  forEachPixel(sum, symmetry, (turned, from) => {
    sum.data[from] += data[turned];
    sum.data[from + 1] += data[turned + 1];
    sum.data[from + 2] += data[turned + 2];
  });
}

/** Most pixels of a strip, the rows around it not counted. */
const MAX_PIXELS = 65_536;

export interface Strip {
  /** Rows to enlarge: `top` is the first, `bottom` the one after the last. */
  readonly top: number;
  readonly bottom: number;
  /** Rows that are read, `halo` more on either side where there are any. */
  readonly readTop: number;
  readonly readBottom: number;
}

/** @param halo of the network; undefined where it must see the whole picture, which then is one strip. */
export function stripsOf(
  { width, height }: { readonly width: number; readonly height: number },
  halo: number | undefined,
  maxPixels = MAX_PIXELS,
): Strip[] {
  const rows = halo === undefined ? height : Math.max(1, Math.floor(maxPixels / width));
  const strips: Strip[] = [];
  for (let top = 0; top < height; top += rows) {
    const bottom = Math.min(height, top + rows);
    const [readTop, readBottom] = [Math.max(0, top - (halo ?? 0)), Math.min(height, bottom + (halo ?? 0))];
    strips.push({ top, bottom, readTop, readBottom });
  }
  return strips;
}

/** A network whose images are learnt. */
export interface LabelTeacher {
  readonly spec: NetworkSpec;
  readonly parameters: Readonly<Record<string, ParameterValues>>;
}

export interface OpenTeacher extends Enlarger {
  readonly parameters: Float32Array;
  readonly halo: number | undefined;
}

export async function openTeacher(engine: Engine, { spec, parameters }: LabelTeacher): Promise<OpenTeacher> {
  const network = createNetwork(spec);
  const layout = layOutParameters([network]);
  const enlarger = await createEnlarger(engine, network, layout);
  return { ...enlarger, parameters: flattenParameters(layout, parameters), halo: network.halo };
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * [scale * height * scale * width * 3] in 0..1, a strip at a time.
 * @param maxPixels of a strip, in LR pixels. @default as `stripsOf`
 */
export async function enlargeWhole(
  { enlarge, parameters, halo }: OpenTeacher,
  picture: FloatPicture,
  maxPixels?: number,
): Promise<Float32Array> {
  const strips = stripsOf(picture, halo, maxPixels);
  if (strips.length === 1) return enlarge(parameters, picture);
  const { width, data } = picture;
  const parts: Float32Array[] = [];
  for (const { top, bottom, readTop, readBottom } of strips) {
    const read = data.subarray(readTop * width * 3, readBottom * width * 3);
    const height = readBottom - readTop;
    const enlarged = await enlarge(parameters, { width, height, data: read });
    const row = enlarged.length / height;
    parts.push(enlarged.subarray((top - readTop) * row, (bottom - readTop) * row));
  }
  return concat(parts);
}

const FULL = 65_535;

const samplesOf = (data: Float32Array): Uint16Array =>
  Uint16Array.from(data, (v) => Math.round(Math.min(1, Math.max(0, v)) * FULL));

/**
 * Adds to `enlarged`, in place, what its own bicubic reduction lacks of `lrImage`, enlarged bicubically: a picture that super-resolution
 * made should give its input back. In 16 bits, so that nothing of an eighth of a level is lost.
 */
export function backProject(enlarged: FloatPicture, lrImage: PixelImage, scale: number): void {
  const { width, height } = enlarged;
  const samples = { width, height, channels: 3, data: samplesOf(enlarged.data) };
  const reduced = imresize(samples, { scale: 1 / scale });
  // Halved and about the middle, for differences have a sign.
  const missing = reduced.data.map((value, i) => Math.round((lrImage.data[i] * 257 - value + FULL) / 2));
  const { data } = imresize({ ...lrImage, data: missing }, { scale });
  for (let i = 0; i < data.length; i++) enlarged.data[i] += (2 * data[i] - FULL) / FULL;
}
