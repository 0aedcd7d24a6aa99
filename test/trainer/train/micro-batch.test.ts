import { describe, expect, test } from 'vitest';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import { chooseMicroBatchSize, shareOfWorker } from '../../../src/trainer/train/step/micro-batch.ts';

const network = createNetwork({ family: 'edge', scale: 4, featureCount: 48, innerWidths: [48, 48] });

describe('chooseMicroBatchSize', () => {
  // 48 channels of 32x32 floats are 196,608 bytes: four patches stay below 800,000.
  test.each([
    { batchSize: 16, lrPatchSize: 32, workers: 2, size: 4 },
    { batchSize: 16, lrPatchSize: 32, workers: 8, size: 2 },
    { batchSize: 16, lrPatchSize: 32, workers: 16, size: 1 },
    // 6 patches at most for each of three workers, where four at a time would keep one busy with 8.
    { batchSize: 16, lrPatchSize: 32, workers: 3, size: 2 },
    { batchSize: 16, lrPatchSize: 48, workers: 2, size: 1 },
    { batchSize: 16, lrPatchSize: 200, workers: 1, size: 1 },
    { batchSize: 6, lrPatchSize: 16, workers: 1, size: 6 },
  ])('$workers workers take $size of $batchSize patches of $lrPatchSize pixels', ({ size, ...options }) => {
    expect(chooseMicroBatchSize(network, options)).toBe(size);
  });
});

test.each([
  { batchSize: 16, workers: 1, size: 16 },
  { batchSize: 16, workers: 2, size: 8 },
  { batchSize: 16, workers: 3, size: 4 },
  { batchSize: 16, workers: 5, size: 2 },
  { batchSize: 9, workers: 2, size: 3 },
  { batchSize: 7, workers: 2, size: 1 },
  { batchSize: 4, workers: 32, size: 1 },
])('$workers workers share $batchSize patches in whole runs of $size', ({ batchSize, workers, size }) => {
  expect(shareOfWorker(batchSize, workers)).toBe(size);
});
