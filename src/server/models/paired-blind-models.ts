/** The blind model that stands beside each scale's plain one. */

import type { ModelManifest } from '../../core/models/manifest.ts';
import type { DualscaleLogger } from '../options.ts';
import { blindModelsOf } from './choose-models.ts';

export interface PairedBlindParts {
  readonly manifests: readonly ModelManifest[];
  /** See `DualscaleOptions.blindModels`. */
  readonly wanted: Readonly<Record<number, string>>;
  /** Rejects for a model that cannot be used. */
  readonly load: (manifest: ModelManifest) => Promise<unknown>;
  readonly logger: Pick<DualscaleLogger, 'warn'>;
}

/** The first model that loads; each one before it is named in a warning. */
export async function firstWhole<Loaded>(
  blinds: readonly ModelManifest[],
  load: (manifest: ModelManifest) => Promise<Loaded>,
  logger: Pick<DualscaleLogger, 'warn'>,
): Promise<{ readonly manifest: ModelManifest; readonly loaded: Loaded } | undefined> {
  for (const manifest of blinds) {
    try {
      return { manifest, loaded: await load(manifest) };
    } catch (error) {
      logger.warn(`the blind model ${manifest.id} is passed over: ${String(error)}`);
    }
  }
  return undefined;
}

/** For each scale the best blind model that is whole. Loaded here, not in the first request: that would hold up the others. */
export async function loadPairedBlindModels(parts: PairedBlindParts): Promise<ReadonlyMap<number, ModelManifest>> {
  const { manifests, wanted, load, logger } = parts;
  const found = new Map<number, ModelManifest>();
  for (const scale of new Set(manifests.map((manifest) => manifest.scale))) {
    const whole = await firstWhole(blindModelsOf(manifests, scale, wanted), load, logger);
    if (whole) found.set(scale, whole.manifest);
  }
  return found;
}
