/**
 * The filter's gradient for a GPU, which wants many products at once and channels last: for every kernel position dy transposed
 * times the shifted input, with the pixels cut into groups of rows that are multiplied side by side and added up afterwards.
 */
import type { convGeometry } from '../infer.ts';
import type { Emitter, Held } from './emitter.ts';

export type Geometry = ReturnType<typeof convGeometry>;

/** Pixels of one product, at least: fewer give more partial sums to add up, more leave a GPU idle. */
const GROUP_PIXELS = 512;

/** Rows per group: the fewest that hold enough pixels, among those that divide the image. */
function groupRows(height: number, width: number): number {
  for (let rows = 1; rows < height; rows++) {
    if (height % rows === 0 && rows * width >= GROUP_PIXELS && (rows * width) % 4 === 0) return rows;
  }
  return height;
}

/** The pixels of the padded input that one kernel position meets, one per pixel of dy. */
function shiftedInput(emitter: Emitter, padded: string, [ky, kx]: readonly number[], geometry: Geometry): string {
  const { kernel, outShape, strides, pads } = geometry;
  const [, outHeight, outWidth] = outShape;
  if (kernel[0] * kernel[1] === 1 && pads.every((pad) => pad === 0) && strides.every((stride) => stride === 1))
    return padded;
  const ends = [ky + (outHeight - 1) * strides[0] + 1, kx + (outWidth - 1) * strides[1] + 1];
  const parts = [[ky, kx], ends, [1, 2], strides].map((values) => emitter.int64(values));
  return emitter.node('Slice', [padded, ...parts]);
}

/** @param of the input [N, H, W, I], dy [N, H', W', O] and the filter's shape [kh, kw, I, O]. */
export function wideFilterGradient(
  emitter: Emitter,
  of: { readonly x: Held; readonly dy: Held; readonly shape: readonly number[] },
  geometry: Geometry,
): Held {
  const [kh, kw, inChannels, outChannels] = of.shape;
  const [batch, height, width] = geometry.outShape;
  const rows = groupRows(height, width);
  const [groups, pixels] = [(batch * height) / rows, rows * width];
  const grouped = (name: string, channels: number) =>
    emitter.node('Reshape', [name, emitter.int64([groups, pixels, channels])]);
  const [top, left, bottom, right] = geometry.pads;
  const image = emitter.plain(of.x).name;
  const isPadded = top + left + bottom + right > 0;
  const padded = isPadded ? emitter.node('Pad', [image, emitter.int64([0, top, left, 0, 0, bottom, right, 0])]) : image;
  const gradient = emitter.node('Transpose', [grouped(emitter.plain(of.dy).name, outChannels)], {
    perm: { ints: [0, 2, 1] },
  });
  const products = Array.from({ length: kh * kw }, (_, k) => {
    const shifted = shiftedInput(emitter, padded, [Math.floor(k / kw), k % kw], geometry);
    return emitter.node('MatMul', [gradient, grouped(shifted, inChannels)]);
  });
  const joined = products.length === 1 ? products[0] : emitter.node('Concat', products, { axis: { int: 1 } });
  const summed =
    groups === 1 ? joined : emitter.node('ReduceSum', [joined, emitter.int64([0])], { keepdims: { int: 0 } });
  const apart = emitter.node('Reshape', [summed, emitter.int64([kh * kw, outChannels, inChannels])]);
  const turned = emitter.node('Transpose', [apart], { perm: { ints: [0, 2, 1] } });
  const name = emitter.node('Reshape', [turned, emitter.int64(of.shape)]);
  return { name, shape: of.shape, stored: of.shape, layout: 'plain', dtype: of.x.dtype };
}
