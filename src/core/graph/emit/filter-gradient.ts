/**
 * The gradient of a convolution with respect to its filter, in the forms ONNX Runtime computes
 * fastest. A GPU wants many products at once and channels last: for every kernel position dy
 * transposed times the shifted input, with the pixels cut into groups of rows that are multiplied
 * side by side and added up afterwards.
 */

import { convGeometry } from '../infer.ts';
import { sizeOf } from '../tape.ts';
import type { EmitRule, Emitter, Held } from './emitter.ts';

const MICROSOFT = 'com.microsoft';

/**
 * Below this many input channels the kernel positions are stacked into one product: tiny ones waste
 * the matrix units.
 */
const STACK_BELOW_CHANNELS = 16;

/**
 * Gradient with respect to the filter: for every kernel position the product of dy with the shifted
 * input, summed over pixels. The input is padded once, so that with stride 1 a shift is an offset
 * into the flattened image (dy is padded to the same pitch with zeros, which cancels what wraps
 * around); the result is HWIO without a transpose.
 */
export const filterGradient: EmitRule = (emitter, [x, dy], node, [shape]) => {
  const geometry = convGeometry(x.shape, shape, node.attributes);
  if (emitter.target === 'webgpu') return wideFilterGradient(emitter, { x, dy, shape }, geometry);
  const [kh, kw, inChannels, outChannels] = shape;
  const unstrided = geometry.strides[0] === 1 && geometry.strides[1] === 1;
  const stack = inChannels < STACK_BELOW_CHANNELS && kh * kw > 1;
  const shifts = !unstrided ? strided : stack || kh * kw === 1 ? flatShifts : crossedShifts;
  const pairs = shifts(emitter, emitter.nchw(x), emitter.nchw(dy), geometry);
  const batch = x.shape[0];
  const product = shiftedProduct(emitter);
  const join = (names: readonly string[]) =>
    names.length === 1 ? names[0] : emitter.node('Concat', names, { axis: { int: 1 } });
  const stacked = () => product({ image: join(pairs.map(({ image }) => image)), gradient: pairs[0].gradient });
  const perSample = stack ? stacked() : join(pairs.map(product));
  const summed =
    batch === 1 ? perSample : emitter.node('ReduceSum', [perSample, emitter.int64([0])], { keepdims: { int: 0 } });
  const name = emitter.node('Reshape', [summed, emitter.int64([kh, kw, inChannels, outChannels])]);
  return { name, shape, stored: shape, layout: 'plain', dtype: x.dtype };
};

/** image [N, I, K] times gradient [N, O, K] transposed, without a copy. */
function shiftedProduct(emitter: Emitter): (pair: ShiftedPair) => string {
  const attributes = { transA: { int: 0 }, transB: { int: 1 } };
  return ({ image, gradient }) => emitter.node('FusedMatMul', [image, gradient], attributes, MICROSOFT);
}

/**
 * For one kernel position: the input [N, I, K] and dy [N, O, K], brought so that equal places in K
 * belong together.
 */
interface ShiftedPair {
  readonly image: string;
  readonly gradient: string;
}

function flatShifts(emitter: Emitter, x: Held, dy: Held, { pads, kernel, outShape }: Geometry): ShiftedPair[] {
  const [n, , , inChannels] = x.shape;
  const [, outHeight, outWidth, outChannels] = outShape;
  const [top, left, bottom, right] = pads;
  const pitch = x.shape[2] + left + right;
  const rows = x.shape[1] + top + bottom;
  const length = outHeight * pitch - (pitch - outWidth);
  const flat = (name: string, channels: number, size: number) =>
    emitter.node('Reshape', [name, emitter.int64([n, channels, size])]);
  const padded =
    top + left + bottom + right > 0
      ? emitter.node('Pad', [x.name, emitter.int64([0, 0, top, left, 0, 0, bottom, right])])
      : x.name;
  const image = flat(padded, inChannels, rows * pitch);
  const cut = (name: string, begin: number) =>
    emitter.node('Slice', [name, emitter.int64([begin]), emitter.int64([begin + length]), emitter.int64([2])]);
  const wide =
    pitch > outWidth ? emitter.node('Pad', [dy.name, emitter.int64([0, 0, 0, 0, 0, 0, 0, pitch - outWidth])]) : dy.name;
  const gradient = flat(wide, outChannels, outHeight * pitch);
  const images: string[] = [];
  for (let ky = 0; ky < kernel[0]; ky++)
    for (let kx = 0; kx < kernel[1]; kx++) images.push(cut(image, ky * pitch + kx));
  const cutGradient = pitch > outWidth ? cut(gradient, 0) : gradient;
  const whole = kernel[0] * kernel[1] === 1 && pads.every((p) => p === 0);
  return (whole ? [image] : images).map((shifted) => ({ image: shifted, gradient: cutGradient }));
}

/**
 * The same with fewer copies: the input is shifted along the row only, and dy is placed at each row
 * offset of the padded grid; the product of shift kx and offset ky is kernel position (ky, kx).
 * Costs kh - 1 rows of zeros in each product.
 */
function crossedShifts(emitter: Emitter, x: Held, dy: Held, { pads, kernel, outShape }: Geometry): ShiftedPair[] {
  const [n, , , inChannels] = x.shape;
  const [, outHeight, outWidth, outChannels] = outShape;
  const [top, left, bottom, right] = pads;
  const [kh, kw] = kernel;
  const pitch = x.shape[2] + left + right;
  const rows = x.shape[1] + top + bottom;
  const size = rows * pitch;
  const flat = (name: string, channels: number, length: number) =>
    emitter.node('Reshape', [name, emitter.int64([n, channels, length])]);
  // One more row below, so that every shift has the same length.
  const padded = emitter.node('Pad', [x.name, emitter.int64([0, 0, top, left, 0, 0, bottom + 1, right])]);
  const image = flat(padded, inChannels, size + pitch);
  const images = Array.from({ length: kw }, (_, kx) =>
    emitter.node('Slice', [image, emitter.int64([kx]), emitter.int64([kx + size]), emitter.int64([2])]),
  );
  const gradients = Array.from({ length: kh }, (_, ky) => {
    const placed = emitter.int64([0, 0, ky, 0, 0, 0, rows - outHeight - ky, pitch - outWidth]);
    return flat(emitter.node('Pad', [dy.name, placed]), outChannels, size);
  });
  return gradients.flatMap((gradient) => images.map((shifted) => ({ image: shifted, gradient })));
}

function strided(emitter: Emitter, x: Held, dy: Held, { pads, kernel, outShape, strides }: Geometry): ShiftedPair[] {
  const [n, , , inChannels] = x.shape;
  const [, outHeight, outWidth, outChannels] = outShape;
  const [top, left, bottom, right] = pads;
  const padded =
    sizeOf([top + left + bottom + right]) > 0
      ? emitter.node('Pad', [x.name, emitter.int64([0, 0, top, left, 0, 0, bottom, right])])
      : x.name;
  const size = outHeight * outWidth;
  const images: string[] = [];
  for (let ky = 0; ky < kernel[0]; ky++) {
    for (let kx = 0; kx < kernel[1]; kx++) {
      const ends = [ky + (outHeight - 1) * strides[0] + 1, kx + (outWidth - 1) * strides[1] + 1];
      const picked = emitter.node('Slice', [
        padded,
        emitter.int64([ky, kx]),
        emitter.int64(ends),
        emitter.int64([2, 3]),
        emitter.int64(strides),
      ]);
      images.push(emitter.node('Reshape', [picked, emitter.int64([n, inChannels, size])]));
    }
  }
  const gradient = emitter.node('Reshape', [dy.name, emitter.int64([n, outChannels, size])]);
  return images.map((image) => ({ image, gradient }));
}

export type Geometry = ReturnType<typeof convGeometry>;

/**
 * Pixels of one product, at least: fewer give more partial sums to add up, more leave a GPU idle.
 */
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
function wideFilterGradient(
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
