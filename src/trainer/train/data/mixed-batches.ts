/**
 * Batches that mix pairs with pictures whose ground truth nobody has (DRN-Adapt of Guo et al., CVPR 2020: every batch
 * holds both, the primal loss counts for pairs only, the dual loss for all).
 */
import type { BatchBuffers } from '../step/batch-gradient.ts';
import type { BatchOptions, createPatchSampler } from './batches.ts';
import { fillPatch } from './batches.ts';

type Sample = ReturnType<typeof createPatchSampler>;

/**
 * How many of a batch's pictures have no ground truth: `share` of them on average, a broken number rounded up as often
 * as its fraction says. One pair stays in any case.
 */
export function countUnpaired(batchSize: number, share: number, random: () => number): number {
  return Math.min(batchSize - 1, Math.floor(batchSize * share + random()));
}

/** Pairs first, then pictures without ground truth, whose larger levels are zero. */
export function fillMixedBatch(
  samples: { readonly pairs: Sample; readonly unpaired: Sample },
  share: number,
  random: () => number,
  options: BatchOptions,
  { images, pairWeights }: Required<Pick<BatchBuffers, 'images' | 'pairWeights'>>,
): void {
  const { batchSize } = options;
  const pairs = batchSize - countUnpaired(batchSize, share, random);
  const inputs = new Map([...images].filter(([level]) => level === 1));
  for (let i = 0; i < batchSize; i++) {
    if (i < pairs) fillPatch(samples.pairs, random, options, images, i);
    else fillPatch(samples.unpaired, random, options, inputs, i);
  }
  for (const [level, target] of images) if (level > 1) target.fill(0, (pairs * target.length) / batchSize);
  pairWeights.fill(batchSize / pairs, 0, pairs).fill(0, pairs);
}
