/** Which model serves which scale now. Models are switched between two requests. */
import { createHash } from 'node:crypto';
import type { EngineName } from '../../core/engine/runtime.ts';
import type { ServedModel } from '../../core/engine/served/served-types.ts';
import { DualscaleError } from '../../core/errors.ts';
import type { Logger } from '../../core/guarded.ts';
import { manifestDigest } from '../../core/models/digest.ts';
import { listModels } from '../../core/models/load.ts';
import type { ModelManifest } from '../../core/models/manifest.ts';
import { createMutex } from '../../core/mutex.ts';
import {
  type DegradationHint,
  type DegradationMode,
  hintKey,
  isUnstated,
  needsBlind,
} from '../../core/upscale/degradation-hint.ts';
import { blindModelsOf, checkBlindModels, chooseModels, firstLoadable, quickerModels } from './choose-models.ts';
import { ModelLoader } from './model-loader.ts';

/** One model as it answers now. A request holds on to it, whatever is activated meanwhile. */
export interface ServingModel {
  readonly id: string;
  readonly scale: number;
  /** Changes whenever the pixels of an answer might: part of every validator and key. */
  readonly digest: string;
  readonly manifest: ModelManifest;
  /** Quicker models that may answer instead under `latencyObjectiveMs`, best first. */
  readonly fallbackModels?: readonly ServingModel[];
  /** Serving models of smaller scales, largest first, for when this scale is too much. */
  readonly smaller: readonly ServingModel[];
  /** What the request knows of the picture's degradation. @default auto */
  readonly hint?: DegradationHint;
  /** Compiled once. Throws DS_BAD_MODEL, also when the folder holds another model by now. */
  load(): Promise<ServedModel>;
  /** The paired blind model, for pictures that are not clean reductions. */
  readonly loadBlind?: () => Promise<ServedModel>;
}

export interface ModelRegistryOptions {
  readonly modelsDir: string;
  readonly engine: EngineName;
  /** See `DualscaleOptions.models`. */
  readonly wanted: Readonly<Record<number, string>>;
  /** See `DualscaleOptions.blindModels`. */
  readonly wantedBlind: Readonly<Record<number, string>>;
  /** What is done with pictures whose degradation no request states. */
  readonly degradation: DegradationMode;
  /** Whether answers depend on the models of smaller scales too (`onLimit: 'clamp'`). */
  readonly dependsOnSmaller: boolean;
  readonly logger: Logger;
  /** Called for each model that begins to serve a scale. Must not throw. */
  readonly onServe: (model: ServingModel, previous: ServingModel | undefined) => void;
}

/** The models of a folder and which of them serve. */
export class ModelRegistry {
  readonly #options: ModelRegistryOptions;
  readonly #loader: ModelLoader;
  /** A `reload` in the midst of an `activate` would put the old model back. */
  readonly #exclusive = createMutex();
  #manifests: readonly ModelManifest[] = [];
  #named = new Map<string, ServingModel>();
  #serving = new Map<number, ServingModel>();
  #scales: readonly number[] = [];
  /** By scale, those that could be loaded. */
  #blinds: ReadonlyMap<number, ModelManifest> = new Map();
  #acceptsFallback: (manifest: ModelManifest) => boolean = () => true;
  /** `byDefault` of the models that serve now: most requests want nothing else. */
  #defaults = new WeakMap<ServingModel, ServingModel>();

  private constructor(options: ModelRegistryOptions) {
    this.#options = options;
    this.#loader = new ModelLoader(options.modelsDir, options.engine);
  }

  /**
   * Reads the folder and loads the models that serve. Throws DS_BAD_OPTION, DS_MODEL_NOT_FOUND,
   * DS_BAD_MODEL.
   */
  static async open(options: ModelRegistryOptions): Promise<ModelRegistry> {
    const registry = new ModelRegistry(options);
    await registry.#start();
    return registry;
  }

  /** Smallest first. */
  get scales(): readonly number[] {
    return this.#scales;
  }

  /** Every usable model, by id. */
  get manifests(): readonly ModelManifest[] {
    return this.#manifests;
  }

  /** By scale, the blind models paired with plain ones, without those that could not be read. */
  get pairedBlindModels(): ReadonlyMap<number, ModelManifest> {
    return this.#blinds;
  }

  /** Undefined for a scale that nobody serves. */
  serving(scale: number): ServingModel | undefined {
    return this.#serving.get(scale);
  }

  /** A request that names a model means it: without a hint no blind model takes its pictures. */
  named(id: string): ServingModel | undefined {
    return this.#named.get(id);
  }

  /**
   * Quicker models that may answer instead of the one that serves `scale`, best first; see
   * `quickerModels`. To stay quick they make no estimate that could hand the picture to the blind
   * model.
   */
  fallbackModels(scale: number, hint: DegradationHint = {}): readonly ServingModel[] {
    const active = this.#serving.get(scale)?.manifest;
    if (!active) return [];
    const ids = quickerModels(active, this.#manifests.filter(this.#acceptsFallback)).map(({ id }) => id);
    return ids.flatMap((id) => {
      const model = this.#named.get(id);
      const isPlain = model && this.#blindOf(model.manifest) !== undefined;
      return (model && this.withHint(model, isPlain ? { degradation: 'bicubic' } : hint)) ?? [];
    });
  }

  /** From now on only models that `accept` takes are fallback models. */
  restrictFallbackModels(accept: (manifest: ModelManifest) => boolean): void {
    this.#acceptsFallback = accept;
  }

  /** The model as it answers a hint; undefined where that needs a blind model and has none. */
  withHint(model: ServingModel, hint: DegradationHint): ServingModel | undefined {
    if (isUnstated(hint)) return model;
    const blind = this.#blindOf(model.manifest);
    if (needsBlind(hint) && !blind && model.manifest.degradation !== 'blind') return undefined;
    const smaller = model.smaller.flatMap((other) => this.withHint(other, hint) ?? []);
    return this.#answering(model, hint, smaller);
  }

  /**
   * The model for a request without model and hint: as `degradation` says, plainly where that needs
   * a blind model and there is none.
   */
  byDefault(model: ServingModel): ServingModel {
    const known = this.#defaults.get(model);
    if (known) return known;
    const { degradation } = this.#options;
    const isMet = degradation !== 'blind' || this.#blindOf(model.manifest) || model.manifest.degradation === 'blind';
    const smaller = model.smaller.map((other) => this.byDefault(other));
    const answering = this.#answering(model, isMet ? { degradation } : {}, smaller);
    this.#defaults.set(model, answering);
    return answering;
  }

  /** The digest covers all that answers depend on: paired blind model, hint, smaller models. */
  #answering(model: ServingModel, hint: DegradationHint, smaller: readonly ServingModel[]): ServingModel {
    const key = hintKey(hint);
    const blind = key === 'bicubic' ? undefined : this.#blindOf(model.manifest);
    const parts = [
      ...(blind ? [manifestDigest(blind)] : []),
      ...(key === '' ? [] : [key]),
      ...(this.#options.dependsOnSmaller ? smaller.map(({ digest }) => digest) : []),
    ];
    const digest = createHash('sha256')
      .update([model.digest, ...parts].join())
      .digest('base64url');
    const loadBlind = blind && this.#loader.lazy(blind);
    return { ...model, smaller, hint, digest: parts.length === 0 ? model.digest : digest, loadBlind };
  }

  /** The blind model paired with a plain one. */
  #blindOf({ scale, degradation }: ModelManifest): ModelManifest | undefined {
    return degradation === 'blind' ? undefined : this.#blinds.get(scale);
  }

  async #start(): Promise<void> {
    const { modelsDir, wanted, wantedBlind } = this.#options;
    await this.#list();
    checkBlindModels(this.#manifests, wantedBlind);
    const chosen = chooseModels(this.#manifests, wanted);
    if (chosen.size === 0) throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no usable model in ${modelsDir}`);
    await Promise.all([...chosen.values()].map((manifest) => this.#loader.load(manifest)));
    this.#serve(chosen, await this.#loadBlinds());
  }

  /**
   * Lets `id` serve `scale` once `prepare` has accepted it. Throws DS_MODEL_NOT_FOUND, DS_BAD_MODEL
   * and what `prepare` throws.
   */
  activate(scale: number, id: string, prepare: (model: ServedModel) => Promise<void>): Promise<void> {
    return this.#exclusive(() => this.#activate(scale, id, prepare));
  }

  /**
   * Reads the folder again. A serving model that was published anew is replaced as by `activate`;
   * one that is gone serves on.
   */
  reload(prepare: (model: ServedModel) => Promise<void>): Promise<void> {
    return this.#exclusive(() => this.#reload(prepare));
  }

  async #activate(scale: number, id: string, prepare: (model: ServedModel) => Promise<void>): Promise<void> {
    await this.#list();
    const manifest = this.#manifests.find((candidate) => candidate.id === id);
    if (manifest?.scale !== scale) {
      throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no model \`${id}\` of scale ${scale}`);
    }
    await prepare(await this.#loader.load(manifest));
    const blinds = await this.#loadBlinds();
    this.#serve(new Map([...this.#current(), [scale, manifest]]), blinds);
  }

  async #reload(prepare: (model: ServedModel) => Promise<void>): Promise<void> {
    await this.#list();
    const { logger } = this.#options;
    for (const [scale, model] of this.#serving) {
      const manifest = this.#manifests.find(({ id }) => id === model.id);
      if (manifest?.scale !== scale) logger.warn(`${model.id} is gone and serves on from memory`);
      else if (manifestDigest(manifest) !== manifestDigest(model.manifest)) {
        await this.#activate(scale, model.id, prepare).catch((error: unknown) => {
          // The others are not to suffer for it.
          logger.warn(`${model.id} serves on as it was: ${(error as Error).message}`);
        });
      }
    }
    const blinds = await this.#loadBlinds();
    this.#serve(this.#current(), blinds);
  }

  /** By scale the best blind model that loads. Loaded here so that no request waits for it. */
  async #loadBlinds(): Promise<ReadonlyMap<number, ModelManifest>> {
    const { degradation, wantedBlind, logger } = this.#options;
    // Where no blind model is used by default, its files are read and no more.
    const load = (blind: ModelManifest): Promise<unknown> =>
      degradation === 'bicubic' ? this.#loader.read(blind) : this.#loader.load(blind);
    const found = new Map<number, ModelManifest>();
    for (const scale of new Set(this.#manifests.map((manifest) => manifest.scale))) {
      const best = await firstLoadable(blindModelsOf(this.#manifests, scale, wantedBlind), load, logger);
      if (best) found.set(scale, best.manifest);
    }
    return found;
  }

  #current(): ReadonlyMap<number, ModelManifest> {
    return new Map([...this.#serving].map(([scale, { manifest }]) => [scale, manifest]));
  }

  async #list(): Promise<void> {
    const { modelsDir, logger } = this.#options;
    const { models, broken } = await listModels(modelsDir);
    for (const { error } of broken) logger.warn(`a model is passed over: ${error.message}`);
    this.#manifests = models;
  }

  /** All at once: a request sees the models before or after, never between. */
  #serve(chosen: ReadonlyMap<number, ModelManifest>, blinds: ReadonlyMap<number, ModelManifest>): void {
    const before = this.#serving;
    this.#blinds = blinds;
    const serving = new Map<number, ServingModel>();
    const sorted = [...chosen].sort(([a], [b]) => a - b);
    for (const [scale, manifest] of sorted) {
      serving.set(scale, this.#entry(manifest, [...serving.values()].reverse()));
    }
    const smallerThan = (scale: number) => [...serving.values()].filter((model) => model.scale < scale).reverse();
    const others = this.#manifests.map((manifest) => {
      const active = serving.get(manifest.scale);
      // One that was published anew waits for `reload` while the old one serves: an id must mean
      // one thing.
      return active?.id === manifest.id ? active : this.#entry(manifest, smallerThan(manifest.scale));
    });
    this.#serving = serving;
    this.#defaults = new WeakMap();
    this.#scales = [...serving.keys()];
    this.#named = new Map([...others, ...serving.values()].map((model) => [model.id, model]));
    this.#loader.keepOnly([...this.#named.values()].map(({ manifest }) => manifest));
    for (const [scale, model] of serving) {
      const previous = before.get(scale);
      if (previous?.id !== model.id || previous.digest !== model.digest) this.#options.onServe(model, previous);
    }
  }

  #entry(manifest: ModelManifest, smaller: readonly ServingModel[]): ServingModel {
    const own = manifestDigest(manifest);
    const digests = this.#options.dependsOnSmaller ? [own, ...smaller.map((model) => model.digest)] : [own];
    const digest = digests.length === 1 ? own : createHash('sha256').update(digests.join()).digest('base64url');
    return { id: manifest.id, scale: manifest.scale, digest, manifest, smaller, load: this.#loader.lazy(manifest) };
  }
}
