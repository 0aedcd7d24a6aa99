/** Which models may answer in the place of the serving ones: being in the folder is not yet being in service. */
import type { ModelManifest } from '../../core/models/manifest.ts';
import type { Activation } from './activation.ts';
import { jobOf } from './publish-result.ts';

/**
 * A model that a job made may once it was activated, any other from the start; one that was rolled back may not until it is activated
 * again. @param history latest first
 */
export function mayFallBack(
  { id, provenance }: Pick<ModelManifest, 'id' | 'provenance'>,
  history: readonly Activation[],
): boolean {
  const latest = history.find(({ modelId, previousModelId }) => modelId === id || previousModelId === id);
  if (!latest) return jobOf({ provenance }) === null;
  if (latest.modelId === id) return true;
  return latest.reason !== 'rollback' && latest.reason !== 'automatic-rollback';
}
