/** How a batch is cut for a core's cache. */
import type { Network } from '../../../core/network/network.ts';

/** Activations of one layer that fit into the cache of a core together with its weights, in bytes (dev/LOG.md). */
const CACHED_BYTES = 800_000;

export interface MicroBatchOptions {
  readonly batchSize: number;
  readonly lrPatchSize: number;
  readonly workers: number;
}

/**
 * Patches per run of the network: a divisor of `batchSize` with which the workers finish together, and of those the
 * largest whose widest layer stays in the cache; 1 where not even one patch does.
 */
export function chooseMicroBatchSize(
  { layers }: Pick<Network, 'layers'>,
  { batchSize, lrPatchSize, workers }: MicroBatchOptions,
): number {
  const valuesPerLrPixel = Math.max(...layers.map((layer) => layer.positionsPerLrPixel * layer.outChannels));
  const bytesPerPatch = lrPatchSize ** 2 * valuesPerLrPixel * 4;
  // Patches that the busiest worker computes.
  const longest = (size: number): number => Math.ceil(batchSize / size / workers) * size;
  let chosen = 1;
  for (let size = 2; size <= batchSize; size++) {
    if (batchSize % size !== 0 || size * bytesPerPatch > CACHED_BYTES) continue;
    if (longest(size) <= longest(chosen)) chosen = size;
  }
  return chosen;
}

/** The default: the largest divisor of the batch that leaves no worker idle, if there is one. */
export function shareOfWorker(batchSize: number, workers: number): number {
  let size = Math.max(1, Math.floor(batchSize / workers));
  while (batchSize % size !== 0) size -= 1;
  return size;
}
