/** Batches whose LR patches are made from the HR ones as the batch is cut, each degraded in its own way. */
import { type FloatImage, reflect, toPixels } from '../../../core/degradation/blur.ts';
import { jpegRoundTrip } from '../../../core/degradation/jpeg.ts';
import { addGaussianNoise } from '../../../core/degradation/noise.ts';
import { patchMargin, reducePatch } from '../../../core/degradation/patch.ts';
import { crop } from '../../../core/pixels/crop.ts';
import type { PixelImage } from '../../../core/pixels/image.ts';
import { createRandom } from '../../../core/random.ts';
import type { BatchBuffers } from '../step/batch-gradient.ts';
import { type BatchOptions, copyPatch, type createPatchSampler, fillBatch, fillPatch } from './batches.ts';
import { type DegradationRecipe, type DrawnDegradation, drawDegradation } from './degradation-recipe.ts';
import { countUnpaired } from './mixed-batches.ts';
import { isTransposed, unmirrorX, unmirrorY } from './symmetry.ts';

/** Held-out photographs are degraded with numbers of their own, whatever the run's seed. */
const MIDDLE_SEED = 0x3a1d;

type Sample = ReturnType<typeof createPatchSampler>;

interface HrPlace {
  readonly image: PixelImage;
  /** Of the patch without its margin, in HR pixels. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly symmetry: number;
}

/** Patches are degraded one after the other: made once, so that nothing has to be collected. */
let scratch = new Float32Array(0);

function borrowScratch(length: number): Float32Array {
  if (scratch.length < length) scratch = new Float32Array(length);
  return scratch.subarray(0, length);
}

let middle = new Float64Array(0);

function borrowMiddle(length: number): Float64Array {
  if (middle.length < length) middle = new Float64Array(length);
  return middle.subarray(0, length);
}

/** The patch in one of its eight symmetries with `margin` more pixels around, mirrored at the photograph's borders. */
function cutWithMargin({ image, x, y, size, symmetry }: HrPlace, margin: number): FloatImage {
  const { data, width, height } = image;
  const side = size + 2 * margin;
  const target = borrowScratch(side * side * 3);
  const columns = Int32Array.from(
    { length: side },
    (_, i) => reflect(x + unmirrorX(symmetry, i - margin, size), width) * 3,
  );
  const rows = Int32Array.from(
    { length: side },
    (_, i) => reflect(y + unmirrorY(symmetry, i - margin, size), height) * width * 3,
  );
  const swaps = isTransposed(symmetry);
  let to = 0;
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++, to += 3) {
      const from = swaps ? columns[row] + rows[column] : columns[column] + rows[row];
      target[to] = data[from];
      target[to + 1] = data[from + 1];
      target[to + 2] = data[from + 2];
    }
  }
  return { width: side, height: side, channels: 3, data: target };
}

/** JPEG cuts a picture into blocks of 8 pixels, or 16 with its halved chroma, and a patch begins anywhere in them. */
const JPEG_CELL = 16;

/** The LR patch, 8 bits. */
function degradePatch(place: HrPlace, drawn: DrawnDegradation, scale: number, random: () => number): PixelImage {
  const hrPatch = cutWithMargin(place, patchMargin(drawn.kernelSize, scale));
  const reduced = reducePatch(hrPatch, drawn.terms, { scale, size: place.size / scale }, borrowMiddle);
  const lrPatch = toPixels(addGaussianNoise(reduced, { sigma: drawn.noiseSigma }, random));
  if (drawn.jpegQuality === undefined) return lrPatch;
  const [offsetX, offsetY] = [random(), random()].map((part) => Math.floor(part * JPEG_CELL));
  return jpegRoundTrip(lrPatch, { quality: drawn.jpegQuality, offsetX, offsetY });
}

interface DegradedBatchOptions extends BatchOptions {
  readonly degradation: DegradationRecipe;
}

/** Draws one patch, degrades it, and puts both and the code in place `i`. */
function fillDegradedPatch(
  sample: Sample,
  random: () => number,
  { lrPatchSize, degradation }: DegradedBatchOptions,
  { images, codes, codesGiven }: BatchBuffers,
  i: number,
): void {
  const { pyramid, x, y } = sample(random);
  // Not the largest that the batch wants: an estimator learns from the small pictures alone.
  const scale = Math.max(...pyramid.keys());
  const symmetry = Math.floor(random() * 8);
  const drawn = drawDegradation(degradation, scale, random);
  const place: HrPlace = {
    image: pyramid.get(scale) as PixelImage,
    x: x * scale,
    y: y * scale,
    size: lrPatchSize * scale,
    symmetry,
  };
  const lrPatch = degradePatch(place, drawn, scale, random);
  for (const [level, target] of images) {
    const size = lrPatchSize * level;
    const offset = i * size * size * 3;
    if (level === 1) copyPatch(lrPatch, 0, 0, size, 0, target, offset);
    else copyPatch(pyramid.get(level) as PixelImage, x * level, y * level, size, symmetry, target, offset);
  }
  codes?.set(drawn.code, i * drawn.code.length);
  if (codesGiven) codesGiven[i] = drawn.isCodeGiven ? 1 : 0;
}

/** A batch for a network as compression trains it: degraded for one with a code, and told how, as in its own training. */
export function fillBatchFor(
  degradation: DegradationRecipe | undefined,
  sample: Sample,
  random: () => number,
  options: BatchOptions,
  buffers: BatchBuffers,
): void {
  if (degradation) fillDegradedBatch({ pairs: sample }, random, { ...options, degradation }, buffers);
  else fillBatch(sample, random, options, buffers.images);
}

interface Samples {
  readonly pairs: Sample;
  /** Pictures without ground truth, and which share of the batch they are: nobody knows their codes. */
  readonly unpaired?: { readonly sample: Sample; readonly share: number };
}

/** Pairs first; see `fillMixedBatch` for those without ground truth. */
export function fillDegradedBatch(
  { pairs: sample, unpaired }: Samples,
  random: () => number,
  options: DegradedBatchOptions,
  buffers: BatchBuffers,
): void {
  const { batchSize } = options;
  const { images, pairWeights, codes, codesGiven } = buffers;
  const pairs = unpaired ? batchSize - countUnpaired(batchSize, unpaired.share, random) : batchSize;
  for (let i = 0; i < pairs; i++) fillDegradedPatch(sample, random, options, buffers, i);
  if (!unpaired || !pairWeights) return;
  const inputs = new Map([...images].filter(([level]) => level === 1));
  for (let i = pairs; i < batchSize; i++) fillPatch(unpaired.sample, random, options, inputs, i);
  for (const [level, target] of images) if (level > 1) target.fill(0, (pairs * target.length) / batchSize);
  pairWeights.fill(batchSize / pairs, 0, pairs).fill(0, pairs);
  codes?.fill(0, (pairs * codes.length) / batchSize);
  codesGiven?.fill(0, pairs);
}

/** The middle of a photograph and what its recipe's degradation makes of it: the same for the same photograph number. */
export function degradedMiddle(
  hrImage: PixelImage,
  degradation: DegradationRecipe,
  { scale, maxLrSide, number }: { readonly scale: number; readonly maxLrSide: number; readonly number: number },
): { readonly lrImage: PixelImage; readonly hrImage: PixelImage } {
  const random = createRandom(MIDDLE_SEED, number);
  const side = Math.min(maxLrSide, Math.floor(Math.min(hrImage.width, hrImage.height) / scale));
  const size = side * scale;
  const [x, y] = [(hrImage.width - size) >> 1, (hrImage.height - size) >> 1];
  const drawn = drawDegradation(degradation, scale, random);
  const lrImage = degradePatch({ image: hrImage, x, y, size, symmetry: 0 }, drawn, scale, random);
  return { lrImage, hrImage: crop(hrImage, { x, y, width: size, height: size }) };
}
