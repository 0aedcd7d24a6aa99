/** Random patches of a batch, turned and mirrored, as float images in 0..1. */
import type { PixelImage } from '../../../core/pixels/image.ts';
import { type Augmentation, drawChannels, IN_ORDER } from './augmentation.ts';
import type { ImagePyramid } from './dataset.ts';

export interface BatchOptions {
  readonly batchSize: number;
  readonly lrPatchSize: number;
  /** Patches drawn for each one taken: the most detailed is kept. @default 3 */
  readonly candidates?: number;
  readonly augmentation?: Augmentation;
}

interface PatchPlace {
  readonly pyramid: ImagePyramid;
  /** LR pixels */
  readonly x: number;
  readonly y: number;
}

/** Sum of absolute differences between neighbours of the green channel, on every second row and column. */
function detail(image: PixelImage, x: number, y: number, size: number): number {
  const { data, width } = image;
  let sum = 0;
  for (let row = y; row < y + size - 1; row += 2) {
    for (let column = x; column < x + size - 1; column += 2) {
      const at = (row * width + column) * 3 + 1;
      sum += Math.abs(data[at] - data[at + 3]) + Math.abs(data[at] - data[at + width * 3]);
    }
  }
  return sum;
}

/** Photographs are drawn in proportion to their pixels, so that every pixel is as likely as any other. */
export function createPatchSampler(pyramids: readonly ImagePyramid[], { lrPatchSize, candidates = 3 }: BatchOptions) {
  const cumulative: number[] = [];
  let total = 0;
  for (const pyramid of pyramids) {
    const { width, height } = pyramid.get(1) as PixelImage;
    total += width * height;
    cumulative.push(total);
  }
  const draw = (random: () => number): PatchPlace => {
    const target = random() * total;
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle] > target) high = middle;
      else low = middle + 1;
    }
    const pyramid = pyramids[low];
    const { width, height } = pyramid.get(1) as PixelImage;
    return {
      pyramid,
      x: Math.floor(random() * (width - lrPatchSize + 1)),
      y: Math.floor(random() * (height - lrPatchSize + 1)),
    };
  };
  return (random: () => number): PatchPlace => {
    let best = draw(random);
    let bestDetail = -1;
    for (let i = 0; i < candidates; i++) {
      const place = i === 0 ? best : draw(random);
      const found = detail(place.pyramid.get(1) as PixelImage, place.x, place.y, lrPatchSize);
      if (found > bestDetail) [best, bestDetail] = [place, found];
    }
    return best;
  };
}

export type PatchSampler = ReturnType<typeof createPatchSampler>;

/**
 * Copies a square patch with one of the eight symmetries of the square.
 * The last argument says which channel of the image becomes the patch's first, second and third.
 */
export function copyPatch(
  image: PixelImage,
  x: number,
  y: number,
  size: number,
  symmetry: number,
  target: Float32Array,
  offset: number,
  [first, second, third] = IN_ORDER,
): void {
  const { data, width } = image;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const [u, v] = isTransposed(symmetry) ? [row, column] : [column, row];
      const sourceX = x + unmirrorX(symmetry, u, size);
      const sourceY = y + unmirrorY(symmetry, v, size);
      const from = (sourceY * width + sourceX) * 3;
      const to = offset + (row * size + column) * 3;
      target[to] = data[from + first] / 255;
      target[to + 1] = data[from + second] / 255;
      target[to + 2] = data[from + third] / 255;
    }
  }
}

/** Draws one patch and puts it in place `i` of the arrays [n, level*lrPatchSize, level*lrPatchSize, 3] that are given. */
export function fillPatch(
  sample: PatchSampler,
  random: () => number,
  { lrPatchSize, augmentation }: Pick<BatchOptions, 'lrPatchSize' | 'augmentation'>,
  images: ReadonlyMap<number, Float32Array>,
  i: number,
): void {
  const { pyramid, x, y } = sample(random);
  const symmetry = Math.floor(random() * 8);
  const channels = drawChannels(random, augmentation);
  for (const [level, target] of images) {
    const size = lrPatchSize * level;
    const offset = i * size * size * 3;
    copyPatch(pyramid.get(level) as PixelImage, x * level, y * level, size, symmetry, target, offset, channels);
  }
}

/** The eight symmetries of the square as numbers: bit 0 mirrors x, bit 1 mirrors y, bit 2 then transposes. */
export const SYMMETRIES: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];

export const isTransposed = (symmetry: number): boolean => (symmetry & 4) !== 0;

/** Where column `x` of a mirrored picture `width` wide was before, not yet transposed; also for columns beyond its edges. */
export const unmirrorX = (symmetry: number, x: number, width: number): number => (symmetry & 1 ? width - 1 - x : x);

export const unmirrorY = (symmetry: number, y: number, height: number): number => (symmetry & 2 ? height - 1 - y : y);
