/**
 * Fills batches with random patches. A batch may mix pairs with pictures that have no ground truth
 * (DRN-Adapt of Guo et al., CVPR 2020): the primal loss counts for pairs only, the dual loss for all.
 */
import type { PixelImage } from '../../../core/pixels/image.ts';
import type { BatchBuffers } from '../step/gradients.ts';
import { type BatchOptions, copyPatch, createPatchSampler, fillPatch, type PatchSampler } from './batches.ts';
import type { ImagePyramid } from './dataset.ts';
import { type DegradationRecipe, drawDegradation } from './degradation-recipe.ts';
import { PatchDegrader } from './degrade-patch.ts';

export interface BatchSource {
  readonly train: readonly ImagePyramid[];
  /** Pictures without ground truth, and which share of a batch they are. */
  readonly unpaired?: { readonly pyramids: readonly ImagePyramid[]; readonly share: number };
}

export interface FillerOptions extends BatchOptions {
  /** How LR patches are made, one by one. @default bicubic reduction of the whole photograph */
  readonly degradation?: DegradationRecipe;
}

/**
 * How many of a batch's pictures have no ground truth: `share` of them on average, a broken number rounded up as often
 * as its fraction says. One pair stays in any case.
 */
export function countUnpaired(batchSize: number, share: number, random: () => number): number {
  return Math.min(batchSize - 1, Math.floor(batchSize * share + random()));
}

/** Draws one patch, degrades it, and puts both and the degradation vector in place `i`. */
function fillDegradedPatch(
  sample: PatchSampler,
  random: () => number,
  { lrPatchSize, degradation }: { readonly lrPatchSize: number; readonly degradation: DegradationRecipe },
  { images, codes, codesGiven }: BatchBuffers,
  i: number,
  degrader: PatchDegrader,
): void {
  const { pyramid, x, y } = sample(random);
  // Not the largest that the batch holds: an estimator learns from the small pictures alone.
  const scale = Math.max(...pyramid.keys());
  const symmetry = Math.floor(random() * 8);
  const drawn = drawDegradation(degradation, scale, random);
  const image = pyramid.get(scale) as PixelImage;
  const place = { image, x: x * scale, y: y * scale, size: lrPatchSize * scale, symmetry };
  const lrPatch = degrader.degrade(place, drawn, scale, random);
  for (const [level, target] of images) {
    const size = lrPatchSize * level;
    const offset = i * size * size * 3;
    if (level === 1) copyPatch(lrPatch, 0, 0, size, 0, target, offset);
    else copyPatch(pyramid.get(level) as PixelImage, x * level, y * level, size, symmetry, target, offset);
  }
  codes?.set(drawn.code, i * drawn.code.length);
  if (codesGiven) codesGiven[i] = drawn.isCodeGiven ? 1 : 0;
}

/**
 * A function that fills the buffers with the next batch: pairs first, then pictures without ground
 * truth, whose larger levels and degradation vectors are zero.
 */
export function createBatchFiller(
  { train, unpaired }: BatchSource,
  options: FillerOptions,
  buffers: BatchBuffers,
): (random: () => number) => void {
  const { batchSize, lrPatchSize, degradation } = options;
  const { images, pairWeights, codes, codesGiven } = buffers;
  const pairSampler = createPatchSampler(train, options);
  const unpairedSampler = unpaired && createPatchSampler(unpaired.pyramids, options);
  const inputs = new Map([...images].filter(([level]) => level === 1));
  const degrader = new PatchDegrader();
  return (random) => {
    const pairs = unpaired ? batchSize - countUnpaired(batchSize, unpaired.share, random) : batchSize;
    for (let i = 0; i < pairs; i++) {
      if (degradation) fillDegradedPatch(pairSampler, random, { lrPatchSize, degradation }, buffers, i, degrader);
      else fillPatch(pairSampler, random, options, images, i);
    }
    if (!unpairedSampler) return;
    for (let i = pairs; i < batchSize; i++) fillPatch(unpairedSampler, random, options, inputs, i);
    for (const [level, target] of images) if (level > 1) target.fill(0, (pairs * target.length) / batchSize);
    pairWeights?.fill(batchSize / pairs, 0, pairs).fill(0, pairs);
    codes?.fill(0, (pairs * codes.length) / batchSize);
    codesGiven?.fill(0, pairs);
  };
}
