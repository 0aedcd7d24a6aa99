/** Stage `measure`: what was lost and what was won, against the uncompressed model on this machine and on held-out photographs. */

import { modelCost } from '../../../core/models/manifest.ts';
import { createNetwork } from '../../../core/network/create-network.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import { degradationOf } from '../../presets/recipes.ts';
import { createValidator } from '../../train/run/validate.ts';
import { flattenParameters, layOutParameters } from '../../train/step/parameter-layout.ts';
import type { ResolvedSettings } from '../compress-settings.ts';
import type { Compression } from '../compression.ts';
import type { PrunedNetwork, Values } from '../prune/pruned-network.ts';

/** Mean PSNR in dB of weights on the held-out photographs. */
export async function validationPsnr(
  { resources, dataset }: Compression,
  { spec, parameters }: { readonly spec: NetworkSpec; readonly parameters: Values },
): Promise<number> {
  const network = createNetwork(spec);
  const layout = layOutParameters([network]);
  const validate = await createValidator(
    resources.engine,
    network,
    layout,
    (await dataset()).validation,
    degradationOf(spec),
  );
  return validate(flattenParameters(layout, parameters));
}

export interface Measured {
  readonly basePsnrDb: number;
  readonly psnrDb: number;
  /** Of the uncompressed model. */
  readonly baseMs: number;
  readonly ms: number;
}

/** @param fullMs the base's latency that the budget was planned with. */
export async function measureResult(
  compression: Compression,
  pruned: PrunedNetwork,
  fullMs?: number,
): Promise<Measured> {
  const { base, hooks } = compression;
  const basePsnrDb = await validationPsnr(compression, { spec: base.manifest.spec, parameters: base.parameters });
  const psnrDb = await validationPsnr(compression, pruned);
  const meter = await compression.openMeter();
  try {
    const { ratios, fullMs: nowMs } = await meter.compare([pruned.spec], hooks.signal);
    // Machines have moods; the ratio to the uncompressed model does not change with them.
    const baseMs = fullMs ?? nowMs;
    return { basePsnrDb, psnrDb, baseMs, ms: ratios[0] * baseMs };
  } finally {
    await meter.close();
  }
}

/** Why the result is not to be published; empty when it is. */
export function checkGate(
  { budget, maxPsnrDropDb }: Pick<ResolvedSettings, 'budget' | 'maxPsnrDropDb'>,
  spec: NetworkSpec,
  { basePsnrDb, psnrDb, ms }: Measured,
): string[] {
  const reasons: string[] = [];
  const drop = basePsnrDb - psnrDb;
  // Not a number is no proof of quality.
  if (!(drop <= maxPsnrDropDb)) {
    reasons.push(
      `lost ${drop.toFixed(3)} dB on held-out photographs (${basePsnrDb.toFixed(3)} to ${psnrDb.toFixed(3)}), at most ${maxPsnrDropDb} dB are allowed`,
    );
  }
  if (budget.kind === 'latency' && !(ms <= budget.latencyMs)) {
    reasons.push(`takes ${ms.toFixed(2)} ms, the target is ${budget.latencyMs} ms`);
  }
  const { parameters, macs } = modelCost(spec);
  if (budget.kind === 'params' && parameters > budget.parameters) {
    reasons.push(`has ${parameters} parameters, the target is ${budget.parameters}`);
  }
  if (budget.kind === 'macs' && macs.for1280x720 > budget.macs) {
    reasons.push(`costs ${macs.for1280x720} multiply-accumulates, the target is ${budget.macs}`);
  }
  return reasons;
}
