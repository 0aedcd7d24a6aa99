/** The blind model that stands beside each scale's plain one. */
import { blindModelsOf } from './choose-models.ts';
import type { ModelManifest } from './model-store/manifest.ts';
import type { DualscaleLogger } from './options.ts';

export interface CompanionParts {
  readonly manifests: readonly ModelManifest[];
  /** See `DualscaleOptions.blindModels`. */
  readonly wanted: Readonly<Record<number, string>>;
  /** Rejects for a model that cannot be used. */
  readonly load: (manifest: ModelManifest) => Promise<unknown>;
  readonly logger: Pick<DualscaleLogger, 'warn'>;
}

/** For each scale the best blind model that is whole. Loaded here, not in the first request: that would hold up the others. */
export async function loadCompanions({
  manifests,
  wanted,
  load,
  logger,
}: CompanionParts): Promise<ReadonlyMap<number, ModelManifest>> {
  const found = new Map<number, ModelManifest>();
  for (const scale of new Set(manifests.map((manifest) => manifest.scale))) {
    for (const blind of blindModelsOf(manifests, scale, wanted)) {
      const error: unknown = await load(blind)
        .then(() => undefined)
        .catch((reason) => reason);
      if (error === undefined) found.set(scale, blind);
      else logger.warn(`the blind model ${blind.id} is passed over: ${String(error)}`);
      if (found.has(scale)) break;
    }
  }
  return found;
}
