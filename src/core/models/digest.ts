/** Equal values give equal text: what a model computes, in one. */
import { createHash } from 'node:crypto';
import type { ModelManifest } from './manifest.ts';

/** JSON with the keys of every object in order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

const known = new WeakMap<ModelManifest, string>();

/**
 * Manifests name their weights by digest, so this needs no weights. Every request asks for it: it
 * is made once for each manifest.
 */
export function manifestDigest(manifest: ModelManifest): string {
  const before = known.get(manifest);
  if (before !== undefined) return before;
  const { spec, weights } = manifest;
  const digest = createHash('sha256').update(canonicalJson(spec)).update(weights.sha256).digest('base64url');
  known.set(manifest, digest);
  return digest;
}
