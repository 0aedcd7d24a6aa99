/**
 * Publishing a model so that readers see all of it or nothing.
 *
 * A new model is written into a hidden folder beside its place, which is then renamed. To replace
 * one, the weights go into the folder under a new name and the manifest is renamed over the old
 * one: that rename is the moment of publication, and a kill before it leaves the old model as it
 * was. The manifest that was replaced stays, with its weights, for `rollbackModel`. One publisher
 * at a time per model id; any number of readers.
 */
import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, replaceFile, syncFolder, writeSynced } from '../atomic-file.ts';
import { DualscaleError } from '../errors.ts';
import type { ParameterValues } from '../network/spec.ts';
import {
  loadModel,
  MANIFEST_FILE,
  modelDirectory,
  readManifest,
  readUsableManifest,
  type StoredModel,
} from './load.ts';
import { type ModelManifest, modelCost, parseManifest } from './manifest.ts';
import { readSafetensors, type StoredDtype, writeSafetensors } from './safetensors.ts';
import { splitParameters } from './stored-parameters.ts';

const PREVIOUS_MANIFEST_FILE = 'manifest.previous.json';

/**
 * What the publisher says about a model; size, cost and checksums are worked out from spec and
 * weights.
 */
export interface ModelDraft
  extends Omit<ModelManifest, 'manifestVersion' | 'scale' | 'parameters' | 'macs' | 'weights'> {
  /**
   * How weights are stored. float16 halves the file and rounds each weight to 11 bits. @default
   * 'float32'
   */
  readonly dtype?: StoredDtype;
}

const toJson = (manifest: ModelManifest): string => `${JSON.stringify(manifest, null, 2)}\n`;

async function publishNew(root: string, manifest: ModelManifest, weights: Uint8Array): Promise<void> {
  const temporary = join(root, `.publish-${manifest.id}-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    await writeSynced(join(temporary, manifest.weights.file), weights);
    await writeSynced(join(temporary, MANIFEST_FILE), toJson(manifest));
    await syncFolder(temporary);
    await rename(temporary, modelDirectory(root, manifest.id));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  await syncFolder(root);
}

/**
 * Undefined where nothing was replaced. @throws DS_BAD_MODEL for a damaged manifest, and what
 * reading throws.
 */
async function readPrevious(directory: string): Promise<ModelManifest | undefined> {
  const path = join(directory, PREVIOUS_MANIFEST_FILE);
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  try {
    return parseManifest(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw new DualscaleError('DS_BAD_MODEL', `${path}: ${(cause as Error).message}`, { cause });
  }
}

async function publishOver(directory: string, manifest: ModelManifest, weights: Uint8Array): Promise<void> {
  // A damaged manifest is not worth rolling back to, and does not say which weights were its own.
  const forgotten = await readPrevious(directory).catch((error: unknown) => {
    if (error instanceof DualscaleError) return undefined;
    throw error;
  });
  const replaced = await readUsableManifest(directory);
  await replaceFile(join(directory, manifest.weights.file), weights);
  if (replaced) await replaceFile(join(directory, PREVIOUS_MANIFEST_FILE), toJson(replaced));
  await replaceFile(join(directory, MANIFEST_FILE), toJson(manifest));
  const kept = [manifest.weights.file, replaced?.weights.file];
  if (forgotten && !kept.includes(forgotten.weights.file)) {
    await rm(join(directory, forgotten.weights.file), { force: true });
  }
}

async function isFolder(directory: string): Promise<boolean> {
  const stats = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  return stats?.isDirectory() ?? false;
}

/**
 * @param root folder of model folders, created when missing.
 * @param parameters of the network and, so that others can train it further and check its results,
 *   of its dual networks.
 * @returns the model as a reader loads it, which is also the proof that it can be loaded.
 * @throws DS_BAD_MODEL when the draft is not valid or the parameters are not the network's; nothing
 *   is written then.
 */
export async function publishModel(
  root: string,
  { dtype = 'float32', ...draft }: ModelDraft,
  parameters: Readonly<Record<string, ParameterValues>>,
): Promise<StoredModel> {
  const bytes = writeSafetensors(parameters, { dtype, metadata: { format: 'dualscale', model: draft.id } });
  // What was written is checked, not what was given: a weight beyond 65504 is infinite as float16.
  splitParameters(draft.spec, readSafetensors(bytes).tensors);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const directory = modelDirectory(root, draft.id);
  const isReplacing = await isFolder(directory);
  const file = isReplacing ? `weights-${sha256.slice(0, 16)}.safetensors` : 'weights.safetensors';
  const manifest = parseManifest({
    manifestVersion: 1,
    id: draft.id,
    version: draft.version,
    license: draft.license,
    spec: draft.spec,
    scale: draft.spec.scale,
    degradation: draft.degradation,
    ...modelCost(draft.spec),
    weights: { file, sha256, dtype },
    provenance: draft.provenance,
    quality: draft.quality,
    latency: draft.latency,
  });
  if (isReplacing) await publishOver(directory, manifest, bytes);
  else await publishNew(root, manifest, bytes);
  return loadModel(directory);
}

/**
 * Adds what was measured after publication, without touching the weights or what `rollbackModel`
 * goes back to.
 * @throws DS_MODEL_NOT_FOUND, DS_BAD_MODEL as `loadModel` does.
 */
export async function updateMeasurements(
  directory: string,
  measured: Partial<Pick<ModelManifest, 'quality' | 'latency'>>,
): Promise<ModelManifest> {
  const manifest = parseManifest({ ...(await readManifest(directory)), ...measured });
  await replaceFile(join(directory, MANIFEST_FILE), toJson(manifest));
  return manifest;
}

/**
 * Puts the model back that the last publication replaced; calling it again undoes that.
 * @throws DS_MODEL_NOT_FOUND when nothing was replaced.
 */
export async function rollbackModel(root: string, id: string): Promise<StoredModel> {
  const directory = modelDirectory(root, id);
  const previous = await readPrevious(directory);
  if (!previous) throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no previous version of ${directory}`);
  const aside = join(directory, `.${PREVIOUS_MANIFEST_FILE}.${randomUUID()}`);
  await copyFile(join(directory, MANIFEST_FILE), aside);
  await rename(join(directory, PREVIOUS_MANIFEST_FILE), join(directory, MANIFEST_FILE));
  await rename(aside, join(directory, PREVIOUS_MANIFEST_FILE));
  await syncFolder(directory);
  return loadModel(directory);
}
