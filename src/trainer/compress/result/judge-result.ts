/** The gate between a compressed network and those who would serve it. */
import { modelCost } from '../../../core/models/manifest.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import type { ResolvedSettings } from '../compress-settings.ts';
import type { Measured } from './measure-result.ts';

/** Why the result is not to be published; empty when it is. */
export function judgeResult(
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
