/** Stage `prune`: from widths to a pruned network with its first weights. */
import { createNetwork, initialiseParameters } from '../../../core/network/create-network.ts';
import { prunableWidths, withWidths } from '../../../core/network/prunable.ts';
import { createRandom } from '../../../core/random.ts';
import type { Compression } from '../compression.ts';
import { DUAL_WEIGHT } from '../find-widths.ts';
import { type PruneResult, pruneChannels } from './prune.ts';
import { bestChannels, filterNorms } from './prune-layers.ts';
import { type PrunedNetwork, pruneNetwork, type Values } from './pruned-network.ts';

/** See `NesterovOptions`: with 0.001 to 0.01 the features came about equally near to the original's. */
const TUNING_RATE = 0.005;

function keepLargestFilters({ base }: Compression, widths: readonly number[]): PruneResult {
  const { manifest, parameters } = base;
  const kept = prunableWidths(manifest.spec).map((width, i) => {
    const scores = filterNorms(width, parameters[`${width.producer.layer}.weight`]);
    return [width.name, bestChannels(scores, widths[i])] as const;
  });
  return { kept: Object.fromEntries(kept), parameters };
}

async function keepByGradient(
  compression: Compression,
  widths: readonly number[],
  duals: Values,
): Promise<PruneResult> {
  const { settings, base, effort, resources, hooks, progress } = compression;
  const { spec } = base.manifest;
  const { batchSize, lrPatchSize, pruneBatches, channelsPerPass, layersPerGroup } = effort;
  return pruneChannels({
    spec,
    widths,
    dualWeight: DUAL_WEIGHT,
    seed: settings.seed,
    ...resources,
    batchSize,
    lrPatchSize,
    parameters: { ...base.parameters, ...duals },
    dataset: await compression.dataset(),
    batchesPerPass: pruneBatches,
    channelsPerPass,
    layersPerGroup,
    rate: TUNING_RATE,
    microBatchSize: compression.microBatchSize(spec, effort),
    report: ({ step, steps, primalLoss }) => progress.step({ step, steps, loss: primalLoss }),
    signal: hooks.signal,
  });
}

export async function cutChannels(
  compression: Compression,
  widths: readonly number[],
  duals: Values,
): Promise<PrunedNetwork> {
  const { settings, base } = compression;
  const { spec } = base.manifest;
  if (settings.method === 'scratch') {
    const pruned = withWidths(spec, widths);
    return {
      spec: pruned,
      parameters: initialiseParameters(createNetwork(pruned), createRandom(settings.seed, 0x5c7a)),
    };
  }
  const { kept, parameters } =
    settings.method === 'l1'
      ? keepLargestFilters(compression, widths)
      : await keepByGradient(compression, widths, duals);
  return pruneNetwork(spec, parameters, kept);
}
