/** Models of a folder, read and compiled once each. */
import type { EngineName } from '../../core/engine/runtime.ts';
import { compileServedModel } from '../../core/engine/served/served-model.ts';
import type { ServedModel } from '../../core/engine/served/served-types.ts';
import { DualscaleError } from '../../core/errors.ts';
import { manifestDigest } from '../../core/models/digest.ts';
import { loadModel, modelDirectory, type StoredModel } from '../../core/models/load.ts';
import type { ModelManifest } from '../../core/models/manifest.ts';

export class ModelLoader {
  readonly #modelsDir: string;
  readonly #engine: EngineName;
  /** By digest. */
  readonly #loading = new Map<string, Promise<ServedModel>>();

  constructor(modelsDir: string, engine: EngineName) {
    this.#modelsDir = modelsDir;
    this.#engine = engine;
  }

  load(manifest: ModelManifest): Promise<ServedModel> {
    const digest = manifestDigest(manifest);
    const known = this.#loading.get(digest);
    if (known) return known;
    const model = this.read(manifest).then((stored) => compileServedModel(stored, this.#engine));
    this.#loading.set(digest, model);
    // A failure is not remembered: the folder may be repaired meanwhile.
    model.catch(() => this.#loading.delete(digest));
    return model;
  }

  /**
   * A function that loads the model and holds on to it: a request that began before a switch still
   * gets its model after it.
   */
  lazy(manifest: ModelManifest): () => Promise<ServedModel> {
    let loaded = this.#loading.get(manifestDigest(manifest));
    return () => {
      loaded ??= this.load(manifest);
      loaded.catch(() => {
        loaded = undefined;
      });
      return loaded;
    };
  }

  /** The files alone. Throws DS_BAD_MODEL, also when the folder holds another model by now. */
  async read(manifest: ModelManifest): Promise<StoredModel> {
    const stored = await loadModel(modelDirectory(this.#modelsDir, manifest.id));
    if (manifestDigest(stored.manifest) !== manifestDigest(manifest)) {
      throw new DualscaleError('DS_BAD_MODEL', `${manifest.id} was published anew: reload() takes it`);
    }
    return stored;
  }

  /** Lets go of all models but these. */
  keepOnly(manifests: Iterable<ModelManifest>): void {
    const kept = new Set([...manifests].map(manifestDigest));
    for (const digest of this.#loading.keys()) if (!kept.has(digest)) this.#loading.delete(digest);
  }
}
