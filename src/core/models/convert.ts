/** The same model with its weights stored in another way. */
import type { ParameterValues } from '../network/spec.ts';
import { loadModel, modelDirectory, readUsableManifest, type StoredModel } from './load.ts';
import { publishModel } from './publish.ts';
import { readSafetensors, type StoredDtype, writeSafetensors } from './safetensors.ts';

type Values = Readonly<Record<string, ParameterValues>>;

/** The values as they come back from a file of this kind: float16 keeps 11 bits of each. */
export function roundParameters(parameters: Values, dtype: StoredDtype): Values {
  return readSafetensors(writeSafetensors(parameters, { dtype })).tensors;
}

/** 1.0.0, or the next minor version of what is there. */
export async function nextVersion(root: string, id: string): Promise<string> {
  const present = await readUsableManifest(modelDirectory(root, id));
  if (!present) return '1.0.0';
  const [major, minor] = present.version.split('.');
  return `${major}.${Number(minor) + 1}.0`;
}

/**
 * Publishes the model anew with its weights stored as `dtype`, under the next minor version;
 * `rollbackModel` undoes it. Rounding drops the measured PSNR and SSIM, which are those of other
 * weights; latencies stay.
 * @returns undefined when they are stored so already.
 * @throws DS_MODEL_NOT_FOUND, DS_BAD_MODEL as `loadModel` and `publishModel` do.
 */
export async function convertWeights(root: string, id: string, dtype: StoredDtype): Promise<StoredModel | undefined> {
  const { manifest, parameters, dualParameters } = await loadModel(modelDirectory(root, id));
  if (manifest.weights.dtype === dtype) return undefined;
  const { license, spec, degradation, provenance, latency } = manifest;
  const quality = dtype === 'float32' ? manifest.quality : [];
  const version = await nextVersion(root, id);
  return publishModel(
    root,
    { id, version, license, spec, degradation, provenance, quality, latency, dtype },
    { ...parameters, ...dualParameters },
  );
}
