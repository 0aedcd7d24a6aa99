/** Stage `publish`: an ordinary model, in its place or, when it was refused, aside. */
import { join } from 'node:path';
import { loadModel, modelDirectory, readManifest } from '../../../core/models/load.ts';
import type { LatencyEntry, Provenance } from '../../../core/models/manifest.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import { summarise } from '../../train/data/dataset.ts';
import { publishTrained } from '../../train/run/publish-run.ts';
import { describeOptimizer } from '../../train/step/optimizer.ts';
import type { Compression } from '../compression.ts';
import { DUAL_WEIGHT } from '../find-widths.ts';
import { DISTILL_WEIGHT, type TunedNetwork, tuneRecipe } from '../fine-tune.ts';
import { describeEarlier } from '../photographs.ts';
import type { PrunedNetwork } from '../prune/pruned-network.ts';
import { describeBudget } from './describe.ts';
import type { Measured } from './measure.ts';

/** Rejected models lie in this folder of the run: not where models are looked for. */
const REJECTED = 'rejected';

/** Most characters that a manifest takes of it. */
const LONGEST_DATA = 2000;

async function describeData({ settings, base, dataset }: Compression): Promise<string> {
  const { trainImages, validationImages, digest } = summarise(await dataset());
  const { dataNote, out } = settings;
  const counts = `${trainImages} photographs, ${validationImages} more held out by hash`;
  const before = await describeEarlier(out);
  const own = `${dataNote ? `${dataNote}: ` : ''}${counts}; sha256 of the files' sha256s ${digest}${before}`;
  return `${own}; the base: ${base.manifest.provenance.data}`.slice(0, LONGEST_DATA);
}

function describeRecipe(compression: Compression, pruned: NetworkSpec, runId: string): Provenance['recipe'] {
  const { settings, base, effort } = compression;
  const { method, budget } = settings;
  const { batchSize, lrPatchSize, searchSteps, tuneSteps, channelsPerPass, pruneBatches } = effort;
  const { schedule, optimizer } = tuneRecipe(compression, base.manifest.spec);
  return {
    compressedFrom: `${base.manifest.id} ${base.digest.slice(0, 16)}`,
    method,
    budget: describeBudget(budget, base.manifest.spec, pruned),
    searchSteps: method === 'l1' ? 0 : searchSteps,
    // The other methods choose no channels with photographs.
    pruneBatches: method === 'drc' ? pruneBatches : undefined,
    channelsPerPass: method === 'drc' ? channelsPerPass : undefined,
    tuneSteps,
    batchSize,
    lrPatchSize,
    optimizer: describeOptimizer(optimizer),
    learningRate: schedule.learningRate,
    dualWeight: DUAL_WEIGHT,
    distillWeight: method === 'scratch' ? 0 : DISTILL_WEIGHT,
    run: runId,
  };
}

function describeLatency({ settings, hooks }: Compression, { ms }: Measured): LatencyEntry {
  const { budget, at, machine: device, engine, provider, id } = settings;
  const { percentile = 50, threads = 1 } = budget.kind === 'latency' ? budget : {};
  return {
    device,
    engine,
    provider,
    threads,
    inputWidth: at.width,
    inputHeight: at.height,
    medianMs: Number(ms.toFixed(3)),
    runs: 1,
    date: new Date(hooks.now()).toISOString().slice(0, 10),
    command: `dualscale compress, beside the uncompressed model (percentile ${percentile}); dualscale bench --model ${id} measures it alone`,
  };
}

/**
 * @param runId a second call for the same run, after a kill, publishes nothing again.
 * @returns the folder of the model. Throws as `publishModel` does.
 */
export async function publishCompressed(
  compression: Compression,
  { spec }: PrunedNetwork,
  { parameters, dualParameters }: TunedNetwork,
  measured: Measured,
  { accepted, runId }: { readonly accepted: boolean; readonly runId: string },
): Promise<{ readonly directory: string; readonly digest: string }> {
  const { settings, base, effort, hooks } = compression;
  const root = accepted ? settings.publishTo : join(settings.out, REJECTED);
  const { id, license, seed, machine, weights: dtype } = settings;
  const directory = modelDirectory(root, id);
  const present = await readManifest(directory).catch(() => undefined);
  if (present?.provenance.recipe['run'] === runId) return { directory, digest: (await loadModel(directory)).digest };
  const model = {
    id,
    license,
    spec,
    degradation: base.manifest.degradation,
    data: await describeData(compression),
    seed,
    steps: effort.tuneSteps,
    recipe: describeRecipe(compression, spec, runId),
    date: new Date(hooks.now()),
    machine,
    latency: [describeLatency(compression, measured)],
    dtype,
  };
  const { digest } = await publishTrained(root, model, { ...parameters, ...dualParameters });
  return { directory, digest };
}
