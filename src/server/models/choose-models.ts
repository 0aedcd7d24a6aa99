/** Which of the stored models serves which scale. */
import { createRequire } from 'node:module';
import { badOption } from '../../core/errors.ts';
import type { Logger } from '../../core/guarded.ts';
import type { ModelManifest } from '../../core/models/manifest.ts';

interface ListedModel {
  readonly id: string;
  readonly default?: boolean;
}

const plugin = createRequire(import.meta.url)('../../../plugin.json') as { readonly models: readonly ListedModel[] };

/** Ids of the models that serve their scale by default, as `plugin.json` lists them. */
const DEFAULT_MODELS: readonly string[] = plugin.models.filter((model) => model.default).map(({ id }) => id);

/**
 * Set5 where it was measured, because every model is measured on it; else the first set; unmeasured
 * models come last.
 */
function psnrDb({ quality }: ModelManifest): number {
  const entry = quality.find(({ set }) => set === 'Set5') ?? quality[0];
  return entry?.psnrDb ?? Number.NEGATIVE_INFINITY;
}

/**
 * One model per scale that any model has, smallest scale first: the one that `wanted` names, else
 * the one that `defaults` names, else the one with the best PSNR. A better and slower model next to
 * a default therefore changes nothing by itself. Throws DS_BAD_OPTION when `wanted` names a model
 * that is not there or has another scale.
 */
export function chooseModels(
  models: readonly ModelManifest[],
  wanted: Readonly<Record<number, string>> = {},
  defaults: readonly string[] = DEFAULT_MODELS,
): ReadonlyMap<number, ModelManifest> {
  const chosen = new Map<number, ModelManifest>();
  const isBetter = (model: ModelManifest, rival: ModelManifest) => {
    // A blind model is the plain one's paired model: it serves by itself only where there is no
    // other.
    if (model.degradation !== rival.degradation) return model.degradation === 'bicubic';
    const isDefault = defaults.includes(model.id);
    if (isDefault !== defaults.includes(rival.id)) return isDefault;
    return psnrDb(model) > psnrDb(rival);
  };
  for (const model of models) {
    const rival = chosen.get(model.scale);
    if (!rival || isBetter(model, rival)) chosen.set(model.scale, model);
  }
  for (const model of wantedModels(models, wanted, 'models', '')) chosen.set(model.scale, model);
  return new Map([...chosen].sort(([a], [b]) => a - b));
}

function wantedModels(
  models: readonly ModelManifest[],
  wanted: Readonly<Record<number, string>>,
  option: string,
  kind: string,
): readonly ModelManifest[] {
  return Object.entries(wanted).map(([scale, id]) => {
    const there = models.filter((model) => String(model.scale) === scale);
    const model = there.find((candidate) => candidate.id === id);
    const ids = there.map((candidate) => candidate.id).join(', ') || 'none';
    if (!model) throw badOption(`${option}[${scale}]`, `one of the ${kind}x${scale} models (${ids})`, id);
    return model;
  });
}

/**
 * Whether it can enlarge a picture that is no clean reduction, and estimate how it was degraded.
 */
const isBlind = ({ degradation, spec }: ModelManifest): boolean =>
  degradation === 'blind' && spec.family === 'edge' && spec.code !== undefined;

/**
 * Throws DS_BAD_OPTION when `wanted` names a model that is not there, is no blind one or has
 * another scale.
 */
export function checkBlindModels(models: readonly ModelManifest[], wanted: Readonly<Record<number, string>>): void {
  wantedModels(models.filter(isBlind), wanted, 'blindModels', 'blind ');
}

/**
 * The blind models that may be paired with a scale's plain one, best first: the wanted one alone,
 * else all.
 */
export function blindModelsOf(
  models: readonly ModelManifest[],
  scale: number,
  wanted: Readonly<Record<number, string>> = {},
): readonly ModelManifest[] {
  const able = models.filter((model) => model.scale === scale && isBlind(model));
  const id = wanted[scale];
  if (id !== undefined) return able.filter((model) => model.id === id);
  const best = chooseModels(able).get(scale);
  if (!best) return [];
  const others = able.filter((model) => model !== best);
  return [best, ...blindModelsOf(others, scale)];
}

/** PSNR on a set that both were measured on, Set5 if it is one; undefined where there is none. */
function comparePsnr(model: ModelManifest, rival: ModelManifest): number | undefined {
  const common = model.quality.filter(({ set }) => rival.quality.some((other) => other.set === set));
  const set = (common.find((entry) => entry.set === 'Set5') ?? common[0])?.set;
  const psnrOf = ({ quality }: ModelManifest) => quality.find((entry) => entry.set === set)?.psnrDb;
  const own = psnrOf(model);
  const other = psnrOf(rival);
  return own === undefined || other === undefined ? undefined : own - other;
}

/**
 * Models that may answer instead of `active` when there is no time for it: of its scale and kind of
 * degradation, with fewer multiply-accumulates, best first. More of them count as better, because
 * sets that jobs measure on are their own; but a model that is no better than a quicker one, on a
 * set that both were measured on, is left out.
 */
export function quickerModels(active: ModelManifest, models: readonly ModelManifest[]): readonly ModelManifest[] {
  const cost = ({ macs }: ModelManifest) => macs.perLrPixel;
  const quicker = models
    .filter(({ scale, degradation }) => scale === active.scale && degradation === active.degradation)
    .filter((model) => cost(model) < cost(active));
  const isNeedless = (model: ModelManifest) =>
    quicker.some((rival) => cost(rival) < cost(model) && (comparePsnr(model, rival) ?? 1) <= 0);
  return quicker.filter((model) => !isNeedless(model)).sort((a, b) => cost(b) - cost(a) || (a.id < b.id ? -1 : 1));
}

/** The first model that loads; each one before it is named in a warning. */
export async function firstLoadable<Loaded>(
  manifests: readonly ModelManifest[],
  load: (manifest: ModelManifest) => Promise<Loaded>,
  logger: Pick<Logger, 'warn'>,
): Promise<{ readonly manifest: ModelManifest; readonly loaded: Loaded } | undefined> {
  for (const manifest of manifests) {
    try {
      return { manifest, loaded: await load(manifest) };
    } catch (error) {
      logger.warn(`the blind model ${manifest.id} is passed over: ${String(error)}`);
    }
  }
  return undefined;
}
