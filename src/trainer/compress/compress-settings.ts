/** What a compression is asked for: plain data, so that a job can carry it into another process. */
import type { EngineName, Provider } from '../../core/engine/runtime.ts';
import { badOption } from '../../core/errors.ts';
import type { StoredModel } from '../../core/models/load.ts';
import { isModelId } from '../../core/models/manifest.ts';
import type { StoredDtype } from '../../core/models/safetensors.ts';
import { type Budget, checkBudget, MULTIPLES, type Multiple } from './budget.ts';
import { checkConditions } from './check-conditions.ts';
import { isTrainingBudgetName, type TrainingBudget, type TrainingBudgetName } from './training-budget.ts';

/**
 * `drc` is the paper's: search, gradient pruning, fine-tuning with distillation. `l1` prunes all widths alike by the
 * filters' size, with the same fine-tuning. `scratch` trains a network of the searched widths from random weights.
 */
export const METHODS = ['drc', 'l1', 'scratch'] as const;
export type Method = (typeof METHODS)[number];

/** Sides above this would take gigabytes of activations. */
const LONGEST_SIDE = 8192;

export interface PictureSize {
  /** LR pixels. */
  readonly width: number;
  readonly height: number;
}

export interface CompressSettings {
  /** Folder of the model to compress. */
  readonly model: string;
  /** Folders of photographs. */
  readonly data: readonly string[];
  /** Folder of the run: stages, checkpoints, report. */
  readonly out: string;
  /** Go on where the folder's run stopped; without it a folder that holds a run is refused. @default false */
  readonly resume?: boolean;
  readonly budget: Budget;
  /** Widths are multiples of this. @default 4 */
  readonly multiple?: Multiple;
  /** @default 'drc' */
  readonly method?: Method;
  /** How long each stage takes. @default 'default' */
  readonly effort?: TrainingBudgetName | TrainingBudget;
  /** Most that the mean PSNR on held-out photographs may fall, in dB. @default 0.5 */
  readonly maxPsnrDropDb?: number;
  /** Whether a result that misses the budget or loses too much is refused, and kept aside. @default true */
  readonly gate?: boolean;
  /** @default the model's id, and `-p50` for a ratio of 0.5, `-20ms`, `-100k-params` or `-5000m-macs` */
  readonly id?: string;
  /** Folder of model folders that the result is published in. @default `out` */
  readonly publishTo?: string;
  /** @default 1 */
  readonly seed?: number;
  /** Runs search, pruning and training, and is what the latency is measured on. @default 'onnx' */
  readonly engine?: EngineName;
  /** Of the `onnx` engine. @default 'cpu' */
  readonly provider?: Provider;
  /** Worker threads that train. @default 1 */
  readonly workers?: number;
  /** Picture whose latency is measured when the budget is not one of latency, which names its own. @default 320 x 180 */
  readonly at?: PictureSize;
  /** Share of the photographs held out for search and gate by their hash, above 0 and below 1. @default 0.05 */
  readonly validationShare?: number;
  /** How the weights are stored. @default 'float32' */
  readonly weights?: StoredDtype;
  /** @default the model's */
  readonly license?: string;
  /** Where the photographs come from, in words. */
  readonly dataNote?: string;
  /** `describeMachine()`. */
  readonly machine: string;
}

export type ResolvedSettings = Required<Omit<CompressSettings, 'resume' | 'dataNote'>> &
  Pick<CompressSettings, 'dataNote'> & { readonly resume: boolean };

function describeBudget(budget: Budget): string {
  const short = (value: number) => String(Number(value.toPrecision(6))).replace('.', '-');
  switch (budget.kind) {
    case 'ratio':
      return `p${short(budget.ratio * 100)}`;
    case 'latency':
      return `${short(budget.latencyMs)}ms`;
    case 'params':
      return `${short(budget.parameters / 1e3)}k-params`;
    case 'macs':
      return `${short(budget.macs / 1e6)}m-macs`;
  }
}

function defaultId({ model, method, budget }: Pick<ResolvedSettings, 'method' | 'budget'> & { model: StoredModel }) {
  return [model.manifest.id, describeBudget(budget), ...(method === 'drc' ? [] : [method])].join('-');
}

function checkNumbers({ maxPsnrDropDb, validationShare, at }: ResolvedSettings): void {
  if (!(maxPsnrDropDb > 0)) throw badOption('--max-psnr-drop', 'above 0 dB', maxPsnrDropDb);
  if (!(validationShare > 0 && validationShare < 1)) {
    throw badOption('validationShare', 'above 0 and below 1', validationShare);
  }
  const bad = [at.width, at.height].find((side) => !Number.isInteger(side) || side < 1 || side > LONGEST_SIDE);
  if (bad !== undefined) throw badOption('--at', `sides from 1 to ${LONGEST_SIDE} pixels`, bad);
}

/** What comes as data from another process may be anything. */
function checkNames({ multiple, method, effort, id, license, dataNote = '' }: ResolvedSettings): void {
  if (!MULTIPLES.includes(multiple)) throw badOption('--multiple', `one of ${MULTIPLES.join(', ')}`, multiple);
  if (!METHODS.includes(method)) throw badOption('--method', `one of ${METHODS.join(', ')}`, method);
  if (typeof effort === 'string' && !isTrainingBudgetName(effort))
    throw badOption('--budget', 'quick or default', effort);
  if (!isModelId(id)) throw badOption('--id', 'lower-case words joined by `-`, at most 64 characters', id);
  if (license === '' || license.length > 200) throw badOption('--license', 'a text of 1 to 200 characters', license);
  if (dataNote.length > 1000) throw badOption('--data-note', 'a text of at most 1000 characters', dataNote);
}

function check(settings: ResolvedSettings, { manifest: { spec } }: StoredModel): void {
  checkBudget(settings.budget, spec);
  checkNames(settings);
  checkNumbers(settings);
  checkConditions(settings, spec);
}

/** What was left open must not hide a default. */
function withoutUndefined(settings: CompressSettings): CompressSettings {
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  ) as unknown as CompressSettings;
}

/** @throws DS_BAD_OPTION naming the option, what was expected and what came. */
export function resolveSettings(settings: CompressSettings, base: StoredModel): ResolvedSettings {
  const { budget, method = 'drc', out, at = { width: 320, height: 180 } } = settings;
  const resolved: ResolvedSettings = {
    resume: false,
    multiple: 4,
    effort: 'default',
    maxPsnrDropDb: 0.5,
    gate: true,
    publishTo: out,
    seed: 1,
    engine: 'onnx',
    provider: 'cpu',
    workers: 1,
    validationShare: 0.05,
    weights: 'float32',
    id: defaultId({ model: base, method, budget }),
    license: base.manifest.license,
    ...withoutUndefined(settings),
    method,
    // The network must be timed with the picture that the target is meant for, whatever else is asked for.
    at: budget.kind === 'latency' ? { width: budget.width, height: budget.height } : at,
  };
  check(resolved, base);
  return resolved;
}
