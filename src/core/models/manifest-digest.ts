/** What a model computes, as one text. */
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { ModelManifest } from './manifest.ts';

const known = new WeakMap<ModelManifest, string>();

/** Manifests name their weights by digest, so this needs no weights. Every request asks for it: it is made once for each manifest. */
export function manifestDigest(manifest: ModelManifest): string {
  const before = known.get(manifest);
  if (before !== undefined) return before;
  const { spec, weights } = manifest;
  const digest = createHash('sha256').update(canonicalJson(spec)).update(weights.sha256).digest('base64url');
  known.set(manifest, digest);
  return digest;
}
