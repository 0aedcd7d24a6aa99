/** The models a command works with. */
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { badOption } from '../core/errors.ts';
import { listModels, loadModel, modelDirectory, type StoredModel } from '../core/models/load.ts';
import type { ModelManifest } from '../core/models/manifest.ts';
import { PACKAGE_ROOT } from '../core/version.ts';
import { blindModelsOf, chooseModels, firstLoadable } from '../server/models/choose-models.ts';
import type { ModelFlags } from './options.ts';
import { consoleLogger } from './terminal.ts';

export const modelsRoot = ({ models }: ModelFlags): string => models ?? join(PACKAGE_ROOT, 'models');

/** Manifests of all usable models; a broken one is reported and skipped. Throws DS_BAD_OPTION without a folder. */
export async function openManifests(flags: ModelFlags): Promise<readonly ModelManifest[]> {
  const root = modelsRoot(flags);
  const { models, broken } = await listModels(root).catch(() => {
    throw badOption('--models', 'a folder that can be read', root);
  });
  for (const { error } of broken) consoleLogger.warn(`a model is skipped: ${error.message}`);
  return models;
}

/** Throws DS_BAD_OPTION when there is no such model or its scale is not the one asked for. */
export async function openModel(id: string, scale: number | undefined, flags: ModelFlags): Promise<StoredModel> {
  const manifests = await openManifests(flags);
  const manifest = manifests.find((candidate) => candidate.id === id);
  if (!manifest) {
    const ids = manifests.map((known) => known.id).join(', ') || 'the models, but there are none';
    throw badOption('--model', `one of ${ids} (in ${modelsRoot(flags)})`, id);
  }
  if (scale !== undefined && scale !== manifest.scale) {
    throw badOption('--scale', `${manifest.scale}, the scale of ${id}`, scale);
  }
  return loadModel(modelDirectory(modelsRoot(flags), id));
}

/** The best whole model of a scale for pictures that are not clean reductions; undefined without one. A damaged one is reported and skipped. */
export async function openBlindModel(scale: number, flags: ModelFlags): Promise<StoredModel | undefined> {
  const load = ({ id }: ModelManifest) => loadModel(modelDirectory(modelsRoot(flags), id));
  const blinds = blindModelsOf(await openManifests(flags), scale);
  return (await firstLoadable(blinds, load, consoleLogger))?.loaded;
}

/** The best model for a scale. Throws DS_BAD_OPTION when there is none. */
export async function openBestModel(scale: number, flags: ModelFlags): Promise<StoredModel> {
  const chosen = chooseModels(await openManifests(flags));
  const manifest = chosen.get(scale);
  if (!manifest) {
    const scales = [...chosen.keys()].join(', ') || 'a scale with a model, but there is none';
    throw badOption('--scale', `one of the models' scales, ${scales} (in ${modelsRoot(flags)})`, scale);
  }
  return loadModel(modelDirectory(modelsRoot(flags), manifest.id));
}

/** Copies models into a folder that may be written; those it already has stay as they are. Returns the folder. */
export async function copyModels(from: string, to: string): Promise<string> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const target = join(to, entry.name);
    if (!entry.isDirectory() || (await stat(target).catch(() => undefined))) continue;
    // Readers skip names that begin with a dot: they see a model whole or not at all.
    const partial = join(to, `.copy-${entry.name}`);
    await rm(partial, { recursive: true, force: true });
    await cp(join(from, entry.name), partial, { recursive: true });
    await rename(partial, target);
  }
  return to;
}
